package wire

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sealer seals the datagrams of one run. It is for one goroutine.
type Sealer struct {
	aead  cipher.AEAD
	nonce [12]byte
	last  Seq
}

// NewSealer returns a Sealer for a run that has not sent anything yet.
func NewSealer(key RunKey) *Sealer { return &Sealer{aead: newAEAD(key)} }

// Seal appends the datagram to dst[:0] and returns it. The payload may already lie at its place in dst, from HeaderSize on.
// Nothing is allocated when dst has a capacity of MaxDatagram. Sequences must grow, because each may be used only once:
// another order, one beyond MaxSeq, or a payload longer than SymbolSize is an error.
func (s *Sealer) Seal(dst []byte, h Header, payload []byte) ([]byte, error) {
	switch {
	case h.Seq <= s.last:
		return nil, fmt.Errorf("seal datagram: sequence %d is not above %d, the last one", h.Seq, s.last)
	case h.Seq > MaxSeq:
		return nil, fmt.Errorf("seal datagram: sequence %d: a run has at most %d; start another", h.Seq, MaxSeq)
	case len(payload) > SymbolSize:
		return nil, fmt.Errorf("seal datagram: payload of %d bytes, at most %d", len(payload), SymbolSize)
	}
	s.last = h.Seq
	dst = h.Append(dst[:0])
	binary.BigEndian.PutUint64(s.nonce[4:], uint64(h.Seq))
	return s.aead.Seal(dst, s.nonce[:], payload, dst[:HeaderSize]), nil
}

// Reasons why Open refuses a datagram.
var (
	ErrHeader = errors.New("not a datagram of this version")
	ErrRun    = errors.New("datagram of another cast or run")
	ErrReplay = errors.New("datagram seen before or too old")
	ErrForged = errors.New("datagram is not authentic")
)

// Opener opens the datagrams of one run. It is for one goroutine.
type Opener struct {
	aead   cipher.AEAD
	cast   uint32
	run    uint32
	nonce  [12]byte
	window replayWindow
}

// NewOpener returns an Opener for one run of a cast; run is Header.Run.
func NewOpener(key RunKey, cast, run uint32) *Opener {
	return &Opener{aead: newAEAD(key), cast: cast, run: run}
}

// Open checks a datagram and decrypts it in place: the payload lies in it. The error is ErrHeader, ErrRun, ErrReplay or
// ErrForged, bare; the datagram's bytes are then worthless. Nothing is allocated.
func (o *Opener) Open(datagram []byte) (Header, []byte, error) {
	if len(datagram) < HeaderSize+TagSize || len(datagram) > MaxDatagram {
		return Header{}, nil, ErrHeader
	}
	h, why := parseHeader(datagram)
	switch {
	case why != "":
		return Header{}, nil, ErrHeader
	case h.Cast != o.cast || h.Run != o.run:
		return Header{}, nil, ErrRun
	case !o.window.fresh(h.Seq):
		return Header{}, nil, ErrReplay
	}
	binary.BigEndian.PutUint64(o.nonce[4:], uint64(h.Seq))
	sealed := datagram[HeaderSize:]
	payload, err := o.aead.Open(sealed[:0], o.nonce[:], sealed, datagram[:HeaderSize])
	if err != nil {
		return Header{}, nil, ErrForged
	}
	o.window.mark(h.Seq)
	return h, payload, nil
}

func newAEAD(key RunKey) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err == nil {
		var aead cipher.AEAD
		if aead, err = cipher.NewGCM(block); err == nil {
			return aead
		}
	}
	panic(err) // our bug: the key has the right size
}
