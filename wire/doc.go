// Package wire is the byte layout of every datagram and stream message. Integers are big-endian.
//
// A multicast datagram is a [Header], a payload and a tag. [Sealer] makes it and [Opener] opens
// it; both work in the caller's buffers:
//
//	 0        24                      24+n         24+n+16
//	+--------+-----------------------+------------+
//	| Header | payload, n <= 1408    | GCM tag    |     n: a symbol's bytes, or an Announce
//	+--------+-----------------------+------------+
//
// A QUIC datagram is one type byte and a [Report], or one type byte and padding:
//
//	+-------+----------------+      +-------+--------------------+
//	| 1     | Report         |      | 0     | anything: ignored  |
//	+-------+----------------+      +-------+--------------------+
//
// A stream message is a type byte, the length of the body and the body. [AppendMessage] writes one
// and [ReadMessage] reads one; each type has its own limit, checked before the body is read:
//
//	+-------+----------------+------------------------------------+
//	| type  | length (4)     | body                               |
//	+-------+----------------+------------------------------------+
//
// Every message type M has Append, which appends the body, Length, which is the body's size in
// bytes, and ParseM, which accepts exactly one body: too few bytes, bytes left over, or a value out
// of range are errors. Parsing and appending gives the same bytes. Append does not check limits:
// AppendMessage and the sender of a datagram do. The layouts are in docs/formats.md.
package wire
