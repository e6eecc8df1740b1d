// Package mesh tells the nodes of a site of each other: distribution points and receiving clients
// form one gossip mesh (github.com/hashicorp/memberlist) and learn who else is there. Start joins
// it; Nodes says who is in it.
//
// What it says are hints, for people and for choosing whom to ask first. Every node that is
// enrolled knows the mesh key and may say anything, so no decision about trust or content rests on
// it: those rest on signatures (package catalog).
//
// Whoever does not know the mesh key learns nothing and gets nothing but, over TCP, as many
// random-looking bytes as they sent. Both keys below are HKDF-SHA256 of the mesh key.
//
//	UDP   what memberlist sends, sealed with AES-256-GCM under the key "wimcast mesh gossip 1";
//	      anything else is dropped
//	TCP   a greeting under the key k = "wimcast mesh stream 1", then what memberlist sends,
//	      sealed in the same way
//
//	  dialer    ->  a, 32 random bytes
//	  acceptor  ->  b, 16 random bytes | first 16 bytes of HMAC-SHA256(k, "acceptor" | a | those 16)
//	  dialer    ->  HMAC-SHA256(k, "dialer" | a | b), 32 bytes
//
// The greeting binds both ends to this connection, so a stream that somebody recorded opens
// nothing later.
//
// A process is known in the mesh by its node ID in hexadecimal, a dash, and 8 random hexadecimal
// digits: a node that was restarted, or that runs two commands at a time, is not taken for a liar.
// What it says of itself is the metadata:
//
//	 0             1        2
//	+-------------+--------+----------+------+----------+------+
//	| version = 1 | role   | length n | name | length m | what |
//	+-------------+--------+----------+------+----------+------+
//
// Role is 1 for a distribution point, 2 for a peer. Name has 1..64 bytes, what at most 128; both
// are UTF-8 without control and direction characters. Nothing may follow.
package mesh
