// Package fec makes and uses the parity of one block.
//
// A block is one chunk cut into k = ceil(size / 1408) source symbols, followed by 64 parity
// symbols of a Leopard code over GF(2^8) (codec id 1 of docs/protocol.md):
//
//	symbol   0      1      ...   k-2    k-1           k      ...   k+63
//	       +------+------+-----+------+------+      +------+-----+------+
//	bytes  | 1408 | 1408 |     | 1408 | rest |      | 1408 |     | 1408 |
//	       +------+------+-----+------+------+      +------+-----+------+
//	        the chunk, the last symbol short         parity (the code sees the last
//	                                                 source symbol padded with zeros)
//
// Any k distinct symbols give the chunk back. A sender calls [Parity] once per chunk and then
// [Symbol] for each datagram; a receiver calls [Block.Add] for each datagram and [Block.Decode]
// once [Block.Need] is zero.
//
// Everything here is a pure function of its arguments and starts no goroutine. Functions may be
// called from any goroutine; one Block belongs to one.
package fec
