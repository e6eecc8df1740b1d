// Command wimcast distributes operating-system images to many computers at once and puts them on
// disk as they arrive.
//
// It is the one binary of the project and the only place that reads the environment or ends the
// process. Every verb has a file of its own; run (run.go) is the whole program with its streams
// and arguments passed in, so that tests can call it.
//
// Data goes to standard output, everything else to standard error. The exit status is 0 when the
// work was done, 1 when it failed or was interrupted, 2 when the command line was wrong.
package main
