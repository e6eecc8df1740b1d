package efsraw

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// Stream is a stream of an encrypted file.
type Stream struct {
	Name string    // "": the contents
	Size int64     // in bytes
	Data io.Reader // the Stored(Size) encrypted bytes
}

// Length is the length of the raw form, in bytes. Of the streams only Name and Size count.
func Length(info int, streams []Stream) int64 {
	n := int64(formHead + streamHead + len(infoName) + segmentHead + info)
	for i := range streams {
		stored := Stored(streams[i].Size)
		n += streamHead + int64(len(streamName(streams[i].Name))) + stored
		n += (stored + segmentSize - 1) / segmentSize * (segmentHead + cryptHead + 4)
	}
	return n
}

// NewReader returns the raw form of a file with this metadata and these streams. It keeps both.
func NewReader(info []byte, streams []Stream) io.Reader {
	r := &reader{streams: streams}
	b := append(append(r.buf, formMagic...), make([]byte, 8)...)
	b = appendStreamHead(b, infoName)
	b = appendSegmentHead(b, len(info))
	r.buf = append(b, info...)
	r.rest = r.buf
	return r
}

type reader struct {
	streams []Stream
	off     int64 // in the first stream
	head    bool  // of which the head was given
	buf     []byte
	rest    []byte // of buf
}

func (r *reader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// fill makes the next head or segment.
func (r *reader) fill() error {
	for len(r.streams) > 0 {
		s := &r.streams[0]
		switch {
		case !r.head:
			r.head, r.buf = true, appendStreamHead(r.buf[:0], streamName(s.Name))
		case r.off < Stored(s.Size):
			n := min(Stored(s.Size)-r.off, segmentSize)
			r.buf = s.appendCryptHead(appendSegmentHead(r.buf[:0], cryptHead+4+int(n)), r.off, n)
			at := len(r.buf)
			r.buf = append(r.buf, make([]byte, n)...)
			if _, err := io.ReadFull(s.Data, r.buf[at:]); err != nil {
				return fmt.Errorf("read encrypted stream %q: %w", s.Name, err)
			}
			r.off += n
		default:
			r.streams, r.off, r.head = r.streams[1:], 0, false
			continue
		}
		r.rest = r.buf
		return nil
	}
	return io.EOF
}

func appendStreamHead(b, name []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(streamHead+len(name)))
	b = append(append(b, streamMagic...), make([]byte, 4+8)...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(name)))
	return append(b, name...)
}

func appendSegmentHead(b []byte, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(segmentHead+n))
	return append(append(b, segmentMagic...), make([]byte, 4)...)
}

// appendCryptHead appends the header of a segment of n bytes from off.
func (s *Stream) appendCryptHead(b []byte, off, n int64) []byte {
	le := binary.LittleEndian
	within := uint32(min(s.Size-off, n))
	b = le.AppendUint64(b, uint64(off))
	b = le.AppendUint32(b, cryptHead+4)
	b = le.AppendUint32(b, within)
	b = le.AppendUint32(b, within) // all of it was written
	shift := byte(bits.Len64(uint64(n - 1)))
	b = append(b, 0, 0, shift, shift, clusterSize, 1)
	b = le.AppendUint16(b, 1)
	return le.AppendUint32(b, uint32(n))
}
