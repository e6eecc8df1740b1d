// Package receive drives the receiving machine (package peer) with real connections, a multicast
// socket and timers.
//
// [Run] is one reception: it takes part in the cast of a content until a [Sink] has all it needs,
// and keeps a connection to the distribution point up meanwhile. [Patience] is how long it may take
// before one is there. What is here carries out the machine's outputs, and tells it what happened
// and how late it is.
package receive
