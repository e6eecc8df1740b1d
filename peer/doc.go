// Package peer is the receiving machine of a cast: collect, decode, verify, report, ask.
//
// New makes a Machine; Handle, Poll and Deadline drive it as internal/machine says. The driver opens and authenticates
// datagrams and drops replays; the machine collects symbols block by block, decodes, checks every block against its
// BLAKE3 name and gives it out once by Store. A block counts as held when the driver says Stored: never before.
//
//	Symbol, Announce, Message, Need, Stored, Fetched, Link, Tick  ->  Machine  ->  Store, SendReport, SendStream, Fetch, Group, Done, Event
//
// The files: collect.go takes symbols, pool.go bounds what is partly there, deficit.go and report.go tell the sender what is
// missing, fetch.go asks over QUIC, group.go is about being heard: deaf, demoted, link down.
package peer
