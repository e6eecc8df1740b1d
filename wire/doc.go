// Package wire is the byte layout of every datagram and stream message.
package wire
