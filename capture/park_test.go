//go:build unix

package capture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

// parked is what a park was given.
type parked struct {
	d     wim.Dentry
	link  int // of a file with several names; else -1
	below []*parked
	list  bool // it is a directory with a list
}

// parkModel gives random files to a park, and keeps them.
type parkModel struct {
	rng    *rand.Rand
	p      *park
	firsts map[int]*wim.Dentry
	left   int
	where  *folder
}

func (m *parkModel) text(n int) string {
	b := make([]byte, m.rng.IntN(n))
	for i := range b {
		b[i] = "ab\x00\xff"[m.rng.IntN(4)]
	}
	return string(b)
}

func (m *parkModel) time() wim.Filetime {
	switch m.rng.IntN(8) {
	case 0:
		return 0
	case 1:
		return wim.Filetime(m.rng.Uint64())
	}
	return timeZero + wim.Filetime(m.rng.Int64N(1e15))
}

func (m *parkModel) was(modified wim.Filetime) identity {
	i := identity{id: fileID{7, m.rng.Uint64N(1e6)}, size: m.rng.Int64N(1e6), mtime: nanoseconds(modified) + m.rng.Int64N(100)}
	switch m.rng.IntN(10) {
	case 0:
		i.id = fileID{m.rng.Uint64(), m.rng.Uint64()}
	case 1:
		i.mtime = int64(m.rng.Uint64())
	case 2:
		i.linked, i.size = true, 1<<63-1
	}
	return i
}

// dentry makes a file of any kind.
func (m *parkModel) dentry(name string, dir bool) wim.Dentry {
	t := m.time()
	d := wim.Dentry{Name: name, SecurityID: -1, Attributes: wim.AttrNormal, Created: t, Accessed: t, Modified: t}
	if dir {
		d.Attributes = wim.AttrDirectory
	}
	if m.rng.IntN(4) == 0 {
		d.Created, d.Accessed = m.time(), m.time()
	}
	if m.rng.IntN(3) == 0 {
		d.SecurityID, d.Attributes, d.ShortName = m.rng.Int32(), d.Attributes|m.rng.Uint32()&0x23, m.text(5)
	}
	if m.rng.IntN(5) == 0 {
		d.Tagged = []byte(m.text(40) + "x")
	}
	if m.rng.IntN(400) == 0 {
		d.Tagged = make([]byte, 2*parkBlock+m.rng.IntN(9))
	}
	if m.rng.IntN(5) == 0 && !dir {
		d.Attributes |= wim.AttrReparse
		d.ReparseTag, d.ReparseReserved, d.ReparseFlags = m.rng.Uint32(), uint16(m.rng.Uint32()), uint16(m.rng.Uint32())
	}
	if !dir && m.rng.IntN(8) > 0 {
		d.Streams = []wim.Stream{{Source: &fileSource{m.where, name, m.was(t)}}}
	}
	if m.rng.IntN(9) == 0 {
		link, _ := newLinkSource(m.where.below(name), fmt.Sprintf("../%x", m.rng.Uint64())) // which has no error
		d.Streams = append(d.Streams, wim.Stream{Kind: wim.StreamReparse, Source: link})
	}
	if m.rng.IntN(6) == 0 {
		v, elsewhere := m.p.volumes[m.rng.IntN(2)], &folder{name: "/else/where"}
		d.Streams = append(
			d.Streams, wim.Stream{Kind: wim.StreamReparse, Source: &byteSource{m.where.below(name), []byte(m.text(99))}},
			wim.Stream{Kind: wim.StreamData, Hash: wim.SHA1{1, 2, byte(m.rng.Uint32())}}, wim.Stream{Kind: wim.StreamNamed, Name: "empty"},
			wim.Stream{Kind: wim.StreamNamed, Name: "s", Source: &streamSource{v, m.where, name, "s", m.rng.Int64(), false}},
			wim.Stream{Kind: wim.StreamNamed, Name: "t", Source: &streamSource{v, elsewhere, "there", "t", 5, true}},
		)
	}
	return d
}

// fill adds what is in a directory.
func (m *parkModel) fill(to *parked, depth int) {
	m.p.enter()
	was := m.where
	n := m.rng.IntN(30)
	for i := 0; m.left > 0 && (i < n || depth == 0); i++ {
		m.left--
		name := fmt.Sprintf("%s%d", m.text(6), i)
		c := &parked{list: m.rng.IntN(5) == 0 && depth < 20, link: -1}
		c.d = m.dentry(name, c.list)
		e := &entry{d: &c.d, name: name, dir: was}
		if !c.list && m.rng.IntN(4) == 0 {
			e.several, e.link = true, m.rng.IntN(40)
			first := m.firsts[e.link]
			e.again = first != nil
			if c.link = e.link; e.again {
				short := c.d.ShortName
				c.d = *first
				c.d.Name, c.d.ShortName = name, short
			} else {
				m.firsts[e.link] = &c.d
			}
		}
		m.p.add(e)
		to.below = append(to.below, c)
		if c.list {
			m.where = &folder{was, name}
			m.fill(c, depth+1)
			m.where = was
		}
	}
	m.p.leave()
}

// plain makes Sources comparable, and paths of folders what they are.
func plain(d wim.Dentry, again bool) (wim.Dentry, []string) {
	var sources []string
	d.Streams = slices.Clone(d.Streams)
	for i := range d.Streams {
		switch src := d.Streams[i].Source.(type) {
		case *fileSource:
			sources = append(sources, fmt.Sprintf("%+v", src.was))
		case *linkSource:
			sources = append(sources, fmt.Sprintf("%q %q", src.target, src.data))
		case *byteSource:
			sources = append(sources, fmt.Sprintf("%q", src.data))
		case *streamSource:
			sources = append(sources, fmt.Sprint(src.v.Streams(), src.stream, src.size, src.elsewhere))
		}
		if src := d.Streams[i].Source; src != nil && !again {
			sources = append(sources, src.Path())
		}
		d.Streams[i].Source = nil
	}
	d.Parent, d.HardLink = nil, 0
	if len(d.Streams) == 0 {
		d.Streams = nil
	}
	return d, sources
}

func TestNothingIsLostInAPark(t *testing.T) {
	m := &parkModel{rng: wimtest.Seeded(t, *seedFlag), p: &park{links: make([]link, 40)}, firsts: map[int]*wim.Dentry{}, left: 6000}
	m.p.dev, m.p.volumes = 7, []*ntfs3g.Volume{{}, {}}
	tr := &tree{park: m.p, from: place{name: "/top"}}
	m.p.begin()
	root := &parked{d: wim.Dentry{Attributes: wim.AttrDirectory, SecurityID: -1}, list: true, link: -1}
	m.where = &folder{name: "/top"}
	m.p.add(&entry{d: &root.d})
	m.fill(root, 0)
	m.p.number()

	groups, number := make(map[int]uint64), uint64(0) // in the order of the numbers of links
	names := make(map[int]int)
	var count func(*parked)
	count = func(c *parked) {
		names[c.link]++
		for _, c := range c.below {
			count(c)
		}
	}
	count(root)
	for i := range 40 {
		if names[i] > 1 {
			number++
			groups[i] = number
		}
	}
	check := func(got *wim.Dentry, c *parked, sources bool) {
		t.Helper()
		again := c.link >= 0 && m.firsts[c.link] != &c.d
		g, gs := plain(*got, again || !sources)
		w, ws := plain(c.d, again)
		if !reflect.DeepEqual(g, w) || sources && !slices.Equal(gs, ws) || got.HardLink != groups[c.link] {
			t.Fatalf("got %+v %q, want %+v %q", g, gs, w, ws)
		}
	}

	var want, lists []*parked // as Visit and Lists give them; nil ends a list
	var walk func(*parked)
	walk = func(c *parked) {
		want = append(want, c)
		if c.list {
			lists = append(append(lists, c.below...), nil)
		}
		for _, c := range c.below {
			walk(c)
		}
	}
	walk(root)
	for range 2 { // it can be walked again
		i := 0
		must(t, tr.Visit(func(d *wim.Dentry, depth int) error {
			check(d, want[i], true)
			up := 0
			for p := d.Parent; p != nil; p = p.Parent {
				up++
			}
			if up != depth {
				t.Fatalf("%q is %d deep, told to be %d", d.Path(), up, depth)
			}
			i++
			return nil
		}))
		if i != len(want) {
			t.Fatalf("%d of %d dentries", i, len(want))
		}
	}
	must(t, tr.Lists(func(d *wim.Dentry) error {
		c := lists[0]
		if lists = lists[1:]; d == nil || c == nil {
			if d != nil || c != nil {
				t.Fatal("a list ends elsewhere")
			}
			return nil
		}
		check(d, c, false)
		return nil
	}))
	if len(lists) != 0 {
		t.Errorf("%d are missing in lists", len(lists))
	}
	if len(m.p.blocks) < 3 {
		t.Errorf("only %d blocks: nothing crosses their ends", len(m.p.blocks))
	}
}

func TestAPackedTreeIsWrittenAsOneInMemory(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, wimtest.Seeded(t, *seedFlag), dir, 100)
	write(t, filepath.Join(dir, "Windows", "CSC", "x"), "left out")
	must(t, os.Link(filepath.Join(dir, "Windows", "CSC", "x"), filepath.Join(dir, "only name that is captured")))
	for name, o := range map[string]Options{
		"plain": {}, "all": {UnixData: true, FixLinks: true, Config: DefaultConfig()},
	} {
		for _, solid := range []bool{false, true} {
			img, stats := scan(t, dir, o)
			packed, again, err := ScanTree(bg, []Item{{Path: dir, Target: "/"}}, o)
			must(t, err)
			if _, ok := packed.(*tree); !ok || stats != again {
				t.Fatalf("%T: %+v, in memory %+v", packed, again, stats)
			}
			var files [2]memFile
			for i, tree := range []wim.ImageSource{img, packed} {
				w, err := wim.Create(&files[i], wim.WriterOptions{
					Compression: wim.XPRESS, Level: 1, Time: time.Unix(1, 0), Solid: solid, SolidCompression: wim.XPRESS, SolidLevel: 1, SolidPieceSize: 1 << 15,
					Threads: 1 + i,
				})
				must(t, err)
				must(t, w.Image(tree, nil))
				_, err = w.Finish(bg)
				must(t, err)
			}
			if !bytes.Equal(files[0].b, files[1].b) {
				t.Errorf("%s, solid %t: other bytes", name, solid)
			}
		}
	}
}

func TestADirectoryOfVeryManyFilesIsListedInOrder(t *testing.T) {
	dir := t.TempDir()
	for i := range 5000 {
		write(t, filepath.Join(dir, fmt.Sprintf("%c%d", "aBcD"[i%4], i)), "")
	}
	list, err := readNames(dir)
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	var got, want []string
	for i := range list.names {
		got = append(got, list.name(i))
		want = append(want, entries[i].Name())
	}
	slices.SortFunc(want, wim.CompareNames)
	if !slices.Equal(got, want) || len(got) != 5000 {
		t.Errorf("%d names, or not in order", len(got))
	}
}

func TestAParkedFileTakesFewBytes(t *testing.T) {
	const files = 200_000
	p := &park{}
	p.begin()
	before := heap()
	p.add(&entry{d: &wim.Dentry{Attributes: wim.AttrDirectory, SecurityID: -1}})
	p.enter()
	for i := range files {
		if i%20 == 0 {
			if i > 0 {
				p.leave()
			}
			p.add(&entry{d: &wim.Dentry{Name: fmt.Sprintf("directory-%06d", i), Attributes: wim.AttrDirectory, SecurityID: -1}})
			p.enter()
		}
		at := time.Unix(1_600_000_000, int64(i)*987_654_321)
		d := &wim.Dentry{Name: fmt.Sprintf("component-%06d.%04x.manifest", i, uint16(i*7919)), Attributes: wim.AttrNormal, SecurityID: -1}
		d.Modified = wim.FiletimeOf(at)
		d.Created, d.Accessed = d.Modified, d.Modified
		d.Streams = []wim.Stream{{Source: &fileSource{name: d.Name, was: identity{id: fileID{1, uint64(i)}, size: int64(i % 5000), mtime: at.UnixNano()}}}}
		p.add(&entry{d: d})
	}
	p.leave()
	p.leave()
	if each := float64(heap()-before) / files; each > 32 {
		t.Errorf("%.1f bytes a file, more than 32", each)
	}
	runtime.KeepAlive(p)
}

// heap is what is in use, garbage collected.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAFileIsFoundInAPackedTree(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/x", "windows/System32/config/SYSTEM", "WINDOWS/system32/config/software", "z"} {
		write(t, filepath.Join(dir, name), "content of "+name)
	}
	packed, _, err := ScanTree(bg, []Item{{Path: dir}}, Options{})
	must(t, err)
	img, _ := scan(t, dir, Options{})
	for _, path := range []string{"windows", "Windows/System32", "WINDOWS/System32/config/SOFTWARE", "windows/system32/config/system", "Z", "z/z", "b", "a/X/y"} {
		names := strings.Split(path, "/")
		got, want := packed.(*tree).find(names...), findFold(img.Root, names...)
		if (got == nil) != (want == nil) || got != nil && (got.Name != want.Name || !bytes.Equal(content(t, got), content(t, want))) {
			t.Errorf("%s: %+v, in memory %+v", path, got, want)
		}
	}
}
