//go:build unix

package wim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// What Pipe writes holds the same and, piped again, is the same; wimlib takes it.
func TestPipeKeepsEverything(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for name, opts := range writerVariants() {
		t.Run(name, func(t *testing.T) {
			opts.Time = time.Unix(1e9, 0)
			one, two := sourceTree(rng, "one", 40), sourceTree(rng, "two", 10)
			_, f := writeWIM(t, opts, one, two)
			var out bytes.Buffer
			size, err := Pipe(context.Background(), &out, f)
			if opts.Solid {
				if err == nil {
					t.Error("a solid file was piped")
				}
				return
			}
			must(t, err)
			if size != int64(out.Len()) {
				t.Errorf("%d bytes told, %d written", size, out.Len())
			}
			p, err := open(out.Bytes())
			must(t, err)
			must(t, p.Verify(context.Background(), nil))
			must(t, p.VerifyIntegrity(context.Background()))
			refsAreRight(t, p)
			h := p.Header
			if !h.Pipable || h.BootIndex != f.Header.BootIndex || h.GUID != f.Header.GUID || h.Flags != f.Header.Flags || h.Integrity.Size > 0 != opts.Check {
				t.Errorf("header %+v", h)
			}
			for i, img := range []*Image{one, two} {
				got, err := p.Image(i + 1)
				must(t, err)
				sameImage(t, img, got)
				sameContents(t, p, img)
			}
			var again bytes.Buffer
			_, err = Pipe(context.Background(), &again, p)
			must(t, err)
			if !bytes.Equal(out.Bytes(), again.Bytes()) {
				t.Error("piped again it is another file")
			}
			path := filepath.Join(t.TempDir(), "x.wim")
			must(t, os.WriteFile(path, out.Bytes(), 0o644))
			wimtest.Wimlib(t, "verify", path)
		})
	}
}

// The integrity table of a pipable file is made while it is written, also where it sums more than one range of 10 MiB, or exactly one.
func TestPipeSumsLongFiles(t *testing.T) {
	for _, size := range []int{3 * integrityPiece, integrityPiece - 5000} {
		img := &Image{Info: ImageInfo{Name: "x"}, Root: newDir("")}
		img.Root.Attributes = AttrDirectory
		d := newDir("f")
		d.Attributes, d.Parent = AttrArchive, img.Root
		d.Streams = []Stream{{Kind: StreamData, Source: &memSource{path: "f", data: make([]byte, size)}}}
		img.Root.Children = []*Dentry{d}
		_, f := writeWIM(t, WriterOptions{Check: true}, img)
		var out bytes.Buffer
		_, err := Pipe(context.Background(), &out, f)
		must(t, err)
		p, err := open(out.Bytes())
		must(t, err)
		must(t, p.VerifyIntegrity(context.Background()))
		path := filepath.Join(t.TempDir(), "x.wim")
		must(t, os.WriteFile(path, out.Bytes(), 0o644))
		wimtest.Wimlib(t, "verify", path)
	}
}

// A pipe that breaks is an error, wherever it does.
func TestPipeTellsOfABrokenPipe(t *testing.T) {
	_, f := writeWIM(t, WriterOptions{Check: true, Compression: XPRESS}, sourceTree(wimtest.Seeded(t, *seedFlag), "one", 20))
	size, err := Pipe(context.Background(), io.Discard, f)
	must(t, err)
	for left := int64(0); left < size; left += size/20 + 1 {
		if _, err := Pipe(context.Background(), &brokenPipe{left}, f); !errors.Is(err, errBroken) {
			t.Errorf("broken after %d bytes of %d: %v", left, size, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Pipe(ctx, io.Discard, f); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// brokenPipe takes so many bytes.
type brokenPipe struct{ left int64 }

func (p *brokenPipe) Write(b []byte) (int, error) {
	if int64(len(b)) > p.left {
		return int(p.left), errBroken
	}
	p.left -= int64(len(b))
	return len(b), nil
}

// Parts in one pipe are told apart, also where contents look like the end of a part, and where a header crosses the bound of what is read at once.
func TestPipedPartsAreFound(t *testing.T) {
	part := func(n int, content []byte) []byte {
		img := &Image{Info: ImageInfo{Name: "x"}, Root: newDir("")}
		img.Root.Attributes = AttrDirectory
		d := newDir("f")
		d.Attributes, d.Parent = AttrArchive, img.Root
		d.Streams = []Stream{{Kind: StreamData, Source: &memSource{path: "f", data: content}}}
		img.Root.Children = []*Dentry{d}
		_, f := writeWIM(t, WriterOptions{Check: n == 2, Time: time.Unix(1e9, 0)}, img)
		f.Header.GUID, f.Header.Part, f.Header.Parts = [16]byte{1}, n, 4
		var out bytes.Buffer
		_, err := Pipe(context.Background(), &out, f)
		must(t, err)
		return out.Bytes()
	}
	plain := part(1, []byte("content"))
	parts := [][]byte{plain, part(2, bytes.Repeat(plain, 3)), part(3, nil)}
	before := len(bytes.Join(parts, nil))
	for shift := range 9 { // the header at the end of the last part crosses 1 MiB
		size := 1<<20 - before - 10000
		b := part(4, make([]byte, size))
		b = part(4, make([]byte, size+1<<20-4-shift-(before+len(b)-HeaderSize)))
		all := append(parts[:3:3], b)
		got, err := PipedParts(Input{bytes.NewReader(bytes.Join(all, nil)), int64(before + len(b)), "pipe"})
		must(t, err)
		if len(got) != len(all) {
			t.Fatalf("%d parts, want %d", len(got), len(all))
		}
		for i, in := range got {
			b, err := io.ReadAll(io.NewSectionReader(in.R, 0, in.Size))
			must(t, err)
			if !bytes.Equal(b, all[i]) {
				t.Errorf("part %d is another one", i+1)
			}
		}
	}
	_, whole := writeWIM(t, WriterOptions{}, sourceTree(wimtest.Seeded(t, *seedFlag), "one", 20))
	var out bytes.Buffer
	_, err := Pipe(context.Background(), &out, whole)
	must(t, err)
	for _, other := range [][]byte{out.Bytes(), plain[:300], plain[:100], nil, append(bytes.Clone(plain), "rest"...)} {
		got, err := PipedParts(Input{bytes.NewReader(other), int64(len(other)), "pipe"})
		must(t, err)
		total := int64(0)
		for _, in := range got {
			total += in.Size
		}
		if total != int64(len(other)) || len(got) > 2 {
			t.Errorf("%d bytes in %d parts, of %d bytes", total, len(got), len(other))
		}
	}
}
