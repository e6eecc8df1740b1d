// Package disk keeps chunks on disk: a Store, in its own files and for all contents, an Assembly,
// at their places in one output file, and an Overlay, at their places on a block device. Start
// with OpenStore, OpenAssembly or OpenOverlay. All are a chunk.Store, and keep its promise:
//
//	Put(ctx, id, data)  the chunk is verified and accepted
//	Sync()              all that was accepted before is durable; callers share one wait for the disk
//	Has(id)             true only for what a power cut leaves in place; Get then returns its
//	                    verified bytes
//
// A chunk.View reads a whole content out of each.
//
// # The store's folder
//
//	LOCK             locked while the store is open
//	index            what is held, and where
//	pack-0000002a    the bytes; numbers are never used again
//
// A pack is a head of 16 bytes, "wimcast pack 1\n\0", and then chunks without anything between
// them. The index is a list of slots of 64 bytes. Integers are big-endian; sum is the CRC-32C of
// the 60 bytes before it.
//
//	offset  head                    offset  record
//	     0  "wimcast index 1\n"          0  1 held, 2 damaged; three zero bytes
//	    16  next pack's number           4  pack's number
//	    20  zero                         8  offset in the pack (64 bits)
//	                                    16  size
//	                                    20  chunk ID (32 bytes)
//	                                    52  zero
//	    60  sum                         60  sum
//
// Packs and index are only appended to. A commit writes the pack, syncs it, writes the records,
// syncs the index, and only then says that the chunks are held. Bytes that a record may name are
// never written over, in no case of failure, so every record with a right sum is true by itself,
// whatever else a crash has taken; a record whose pack is gone is void. GC copies what lives out
// of a pack with such commits and then removes the pack. The index is replaced, by a rename, when
// most of it is void.
//
// # An assembly's files
//
// Beside NAME stand .NAME.partial, with the content's length and every durable chunk in its
// places, and .NAME.journal:
//
//	offset  head                             slot
//	     0  "wimcast parts 1\n"              index in the content's list at which the
//	                                        chunk first occurs (32 bits)
//	    16  BLAKE3 of the list: ID, size…    CRC-32C of that
//	    48  zero
//	    60  sum
//
// The journal is a hint: whoever takes the files up verifies each chunk named in it. Finish
// renames, syncs the folder, and removes the journal. Chunks of zeros are not written: what was
// not written in a partial file reads as zeros, and takes no room. An Overlay's journal is the
// same; it lies where its caller says, and Finish removes it.
package disk
