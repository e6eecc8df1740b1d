// Package huffman has the canonical prefix codes that XPRESS and LZX share.
//
// A code is given by the length in bits of each symbol's codeword, 0 for a symbol that does not
// occur. Codewords are numbered by length, then by symbol, and stand in a stream from their
// highest bit.
//
// Start with [Build], which makes a lookup table for decoding, or [Encoder], which makes lengths
// and codewords from frequencies.
package huffman
