// Package distributor is the sending machine of a cast: what to send next, pacing, repair, rate,
// members.
//
// New makes a Machine; Handle, Poll and Deadline drive it as internal/machine says. It holds no
// chunk bytes: SendSymbols names symbols of a block, and the driver makes, seals and sends them.
// The rules are those of docs/protocol.md.
//
//	Join, Message, Report, Gone, Fetched, Unreadable, Tick  ->  Machine
//	Machine  ->  SendSymbols, SendAnnounce, SendStream, Drop, Over, End, Event
//
// The files: schedule.go picks the next burst, repair.go turns deficits into symbols, unicast.go
// hands blocks to QUIC, rate.go finds the rate, loss.go reads the reports' counters, members.go
// and wants.go keep who lacks what, announce.go announces, unreadable.go is about blocks that
// cannot be read, linger.go about a cast without members.
//
// The driver's send may block; pass the true time to the next Handle and the machine learns what
// the link really takes. Only a Tick makes it multicast, at most 2 ms worth of the rate: take all
// other inputs that wait before each Tick.
package distributor
