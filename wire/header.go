package wire

import (
	"encoding/binary"
)

// Version is the version of the datagram and message formats.
const Version = 1

// DatagramType says what a datagram's payload is.
type DatagramType uint8

// Datagram types.
const (
	TypeSymbol   DatagramType = 1
	TypeAnnounce DatagramType = 2
)

// Sizes of a multicast datagram in bytes.
const (
	HeaderSize  = 24
	TagSize     = 16
	MaxDatagram = HeaderSize + SymbolSize + TagSize // 1448
)

// Header is the clear, authenticated head of every multicast datagram.
type Header struct {
	Type   DatagramType
	Symbol Symbol // TypeSymbol only
	Cast   uint32
	Run    uint32 // first four bytes of the run id: selects the key
	Seq    Seq
	Block  Block // TypeSymbol only
}

// Length returns HeaderSize.
func (Header) Length() int { return HeaderSize }

// Append appends the header.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, Version, byte(h.Type))
	dst = binary.BigEndian.AppendUint16(dst, uint16(h.Symbol))
	dst = binary.BigEndian.AppendUint32(dst, h.Cast)
	dst = binary.BigEndian.AppendUint32(dst, h.Run)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.Seq))
	return binary.BigEndian.AppendUint32(dst, uint32(h.Block))
}

// parseHeader parses the head of a datagram; b may go on after it. It returns why b is none, or "", and allocates nothing.
func parseHeader(b []byte) (Header, string) {
	if len(b) < HeaderSize {
		return Header{}, "too short"
	}
	h := Header{
		Type:   DatagramType(b[1]),
		Symbol: Symbol(binary.BigEndian.Uint16(b[2:])),
		Cast:   binary.BigEndian.Uint32(b[4:]),
		Run:    binary.BigEndian.Uint32(b[8:]),
		Seq:    Seq(binary.BigEndian.Uint64(b[12:])),
		Block:  Block(binary.BigEndian.Uint32(b[20:])),
	}
	switch {
	case b[0] != Version:
		return Header{}, "unknown version"
	case h.Seq == 0 || h.Seq > MaxSeq:
		return Header{}, "sequence out of range"
	case h.Type == TypeSymbol && h.Symbol >= MaxSource+ParitySymbols:
		return Header{}, "symbol out of range"
	case h.Type == TypeAnnounce && (h.Symbol != 0 || h.Block != 0):
		return Header{}, "announce with a symbol or block index"
	case h.Type != TypeSymbol && h.Type != TypeAnnounce:
		return Header{}, "unknown type"
	}
	return h, ""
}
