// Package lzx is the LZX compression of WIM files, one piece at a time.
//
// Start with [NewDecoder] or [NewEncoder].
//
// A piece is a stream of little-endian 16-bit words, read highest bit first, holding blocks:
//
//	type, 3 bits: 1 verbatim, 2 with aligned offsets, 3 uncompressed
//	size: one bit for 32768, else 16 bits, or 24 when the window is 2^16 or larger
//	  aligned: 8 lengths of 3 bits
//	  1 and 2: lengths of the main code (literals, then matches), and of the length code, as
//	           differences from the block before by a code of 20 symbols; then the symbols
//	  3:       to the next word boundary (a whole word, if there already), three recent offsets of
//	           4 bytes, the bytes, and one more if their number is odd
//
// A match has a length of 2 to 257 and an offset: one of the three latest, or slot base plus extra
// bits, of which in aligned blocks the lowest three have a code of their own. Each piece starts
// afresh. At the end, the targets of x86 calls (byte E8) are turned back from absolute to
// relative, as if the file had 12,000,000 bytes.
//
// The encoder makes blocks of types 1 and 2. Low levels take a match unless the next byte has a
// better one. From level 35 on it collects the matches of all positions, guesses a parse, divides
// it into blocks where the frequencies of symbols change, and finds for each block the cheapest
// way through it by the costs that the guess has. What it gives depends on the piece, its largest
// size and the level alone.
//
// Sources: the LZX chapter of the Microsoft Cabinet SDK, [MS-PATCH]; where WIM differs: the window
// is the piece size, pieces are independent, the call translation is always on and has no header
// bit.
package lzx
