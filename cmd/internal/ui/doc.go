// Package ui is what every verb of the command line shares: the process's streams ([UI]), options
// and arguments that mean the same everywhere, errors and what can be done about them
// ([WithHint]), progress, and numbers written for people.
//
// A verb gets a [UI], returns an error, and leaves the rest to [Report], which returns the exit
// status.
package ui
