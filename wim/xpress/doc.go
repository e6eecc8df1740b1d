// Package xpress is the XPRESS Huffman compression of WIM files ([MS-XCA] 2.1 and 2.2:
// LZ77+Huffman), one piece at a time.
//
// Start with [Decoder] and [Encoder]; both are reused without allocation.
//
//	+--------------------------------------------+
//	| 256 bytes: codeword lengths of 512 symbols |  4 bits each, low half first
//	+--------------------------------------------+
//	| 16-bit words of codewords and offset bits, |
//	| highest bit first; bytes of long lengths   |
//	| stand between the words                    |
//	+--------------------------------------------+
//
// Symbol 0-255 is a literal. Symbol 256 + 16*b + n is a match: its offset has b bits below its
// highest one, its length is n+3; with n = 15 a byte follows to be added; with that 255, a 16-bit
// word in place of both. A reader keeps between 16 and 32 bits read ahead, and that decides where
// such bytes stand: behind ceil(bits used / 16) + 1 words.
//
// A piece decodes to at most 65536 bytes. Its length is not in the stream. The last symbol is 256,
// which a decoder that knows the length never sees.
package xpress
