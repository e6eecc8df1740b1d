// Package send drives the sending machine (package distributor) with a real socket, timer and
// store.
//
// [Start] begins the cast of one content; [Cast.Join] makes a connection a member of it, and what
// the connection says goes to [Cast.Message] and [Cast.Report]. One goroutine owns the machine, the
// socket and the run's key; others read the blocks that the machine asks for ahead, so that no read
// holds up the pacing. The rules of the protocol are in the machine: what is here reads blocks,
// makes parity, seals and sends.
package send
