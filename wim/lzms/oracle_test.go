package lzms

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// wimlib runs wimlib-imagex, which is the reference for this package.
func wimlib(t *testing.T, args ...string) {
	t.Helper()
	exe, err := exec.LookPath("wimlib-imagex")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("wimlib-imagex is missing; apt-get install wimtools")
		}
		t.Skip("wimlib-imagex is missing; apt-get install wimtools")
	}
	if out, err := exec.Command(exe, args...).CombinedOutput(); err != nil {
		t.Fatalf("wimlib-imagex %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// What wimlib compresses, in pieces of many sizes and natures, must decode to bytes of the right SHA-1.
func TestWhatWimlibCompressesIsDecoded(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(7, 1))
	for name, b := range samples(t) {
		write(t, filepath.Join(dir, name), b)
	}
	for i := range 400 {
		write(t, filepath.Join(dir, fmt.Sprint("code", i)), code86(rng, []int{17, 18, 19, 20, 40, 100, 3000, 30000}[i%8]+rng.IntN(3)))
	}
	for _, args := range [][]string{
		{"--compress=LZMS"},
		{"--compress=LZMS:100", "--chunk-size=32768"},
		{"--compress=LZMS:20", "--chunk-size=1048576"},
		{"--solid", "--solid-chunk-size=262144"},
		{"--solid"},
	} {
		path := filepath.Join(t.TempDir(), "theirs.wim")
		wimlib(t, append([]string{"capture", dir, path, "--threads=1"}, args...)...)
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

// checkWIM decodes all resources of a WIM with LZMS, and gives the number of bytes that were compressed. (Package wim imports this one, so it
// cannot read the file here.)
func checkWIM(t *testing.T, b []byte) (compressed int) {
	t.Helper()
	le := binary.LittleEndian
	d := NewDecoder()
	decode := func(stored []byte, size, pieceSize int, ends []int) []byte {
		out := make([]byte, size)
		from := 0
		for i, end := range ends {
			dst := out[i*pieceSize : min((i+1)*pieceSize, size)]
			if src := stored[from:end]; len(src) == len(dst) {
				copy(dst, src)
			} else if err := d.Decode(dst, src); err != nil {
				t.Errorf("decode piece %d, %d of %d bytes: %v", i, len(src), len(dst), err)
			} else {
				compressed += len(dst)
			}
			from = end
		}
		return out
	}
	pieceSize := int(le.Uint32(b[20:]))
	table := b[le.Uint64(b[48+8:]):][:le.Uint64(b[48+16:])]
	var solid []byte
	for ; len(table) > 0; table = table[50:] {
		at, storedSize := le.Uint64(table[8:]), le.Uint64(table)&(1<<56-1) // of members of a solid resource: in its content
		var content, stored []byte
		if at+storedSize <= uint64(len(b)) {
			stored = b[at:]
		}
		switch size, flags := int(le.Uint64(table[16:])), table[7]; {
		case flags&0x10 != 0 && size == 1<<32:
			size, solidPiece := int(le.Uint64(stored)), int(le.Uint32(stored[8:]))
			ends := make([]int, (size+solidPiece-1)/solidPiece)
			end := 0
			for i := range ends {
				end += int(le.Uint32(stored[16+4*i:]))
				ends[i] = end
			}
			solid = decode(stored[16+4*len(ends):], size, solidPiece, ends)
			continue
		case flags&0x10 != 0:
			content = solid[at:][:storedSize]
		case flags&4 != 0:
			ends := make([]int, (size+pieceSize-1)/pieceSize)
			head := 4 * (len(ends) - 1)
			for i := range len(ends) - 1 {
				ends[i] = int(le.Uint32(stored[4*i:]))
			}
			ends[len(ends)-1] = int(storedSize) - head
			content = decode(stored[head:], size, pieceSize, ends)
		default:
			content = stored[:size]
		}
		if sum := sha1.Sum(content); !bytes.Equal(sum[:], table[30:50]) {
			t.Errorf("a resource of %d bytes has the wrong SHA-1", len(content))
		}
	}
	return compressed
}
