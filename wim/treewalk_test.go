//go:build unix

package wim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// byDirectory lists an image as Tree.Walk does.
func byDirectory(root *Dentry) (list []*Dentry) {
	list = append(list, root.Children...)
	for _, c := range root.Children {
		if c.IsDir() {
			list = append(list, byDirectory(c)...)
		}
	}
	return list
}

// flat is a dentry without what ties it to others.
func flat(d *Dentry) Dentry {
	c := *d
	c.Parent, c.Children = nil, nil
	return c
}

// smallPieces is metadata of which pieces of a few bytes are decoded at a time, so that everything crosses bounds of pieces.
func smallPieces(t testing.TB, b []byte, size int) metaSource {
	t.Helper()
	f := &File{r: bytes.NewReader(b), size: int64(len(b))}
	run := &Run{Location: Location{StoredSize: int64(len(b)), Size: int64(len(b))}, PieceSize: size}
	src, err := newMetaPieces(f, Resource{Run: run, Size: run.Size})
	if err != nil {
		t.Fatal(err)
	}
	src.max = 3
	return src
}

// sameTree checks that metadata reads the same where it lies and in memory, and gives the error that both give.
func sameTree(t testing.TB, b []byte, piece int) error {
	t.Helper()
	img, wantErr := parseMetadata(b)
	tree, err := newTree(smallPieces(t, b, piece))
	var got []*Dentry
	if err == nil {
		err = tree.Walk(nil, func(d *Dentry, at At) error {
			again, err := tree.Dentry(at)
			if err == nil && !reflect.DeepEqual(flat(again), flat(d)) {
				err = fmt.Errorf("directory %q reads differently again", d.Path())
			}
			return err
		}, func(d *Dentry, at At) error {
			again, err := tree.Dentry(at)
			if err == nil && !reflect.DeepEqual(flat(again), flat(d)) {
				err = fmt.Errorf("%q reads differently again", d.Path())
			}
			got = append(got, d)
			return err
		})
	}
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("read where it lies: %v; in memory: %v", err, wantErr)
	}
	if err != nil {
		return err
	}
	want := byDirectory(img.Root)
	if len(got) != len(want) || tree.Securities() != len(img.Security) {
		t.Fatalf("%d dentries, %d descriptors; want %d and %d", len(got), tree.Securities(), len(want), len(img.Security))
	}
	for i := range want {
		if got[i].Path() != want[i].Path() || !reflect.DeepEqual(flat(got[i]), flat(want[i])) {
			t.Fatalf("dentry %d is %+v, want %+v", i, flat(got[i]), flat(want[i]))
		}
	}
	var down, wantDown []string
	err = errors.Join(
		tree.Descend(func(d *Dentry, _ At) error { down = append(down, d.Path()); return nil }),
		img.Walk(func(d *Dentry) error { wantDown = append(wantDown, d.Path()); return nil }))
	if err != nil || !slices.Equal(down, wantDown) {
		t.Fatalf("descended to %q, %v; want %q", down, err, wantDown)
	}
	for i, want := range img.Security {
		if sd, err := tree.Security(i); err != nil || !bytes.Equal(sd, want) {
			t.Fatalf("descriptor %d: %x, %v", i, sd, err)
		}
	}
	return nil
}

func TestATreeReadsTheSameWhereItLies(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		var grow func(name string, depth int) *Dentry
		grow = func(name string, depth int) *Dentry {
			d := &Dentry{Name: name, Attributes: AttrDirectory, SecurityID: int32(rnd.IntN(3)) - 1}
			for i := range rnd.IntN(8) {
				n := fmt.Sprintf("%d%s", i, strings.Repeat("é", rnd.IntN(20)))
				c := &Dentry{Name: n, Attributes: AttrArchive, SecurityID: -1, Modified: Filetime(rnd.Uint64() >> 2)}
				switch {
				case depth > 0 && rnd.IntN(3) == 0:
					c = grow(n, depth-1)
				case rnd.IntN(2) == 0:
					c.Streams = []Stream{{Kind: StreamData, Hash: SHA1{1, byte(i)}}}
					if rnd.IntN(2) == 0 {
						c.Streams = append(c.Streams, Stream{Kind: StreamNamed, Name: "s", Hash: SHA1{2, byte(i)}})
					}
				}
				c.Parent = d
				d.Children = append(d.Children, c)
			}
			return d
		}
		img := &Image{Root: grow("", 4), Security: [][]byte{{1, 2, 3}, nil}}
		e, err := newTreeEncoder(img, nil, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		_ = e.encode(func(part []byte) error { b = append(b, part...); return nil }) // it gives no error
		piece := 1 + rnd.IntN(300)
		if err := sameTree(t, b, piece); err != nil {
			t.Fatal(err)
		}
		for range 20 { // and damaged
			bad := bytes.Clone(b)
			bad[rnd.IntN(len(bad))] ^= byte(1 + rnd.IntN(255))
			_ = sameTree(t, bad[:len(bad)-rnd.IntN(2)*rnd.IntN(8)], piece) // any error, the same one
		}
	}
}

func TestATreeTakesADirectoryOfVeryManyFiles(t *testing.T) {
	const n = 60_000
	root := &Dentry{Attributes: AttrDirectory, SecurityID: -1}
	for i := range n {
		root.Children = append(root.Children, &Dentry{Name: fmt.Sprintf("file%d", i), SecurityID: -1, Parent: root})
	}
	for _, last := range []struct {
		name  string
		rules *Rules
		want  error
	}{{"other", nil, nil}, {"FILE7", nil, nil}, {"FILE7", &Rules{}, ErrName}, {"FILE7", &Rules{AllowCaseClash: true}, nil}} {
		root.Children[n-1].Name = last.name
		tree, err := (&Image{Root: root}).Tree()
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		err = tree.Walk(last.rules, func(*Dentry, At) error { return nil }, func(*Dentry, At) error { count++; return nil })
		if !errors.Is(err, last.want) || err == nil && count != n {
			t.Errorf("%s: %v, %d entries", last.name, err, count)
		}
	}
}

func TestNamesWithOneHashAreToldApart(t *testing.T) {
	names := map[At]string{}
	has := func(at At, name string) (bool, error) { return names[at] == name, nil }
	var s nameSet
	s.clear()
	s.same = nil
	add := func(name string, at At) bool {
		_, twice, _ := s.add(name, at, has) // has gives no error
		names[at] = name
		return twice
	}
	add("a", 1)
	names[1] = "another with the hash of a"
	if add("a", 2) {
		t.Error("a name was taken for another one with its hash")
	}
	if !add("a", 3) {
		t.Error("a name twice was not noticed")
	}
}

func TestTheTreeOfAFileIsThatOfItsImage(t *testing.T) {
	for _, o := range []WriterOptions{{}, {Compression: XPRESS}, {Compression: LZX}} {
		f, err := open(sample(t, o))
		if err != nil {
			t.Fatal(err)
		}
		img, err := f.Image(1)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := f.Tree(1)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = tree.Walk(&Rules{AllowCaseClash: true, AllowWindowsNames: true}, func(*Dentry, At) error { return nil }, func(d *Dentry, _ At) error {
			got = append(got, d.Path())
			return nil
		})
		var want []string
		for _, d := range byDirectory(img.Root) {
			want = append(want, d.Path())
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		if err := f.Verify(context.Background(), nil); err != nil {
			t.Error(err)
		}
	}
}
