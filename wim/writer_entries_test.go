//go:build unix

package wim

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/wimtest"
)

func TestEntriesAreFoundByTheirHash(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	table := newEntryTable()
	hash := func(i int) (h SHA1) {
		binary.LittleEndian.PutUint32(h[4:], uint32(i+1)) // many share a shard and a place
		h[0], h[1] = byte(i%3), byte(i%5)
		return h
	}
	sizes := []int64{0, 1, hugeSize - 1, hugeSize, hugeSize + 1, math.MaxInt64 / 2}
	const n = 20_000
	unnamed := table.enter(SHA1{}, 3, 0, 5)
	for i := range n {
		if got, ok := table.find(hash(i)); ok {
			t.Fatalf("%d is there as %d", i, got)
		}
		if got := table.enter(hash(i), int32(i), int64(i%2*i), sizes[i%len(sizes)]); got != int32(i+1) {
			t.Fatalf("%d is entry %d", i, got)
		}
	}
	table.name(unnamed, SHA1{9})
	for range 5_000 {
		i := rng.IntN(2 * n)
		got, ok := table.find(hash(i))
		if ok != (i < n) || ok && (got != int32(i+1) || table.sizeOf(got) != sizes[i%len(sizes)] || table.starts[got] != int64(i%2*i)) {
			t.Fatalf("%d is entry %d, %t, of %d bytes", i, got, ok, table.sizeOf(got))
		}
	}
	if got, ok := table.find(SHA1{9}); !ok || got != unnamed {
		t.Errorf("one that was named later is %d, %t", got, ok)
	}
	if _, ok := table.find(SHA1{}); ok {
		t.Error("no hash is found")
	}
}

func TestRunsAreWhereTheyWereEntered(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	table := newRunTable()
	var want []Location
	at := int64(HeaderSize)
	for i := range 10_000 {
		l := Location{Offset: at, StoredSize: rng.Int64N(1000) + 1, Size: 5, Flags: ResourceFlags(rng.UintN(256))}
		at = l.End()
		switch rng.IntN(20) {
		case 0: // what is before a solid run may stay unused
			at += rng.Int64N(50)
		case 1: // a file that is appended to may have them in any order
			at = rng.Int64N(1 << 56)
		}
		if n := table.enter(&Run{Location: l, Solid: i%100 == 0}); n != int32(i) {
			t.Fatalf("run %d is number %d", i, n)
		}
		want = append(want, l)
	}
	for i, w := range want {
		if got := table.location(int32(i), 5); got != w {
			t.Fatalf("run %d is at %+v, entered at %+v", i, got, w)
		}
	}
	if len(table.solid) != 100 || table.solid[100] != 5 {
		t.Errorf("%d solid runs", len(table.solid))
	}
}

// madeTree is a tree of one directory that is made anew whenever it is walked.
type madeTree struct {
	n     int
	group func(i int) uint64
	opens map[int]int
}

type madeSource struct {
	t *madeTree
	i int
}

func (s *madeSource) Path() string { return fmt.Sprint(s.i) }
func (s *madeSource) Size() int64  { return 8 }

func (s *madeSource) Open() (io.ReadCloser, error) {
	if s.t.opens != nil {
		s.t.opens[s.i]++
	}
	return io.NopCloser(bytes.NewReader(binary.LittleEndian.AppendUint64(nil, uint64(s.i)))), nil
}

func (m *madeTree) Head() (info *ImageInfo, security [][]byte) { return &ImageInfo{}, nil }

func (m *madeTree) Visit(fn func(d *Dentry, depth int) error) error {
	if err := fn(&Dentry{Attributes: AttrDirectory, SecurityID: -1}, 0); err != nil {
		return err
	}
	return m.each(func(d *Dentry) error { return fn(d, 1) })
}

func (m *madeTree) Lists(fn func(d *Dentry) error) error {
	if err := m.each(fn); err != nil {
		return err
	}
	return fn(nil)
}

func (m *madeTree) each(fn func(d *Dentry) error) error {
	for i := range m.n {
		d := &Dentry{Name: fmt.Sprintf("%06d", i), SecurityID: -1, HardLink: m.group(i)}
		d.Streams = []Stream{{Source: &madeSource{m, i}}}
		if err := fn(d); err != nil {
			return err
		}
	}
	return nil
}

func TestNamesOfOneGroupAreReadOnce(t *testing.T) {
	for _, solid := range []bool{false, true} {
		m := &madeTree{n: 100, group: func(i int) uint64 { return uint64(i % 10) }, opens: make(map[int]int)}
		var out memFile
		w, err := Create(&out, WriterOptions{Solid: solid, SolidCompression: LZX, SolidPieceSize: 1 << 15})
		must(t, err)
		must(t, w.Image(m, nil))
		stats, err := w.Finish(context.Background())
		must(t, err)
		if len(m.opens) != 19 || stats.Resources != 19 { // group 0 is none
			t.Errorf("%d were read, %+v", len(m.opens), stats)
		}
		f, err := Open(&out, int64(len(out.b)))
		must(t, err)
		img, err := f.Image(1)
		must(t, err)
		for i, d := range img.Root.Children {
			first := i % 10
			if first == 0 {
				first = i
			}
			res, ok := f.Lookup(d.Data())
			want := uint32(10)
			if i%10 == 0 {
				want = 1
			}
			if !ok || res.Refs != want || d.Data() != img.Root.Children[first].Data() {
				t.Errorf("%s: %+v", d.Name, res)
			}
		}
	}
}

func TestAContentTakesFewBytesInAWriter(t *testing.T) {
	const files = 200_000
	m := &madeTree{n: files, group: func(int) uint64 { return 0 }}
	w, err := Create(&discard{}, WriterOptions{Threads: 1, Time: time.Unix(1, 0)})
	must(t, err)
	must(t, w.Image(m, nil))
	before := heap()
	j := w.job()
	must(t, j.run(context.Background()))
	if each := float64(heap()-before) / files; each > 56 {
		t.Errorf("%.1f bytes a content, more than 56", each)
	}
	runtime.KeepAlive(j)
}

// discard takes a file and keeps nothing of it.
type discard struct{}

func (discard) Write(p []byte) (int, error)          { return len(p), nil }
func (discard) Seek(off int64, _ int) (int64, error) { return off, nil }

// heap is what is in use, garbage collected.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestANameThatIsThereTwiceIsRefusedInAnyOrder(t *testing.T) {
	for _, names := range []string{"aa", "aba", "bab", "cabdb"} {
		img := &Image{Root: &Dentry{Attributes: AttrDirectory, SecurityID: -1}}
		for _, name := range names {
			img.Root.Children = append(img.Root.Children, &Dentry{Name: string(name), Parent: img.Root, SecurityID: -1})
		}
		if _, err := encodeTree(img); err == nil {
			t.Errorf("%q: taken", names)
		}
	}
}
