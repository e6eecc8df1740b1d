package edit

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/wim"
)

// number is a content that begins with it.
type number struct{ n, size int }

func (n number) Path() string { return fmt.Sprint(n.n) }
func (n number) Size() int64  { return int64(n.size) }
func (n number) Open() (io.ReadCloser, error) {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, n.size), uint32(n.n))
	return io.NopCloser(bytes.NewReader(b[:n.size])), nil
}

// TestPartsOfASetAtAndOnePast: the first part has the metadata, and each content gets a part of its own, but for
// the last, which just fits behind the one before.
func TestPartsOfASetAtAndOnePast(t *testing.T) {
	const long, short = 20, 4
	m := &wim.Image{Root: &wim.Dentry{Attributes: wim.AttrDirectory, SecurityID: -1}}
	for n := range wim.MaxParts {
		d := &wim.Dentry{Name: fmt.Sprintf("%05d", n), SecurityID: -1, Attributes: wim.AttrNormal, Parent: m.Root}
		d.Streams = []wim.Stream{{Source: number{n, long}}}
		m.Root.Children = append(m.Root.Children, d)
	}
	m.Root.Children[wim.MaxParts-1].Streams[0].Source = number{1 << 30, short}
	file, err := os.Create(filepath.Join(t.TempDir(), "x.wim"))
	must(t, err)
	defer file.Close()
	w, err := wim.Create(file, wim.WriterOptions{})
	must(t, err)
	must(t, w.Image(m, nil))
	_, err = w.Finish(context.Background())
	must(t, err)
	info, err := file.Stat()
	must(t, err)
	f, err := wim.Open(file, info.Size())
	must(t, err)
	room := wim.HeaderSize + f.Header.XML.StoredSize + spareSize + long + short + 2*entrySize
	for past, want := range []string{"", "it would have 65536 parts"} {
		parts, err := (&splitter{in: &input{File: f}, size: room - int64(past)}).plan()
		if want == "" && (err != nil || len(parts) != wim.MaxParts) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d parts, %v, want %q", len(parts), err, want)
		}
	}
}

// TestGroupsAreNumberedAnew: when a number is past maxGroup, so that those that are added find room behind it.
func TestGroupsAreNumberedAnew(t *testing.T) {
	for past := range uint64(2) {
		tree := &tree{image: sketch("a=1 b=1")}
		for _, d := range tree.image.Root.Children {
			d.HardLink = maxGroup + past
		}
		added := sketch("c=1 d=1")
		tree.adopt(added)
		first, next := uint64(maxGroup), uint64(maxGroup+1)
		if past == 1 {
			first, next = 1, 2
		}
		if got := tree.find("b").HardLink; got != first || added.Root.Children[0].HardLink != next {
			t.Errorf("group %d is %d now, and what is added %d, want %d and %d", maxGroup+past, got, added.Root.Children[0].HardLink, first, next)
		}
	}
}
