// Package catalog holds what a site is and what it offers: keys, signed files, enrolment, and the
// catalogue. Start with OpenCatalogue, or with package node/folder, which keeps a catalogue and
// the keys that go with it.
//
// A site's trust rests on four kinds of signed files. Each is checked by its Verify function,
// which looks at the signature over the raw bytes before it parses the body:
//
//	root         site key       the site's keys and their roles
//	head         online key     version, epoch, revoked keys, hash of every manifest in the catalogue
//	manifest     publisher key  one content: its chunks in order
//	node record  online key     a node's key, name and roles
//
// All have one frame. Integers are big-endian; "text" is one byte of length and so many bytes.
//
//	 0               7   8              12              16
//	+---------------+---+---------------+---------------+
//	| "wimcast"     | K | version = 1   | body length n |  K: R root, H head, M manifest, N node
//	+---------------+---+---------------+---------------+
//	| signer's public key (32)                          |
//	+---------------------------------------------------+
//	| body (n)                                          |
//	+---------------------------------------------------+
//	| Ed25519 signature (64)                            |
//	+---------------------------------------------------+
//
// The signature is over "wimcast signed file 1", a zero byte, and the BLAKE3-256 hash of all
// before the signature.
//
//	root body         version u32 | site name text | site key 32 | online key 32 | keys: publishers
//	head body         version u64 | epoch u32 | keys: revoked | count u32 | count × entry
//	  entry           name text | version text | serial u64 | manifest hash 32
//	manifest body     name text | version text | kind u8 | content digest 32 | size u64 |
//	                  count u32 | count × chunk
//	  chunk           chunk ID 32 | u32: top bit prologue, the rest size in bytes
//	node record body  key 32 | roles u8 | name text
//	keys              count u32 | count × 32, ascending, none twice
//
// There is one encoding of each value: what parses is written back byte for byte, and nothing may
// follow it. Ed25519 is deterministic, so the same content signed by the same key is the same
// file. docs/formats.md has the other small formats and the reasons.
//
// The catalogue is one bbolt file. Each change of it makes the next head and is one transaction.
// Publish only what is durable in the chunk store; ask LiveChunks before deleting from it.
package catalog
