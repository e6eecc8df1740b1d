// Package lzms is the LZMS compression of WIM files, one piece at a time.
//
// Start with [NewDecoder] and [NewEncoder].
//
// A piece decodes to 1 to 2^30 bytes; WIM files use 128 KiB and, in solid resources, 64 MiB and
// more. Neither its length nor anything else is told by a header, and each piece starts afresh.
//
//	+-----------------------------------+-----------------------------------+
//	| decisions, range coded         -> | <- bits: codewords and raw numbers |
//	+-----------------------------------+-----------------------------------+
//	16-bit little-endian units, read        16-bit little-endian units, read
//	from the first one on                   from the last one back, each from its highest bit
//
// # Items
//
// The data is a row of items. "?name" is a decision, "<name>" a symbol of the code of that name,
// "[n]" are n raw bits:
//
//	?main 0                            a literal byte: <literal>
//	?main 1 ?match 0                   LZ match, copies bytes from offset back:
//	  ?lz 0                              offset = <offset>[extra]
//	  ?lz 1 ?rep0 0                      offset = recent 0
//	  ?lz 1 ?rep0 1 ?rep1 0 or 1         offset = recent 1 or 2
//	                                     length = <length>[extra]
//	?main 1 ?match 1                   delta match:
//	  ?delta 0                           power = <power>, raw = <delta offset>[extra]
//	  ?delta 1 ?rep0 ... ?rep1 ...       (power, raw) = recent 0, 1 or 2 of delta matches
//	                                     length = <length>[extra]
//
// A delta match stands for data of columns that go up or down at the same steps as before: with
// span = 2^power and offset = raw * 2^power, byte i is b[i-span] + (b[i-offset] -
// b[i-offset-span]), modulo 256, in order of i.
//
// Both kinds have a queue of three recent offsets, at first 1, 2, 3 (delta: power 0). An offset
// that is used goes to the front, but only after the next item: while that one is chosen, the
// queue has neither moved it there nor, when the offset came from the queue, still holds it. So
// two LZ matches in a row cannot both be recent 0 and have one offset, as they would be one longer
// match.
//
// # Numbers
//
// A slot stands for base[slot] to base[slot+1]-1 and has as many raw bits as that range takes.
// Bases follow from steps: how many slots are 1, 2, 4, ... after the one before, the one before
// the first being 0:
//
//	offsets  9 0 9 7 10 15 15 20 20 30 33 40 42 45 60 73 80 85 95 105 6  799 slots, up to 2^31-2
//	lengths  27 4 6 4 5 2 1 1 1 1 1 0 0 0 0 0 1                          54 slots, up to 2^30+67754
//
// Where a range is no power of two, the number of bits is rounded down, which happens only to the
// last offset slot. Offset alphabets have only the slots up to the one of the piece's size less
// one.
//
// # Codes
//
// Codes are canonical prefix codes of at most 15 bits. All symbols start with frequency 1. After
// so many symbols of a code, the next one is made from the frequencies, which then fade: f becomes
// f/2 + 1.
//
//	literal 256 symbols, 1024    offset 1 to 799, 1024    length 54, 512    power 8, 512
//	delta offset like offset
//
// Every writer must make the same code. It is Huffman's, where of equally heavy nodes a leaf goes
// before an inner one; this gives the number of codewords of each length. (Were a length over 15,
// then for each such split the longest codeword under 15 would be split in its place; the
// frequencies there can be never ask for it.) The lengths go to the symbols by frequency, and at
// the same frequency the lower symbol gets the longer codeword. Codewords then count up by length
// and symbol.
//
// # Decisions
//
// The range coder has a range r, at first 2^32-1, and a code c, at first the first two units, the
// first one the higher half. Before a decision, if r < 2^16, both move up by 16 bits and c takes
// in a unit. With p of 64 for the chance of a zero, bound = (r >> 6) * p: the decision is 0 and r
// = bound when c < bound, or else it is 1 and bound is taken off both.
//
// p is the number of zeros among the latest 64 decisions in the same state, but at least 1 and at
// most 63; at the start they are 0x55555555, so that p is 48. A state is the latest few decisions
// of the same name: 4 for main, 5 for match, 6 for lz, delta and each of the four reps.
//
// # x86 code
//
// When all is decoded, addresses in x86 instructions are made relative again. From byte 1 on, up
// to 16 before the end, these instructions are looked for, and the four bytes behind them are an
// address:
//
//	e8                      call                           ff 15                  call through memory
//	48 8b 05, 48 8b 0d      load                           f0 83 05               lock add
//	48 8d ?5 and ?d, 4c 8d ?5 and ?d (low three bits 5)    load the address
//	e9                      jump: skipped with its address
//
// An instruction that follows at most 1023 bytes (calls: 511) behind a sign of code has its own
// position in the piece subtracted from the address. There is a sign where two instructions at
// most 65535 bytes apart have absolute addresses with the same low 16 bits; it counts from the
// last byte of the second one, and so do distances between instructions. What is no instruction is
// data, and the search goes on at the next byte.
//
// There is no published description of the format. This one was put together from facts known
// about it, and checked by decoding what wimlib writes.
//
// # Encoder
//
// Matches are found by binary trees of the whole piece. Of them, of the recent offsets and of
// delta matches, paths of the least cost are chosen, block by block, where cost is what the codes
// and probabilities of the moment make of it. Positions inside a long match are in no tree, and
// where there is an ordinary match few delta matches are tried: both cost half a per cent of size
// on programs together, and save a third of the time.
package lzms
