// Package transport is the real network under a node: UDP multicast sockets and the QUIC endpoint.
//
//	Sender    multicasts batches of datagrams; a full socket buffer blocks it, which is the
//	          back-pressure of a cast
//	Receiver  joins a group on an interface and returns batches of datagrams in buffers it uses again
//	Endpoint  one UDP socket that listens for and dials QUIC connections
//	Conn      one connection: control messages, reports, fetches
//
// Start with [NewSender], [NewReceiver] and [Listen]. The package knows nothing of casts: it moves
// bytes and messages of package wire, and it keeps three promises.
//
// A node is its Ed25519 key. Certificates only carry the key; their names and dates are ignored,
// so the wall clock does not matter. Dial names the key that must answer.
//
// Nobody gets more bytes than it sent, until Conn.Trust says that the other node is
// enrolled: the socket counts the UDP payload bytes from and to every remote address that is not
// trusted, and drops what would exceed them. A client earns the credit it needs by sending
// padding.
//
// Every wait ends: by its context, by a deadline named in this package, or because the connection
// is dead, which is noticed within 20 seconds.
package transport
