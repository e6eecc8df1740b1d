package lzms

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// What wimlib compresses, in pieces of many sizes and natures, must decode to bytes of the right SHA-1.
func TestWhatWimlibCompressesIsDecoded(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(7, 1))
	for name, b := range samples(t) {
		write(t, filepath.Join(dir, name), b)
	}
	for i := range 160 {
		write(t, filepath.Join(dir, fmt.Sprint("code", i)), code86(rng, []int{17, 18, 19, 20, 40, 100, 3000, 30000}[i%8]+rng.IntN(3)))
	}
	for _, args := range [][]string{
		{"--compress=LZMS"},
		{"--compress=LZMS:100", "--chunk-size=32768"},
		{"--solid", "--solid-chunk-size=1048576"},
	} {
		path := filepath.Join(t.TempDir(), "theirs.wim")
		wimtest.Wimlib(t, append([]string{"capture", dir, path, "--threads=1"}, args...)...)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := checkWIM(t, b); n < 5000 {
			t.Errorf("%v: only %d bytes were compressed", args, n)
		}
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// What this package makes of the same data, in the same places, wimlib must decode to bytes of the right SHA-1.
func TestWimlibDecodesWhatIsEncoded(t *testing.T) {
	dir := t.TempDir()
	for name, b := range samples(t) {
		write(t, filepath.Join(dir, name), b)
	}
	for _, args := range [][]string{
		{"--compress=LZMS:1", "--chunk-size=32768"},
		{"--solid", "--solid-compress=LZMS:1", "--solid-chunk-size=2097152"},
	} {
		path := filepath.Join(t.TempDir(), "ours.wim")
		wimtest.Wimlib(t, append([]string{"capture", dir, path, "--threads=1"}, args...)...)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, n := recode(t, b)
		if n < 5000 {
			t.Errorf("%v: only %d bytes were encoded", args, n)
		}
		write(t, path, b)
		wimtest.Wimlib(t, "verify", path)
	}
}

// run is a compressed run of bytes of a WIM. (Package wim imports this one, so it cannot read the file here.)
type run struct {
	entry           []byte // of the blob table
	solid           bool
	size, pieceSize int
	pieces          [][]byte // as stored
}

func (r *run) content(t *testing.T, d *Decoder) (out []byte, compressed int) {
	t.Helper()
	out = make([]byte, r.size)
	for i, src := range r.pieces {
		dst := out[i*r.pieceSize : min((i+1)*r.pieceSize, r.size)]
		if len(src) == len(dst) {
			copy(dst, src)
			continue
		}
		compressed += len(dst)
		if err := d.Decode(dst, src); err != nil {
			t.Errorf("decode piece %d, %d bytes for %d: %v", i, len(src), len(dst), err)
		}
	}
	return out, compressed
}

var le = binary.LittleEndian

func storedSize(entry []byte) uint64 { return le.Uint64(entry) & (1<<56 - 1) }

func blobTable(b []byte) []byte { return b[le.Uint64(b[56:]):][:le.Uint64(b[64:])] }

// runs lists the compressed runs of a WIM.
func runs(b []byte) (all []run) {
	for table := blobTable(b); len(table) > 0; table = table[50:] {
		size, flags := int(le.Uint64(table[16:])), table[7]
		solid := flags&0x10 != 0 && size == 1<<32
		if !solid && flags&0x14 != 4 {
			continue
		}
		r := run{entry: table[:50], solid: solid, size: size, pieceSize: int(le.Uint32(b[20:]))}
		stored := b[le.Uint64(table[8:]):][:storedSize(table)]
		at := 0
		if solid {
			r.size, r.pieceSize = int(le.Uint64(stored)), int(le.Uint32(stored[8:]))
			at = 16
		}
		n := (r.size + r.pieceSize - 1) / r.pieceSize
		sizes := stored[at:]
		if solid {
			stored = stored[16+4*n:]
			for i := range n {
				k := le.Uint32(sizes[4*i:])
				r.pieces, stored = append(r.pieces, stored[:k]), stored[k:]
			}
		} else {
			stored = stored[4*(n-1):]
			for i := range n {
				end := len(stored)
				if i < n-1 {
					end = int(le.Uint32(sizes[4*i:]))
				}
				r.pieces = append(r.pieces, stored[at:end])
				at = end
			}
		}
		all = append(all, r)
	}
	return all
}

// checkWIM decodes all that is compressed, and gives the number of bytes that were.
func checkWIM(t *testing.T, b []byte) (compressed int) {
	t.Helper()
	d := NewDecoder()
	same := func(entry, content []byte) {
		if sum := sha1.Sum(content); !bytes.Equal(sum[:], entry[30:50]) {
			t.Errorf("a resource of %d bytes has the wrong SHA-1", len(content))
		}
	}
	for _, r := range runs(b) {
		content, n := r.content(t, d)
		compressed += n
		if !r.solid {
			same(r.entry, content)
			continue
		}
		for table := blobTable(b); len(table) > 0; table = table[50:] {
			if table[7]&0x10 != 0 && le.Uint64(table[16:]) != 1<<32 {
				same(table[:50], content[le.Uint64(table[8:]):][:storedSize(table)])
			}
		}
	}
	return compressed
}

// recode encodes all compressed runs anew, at the end of the file, and gives the number of bytes that are encoded then.
func recode(t *testing.T, b []byte) (out []byte, encoded int) {
	t.Helper()
	d := NewDecoder()
	out = b
	for _, r := range runs(b) {
		content, _ := r.content(t, d)
		e, err := NewEncoder(min(r.pieceSize, len(content)), 0)
		if err != nil {
			t.Fatal(err)
		}
		var data, sizes, ends []byte
		for len(content) > 0 {
			src := content[:min(r.pieceSize, len(content))]
			content = content[len(src):]
			before := len(data)
			var ok bool
			if data, ok = e.Encode(data, src); ok {
				encoded += len(src)
			} else {
				data = append(data, src...)
			}
			sizes = le.AppendUint32(sizes, uint32(len(data)-before))
			ends = le.AppendUint32(ends, uint32(len(data)))
		}
		head := ends[:len(ends)-4]
		if r.solid {
			head = append(le.AppendUint32(le.AppendUint32(le.AppendUint64(nil, uint64(r.size)), uint32(r.pieceSize)), 3), sizes...)
		}
		at := len(out)
		le.PutUint64(r.entry, uint64(len(head)+len(data))|uint64(r.entry[7])<<56)
		le.PutUint64(r.entry[8:], uint64(at))
		out = append(append(out, head...), data...)
	}
	copy(blobTable(out), blobTable(b)) // whose entries were changed
	return out, encoded
}
