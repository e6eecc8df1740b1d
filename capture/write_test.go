//go:build unix

package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

// memFile is a file in memory that a Writer can write.
type memFile struct {
	b     []byte
	pos   int64
	first func() // called before the first byte is written
}

func (m *memFile) Write(p []byte) (int, error) {
	if m.first != nil {
		m.first()
		m.first = nil
	}
	if need := m.pos + int64(len(p)); need > int64(len(m.b)) {
		m.b = append(m.b, make([]byte, need-int64(len(m.b)))...)
	}
	copy(m.b[m.pos:], p)
	m.pos += int64(len(p))
	return len(p), nil
}

func (m *memFile) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += m.pos
	case io.SeekEnd:
		off += int64(len(m.b))
	}
	m.pos = off
	return off, nil
}

func (m *memFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(p, off)
}

// openFile opens a WIM file.
func openFile(t *testing.T, path string) *wim.File {
	t.Helper()
	r, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { r.Close() })
	info, err := r.Stat()
	must(t, err)
	f, err := wim.Open(r, info.Size())
	must(t, err)
	return f
}

func TestSameTreeSameBytesWhateverTheThreads(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, wimtest.Seeded(t, *seedFlag), dir, 150)
	for _, c := range []wim.Compression{wim.None, wim.XPRESS, wim.LZX} {
		var want []byte
		for _, threads := range []int{1, 2, 7} {
			var w memFile
			_, err := Write(bg, &w, []Source{{Dir: dir}}, WriteOptions{
				Scan:   Options{UnixData: true},
				Writer: wim.WriterOptions{Compression: c, Level: 20, Threads: threads, Check: true, Time: time.Unix(1, 0)},
			})
			must(t, err)
			if want == nil {
				want = w.b
			}
			if !bytes.Equal(w.b, want) {
				t.Errorf("%s: %d threads give other bytes than one", c, threads)
			}
		}
	}
}

func TestWriteRefusesBadOptions(t *testing.T) {
	dir := t.TempDir()
	one := []Source{{Dir: dir}}
	for name, c := range map[string]struct {
		sources []Source
		opts    wim.WriterOptions
	}{
		"nothing": {nil, wim.WriterOptions{}}, "threads": {one, wim.WriterOptions{Threads: wim.MaxThreads + 1}}, "boot": {one, wim.WriterOptions{BootIndex: 2}},
		"a name": {[]Source{{Dir: dir, Name: "a\x01b"}}, wim.WriterOptions{}}, "two of a name": {[]Source{{Dir: dir, Name: "x"}, {Dir: dir, Name: "x"}}, wim.WriterOptions{}},
	} {
		if _, err := Write(bg, &memFile{}, c.sources, WriteOptions{Writer: c.opts}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if _, err := Write(ctx, &memFile{}, one, WriteOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	f, err := os.Create(filepath.Join(dir, "out.wim"))
	must(t, err)
	defer f.Close()
	if _, err := Write(bg, f, one, WriteOptions{}); err == nil || !strings.Contains(err.Error(), "output") {
		t.Errorf("output inside the tree: %v", err)
	}
}

func TestAFileThatChangesWhileOthersAreWrittenIsNamed(t *testing.T) {
	dir := t.TempDir()
	rng := wimtest.Seeded(t, *seedFlag)
	for i := range 40 { // more than is in hand at once
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d", i)), wimtest.RandomContent(rng, 1<<20+i), 0o644))
	}
	path := filepath.Join(dir, "39")
	w := &memFile{first: func() { must(t, os.WriteFile(path, []byte("changed"), 0o644)) }}
	_, err := Write(bg, w, []Source{{Dir: dir}}, WriteOptions{Writer: wim.WriterOptions{Threads: 1}})
	if !errors.Is(err, wim.ErrChanged) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestUnchangedFilesAreNotReadAgain(t *testing.T) {
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "old.wim")
	for _, name := range []string{"same", "touched", "longer", "sub/same"} {
		write(t, filepath.Join(dir, name), "content of "+name)
	}
	out, err := os.Create(path)
	must(t, err)
	_, err = Write(bg, out, []Source{{Dir: dir}}, WriteOptions{Writer: wim.WriterOptions{Compression: wim.XPRESS}})
	must(t, errors.Join(err, out.Close()))
	at := time.Unix(1e9, 0)
	must(t, os.Chtimes(filepath.Join(dir, "touched"), at, at))
	was, err := os.Stat(filepath.Join(dir, "longer"))
	must(t, err)
	write(t, filepath.Join(dir, "longer"), "more than it was")
	must(t, os.Chtimes(filepath.Join(dir, "longer"), was.ModTime(), was.ModTime()))

	old := openFile(t, path)
	base, err := NewBase(old, 1)
	must(t, err)
	var fresh memFile
	stats, err := Write(bg, &fresh, []Source{{Dir: dir}}, WriteOptions{Scan: Options{Base: base}, Writer: wim.WriterOptions{Compression: wim.XPRESS, Time: at}})
	must(t, err)
	if stats.Unchanged != 2 {
		t.Errorf("%+v", stats)
	}
	var whole memFile
	_, err = Write(bg, &whole, []Source{{Dir: dir}}, WriteOptions{Writer: wim.WriterOptions{Compression: wim.XPRESS, Time: at}})
	must(t, err)
	a, err := wim.Open(&fresh, int64(len(fresh.b)))
	must(t, err)
	b, err := wim.Open(&whole, int64(len(whole.b)))
	must(t, err)
	must(t, a.Verify(bg, nil))
	same(t, stored(t, b, 1), stored(t, a, 1))
}

// stored describes an image of a file, contents by their hash.
func stored(t *testing.T, f *wim.File, n int) map[string]string {
	t.Helper()
	img, err := f.Image(n)
	must(t, err)
	m := make(map[string]string)
	must(t, img.Walk(func(d *wim.Dentry) error {
		line := fmt.Sprintf("%x %d %d %x", d.Attributes, d.Modified, d.ReparseFlags, d.Tagged)
		for _, s := range d.Streams {
			line += fmt.Sprintf(" %d %s", s.Kind, s.Hash)
		}
		m["/"+d.Path()] = line
		return nil
	}))
	for _, group := range img.HardLinks() {
		for _, d := range group {
			m["/"+d.Path()] += " = /" + group[0].Path()
		}
	}
	return m
}
