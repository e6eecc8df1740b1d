// Package peer is the receiving machine of a cast: collect, decode, verify, report, fetch.
//
// New makes a Machine; Handle, Poll and Deadline drive it as internal/machine says. The driver
// opens and authenticates datagrams and drops replays; the machine collects symbols block by
// block, decodes, checks every block against its BLAKE3 name and gives it out once by Store. A
// block counts as held when the driver says Stored: never before.
//
//	Symbol, Announce, Message, Need, Stored, Fetched, Link, DialFailed, Tick  ->  Machine
//	Machine  ->  Dial, Store, SendReport, SendStream, Fetch, Cancel, Group, Done, Failed, Event
//
// The driver decides nothing: when to dial again, whom to fetch from and how long, when to join
// the group again, and when to give up are the machine's rules.
//
// The files: collect.go handles symbols, pool.go bounds what is partly there, deficit.go and
// report.go report what is missing, fetch.go fetches over QUIC, link.go keeps a connection
// to the sender, group.go is about hearing: deaf, demoted, joining.
package peer
