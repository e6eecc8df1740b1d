package efsraw

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Decoder reads a raw form.
type Decoder struct {
	Info []byte // the metadata, which is not empty

	r    io.Reader
	head [max(formHead, streamHead)]byte // of the next stream; its length is 0 at the end
}

// NewDecoder reads the metadata. It does not read ahead of what it gives but for the head of what follows.
func NewDecoder(r io.Reader) (*Decoder, error) {
	d := &Decoder{r: r}
	if err := d.full(d.head[:formHead]); err != nil {
		return nil, err
	}
	if !bytes.Equal(d.head[:len(formMagic)], formMagic) {
		return nil, fmt.Errorf("%w: it starts with % x", ErrForm, d.head[:len(formMagic)])
	}
	if err := d.nextHead(); err != nil {
		return nil, err
	}
	if err := d.readInfo(); err != nil {
		return nil, err
	}
	return d, nil
}

// readInfo reads the first stream.
func (d *Decoder) readInfo() error {
	name, _, err := d.streamHead()
	if err != nil {
		return err
	}
	if !bytes.Equal(name, infoName) {
		return fmt.Errorf("%w: the first stream is not the metadata", ErrForm)
	}
	for {
		n, err := d.segment()
		switch at := len(d.Info); {
		case err == io.EOF && at == 0:
			return fmt.Errorf("%w: it has no metadata", ErrForm)
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case int64(at)+n > maxInfo:
			return fmt.Errorf("%w: over %d bytes of metadata", ErrUnsupported, maxInfo)
		default:
			d.Info = append(d.Info, make([]byte, n)...)
			if err := d.full(d.Info[at:]); err != nil {
				return err
			}
		}
		if err := d.nextHead(); err != nil {
			return err
		}
	}
}

// Next returns the name of the next stream, "" for the contents; io.EOF when there is none. What was not copied of the last one is an error.
func (d *Decoder) Next() (string, error) {
	if binary.LittleEndian.Uint32(d.head[:]) == 0 {
		return "", io.EOF
	}
	name, flag, err := d.streamHead()
	if err != nil {
		return "", err
	}
	if flag != 0 {
		return "", fmt.Errorf("%w: a stream is not encrypted", ErrUnsupported)
	}
	return parseName(name)
}

// Copy writes the encrypted bytes of the stream, a multiple of 512, and returns its size.
func (d *Decoder) Copy(w io.Writer) (size int64, err error) {
	for off := int64(0); ; {
		n, err := d.segment()
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
		if size != off {
			return 0, fmt.Errorf("%w: a stream goes on behind its end", ErrForm)
		}
		within, n, err := d.cryptHead(off, n)
		if err != nil {
			return 0, err
		}
		if _, err := io.CopyN(w, d.r, n); err == io.EOF {
			return 0, d.short()
		} else if err != nil {
			return 0, err
		}
		off, size = off+n, off+within
		if err := d.nextHead(); err != nil {
			return 0, err
		}
	}
}

func (d *Decoder) short() error { return fmt.Errorf("%w: it ends too soon", ErrForm) }

func (d *Decoder) full(b []byte) error {
	_, err := io.ReadFull(d.r, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return d.short()
	}
	return err
}

// nextHead reads what heads of streams and segments have in common.
func (d *Decoder) nextHead() error {
	n, err := io.ReadFull(d.r, d.head[:segmentHead])
	if n == 0 && err == io.EOF {
		clear(d.head[:])
		return nil
	}
	if err == io.ErrUnexpectedEOF {
		return d.short()
	}
	if err == nil && binary.LittleEndian.Uint32(d.head[:]) == 0 {
		err = fmt.Errorf("%w: a head of no bytes", ErrForm)
	}
	return err
}

// streamHead reads the rest of the head of a stream, and the head that follows it.
func (d *Decoder) streamHead() (name []byte, flag uint32, err error) {
	le := binary.LittleEndian
	if !bytes.Equal(d.head[4:12], streamMagic) {
		return nil, 0, fmt.Errorf("%w: a stream starts with % x", ErrForm, d.head[:segmentHead])
	}
	if err := d.full(d.head[segmentHead:streamHead]); err != nil {
		return nil, 0, err
	}
	n := le.Uint32(d.head[24:])
	if n > uint32(maxName) || le.Uint32(d.head[:]) != streamHead+n {
		return nil, 0, fmt.Errorf("%w: a name of %d bytes in a head of %d", ErrForm, n, le.Uint32(d.head[:]))
	}
	name, flag = make([]byte, n), le.Uint32(d.head[12:])
	if err := d.full(name); err != nil {
		return nil, 0, err
	}
	return name, flag, d.nextHead()
}

// segment returns the length of the segment that follows, without its head; io.EOF when the stream ends.
func (d *Decoder) segment() (int64, error) {
	n := int64(binary.LittleEndian.Uint32(d.head[:]))
	switch {
	case n == 0 || bytes.Equal(d.head[4:12], streamMagic):
		return 0, io.EOF
	case !bytes.Equal(d.head[4:12], segmentMagic) || n < segmentHead:
		return 0, fmt.Errorf("%w: a segment starts with % x", ErrForm, d.head[:segmentHead])
	}
	return n - segmentHead, nil
}

// cryptHead reads the header of a segment of n bytes with it, whose data is to be that at off. It returns how many bytes count, and how many there are.
func (d *Decoder) cryptHead(off, n int64) (within, stored int64, err error) {
	le := binary.LittleEndian
	var h [cryptHead]byte
	if n < cryptHead {
		return 0, 0, fmt.Errorf("%w: a segment of %d bytes", ErrForm, n)
	}
	if err := d.full(h[:]); err != nil {
		return 0, 0, err
	}
	size, blocks := int64(le.Uint32(h[8:])), int64(le.Uint16(h[26:]))
	if size < cryptHead+4*blocks || size > n || size > cryptHead+4*blocks+1024 {
		return 0, 0, fmt.Errorf("%w: a header of %d bytes for %d blocks in a segment of %d", ErrForm, size, blocks, n)
	}
	rest := make([]byte, size-cryptHead)
	if err := d.full(rest); err != nil {
		return 0, 0, err
	}
	for i := range blocks {
		stored += int64(le.Uint32(rest[4*i:]))
	}
	if within = int64(le.Uint32(h[12:])); within > stored || stored != n-size || int64(le.Uint64(h[:])) != off || int64(le.Uint32(h[16:])) < within {
		return 0, 0, fmt.Errorf("%w: %d bytes at %d, stored in %d, want all of them from %d", ErrUnsupported, within, le.Uint64(h[:]), stored, off)
	}
	if stored != Stored(within) {
		return 0, 0, fmt.Errorf("%w: %d bytes stored in %d", ErrForm, within, stored)
	}
	return within, stored, nil
}
