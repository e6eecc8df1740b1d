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
)

// What Pipe writes holds the same and, piped again, is the same; wimlib takes it.
func TestPipeKeepsEverything(t *testing.T) {
	rng := seeded(t)
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
			wimlib(t, "verify", path)
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
		wimlib(t, "verify", path)
	}
}

// A pipe that breaks is an error, wherever it does.
func TestPipeTellsOfABrokenPipe(t *testing.T) {
	_, f := writeWIM(t, WriterOptions{Check: true, Compression: XPRESS}, sourceTree(seeded(t), "one", 20))
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
