package content

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/content/device"
	"github.com/wimcast/wimcast/internal/wimtest"
)

var seedFlag = flag.Uint64("seed", 0, "seed of random tests; 0 draws one")

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noise is n bytes that depend on the seed only.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// cut is what Split gave.
type cut struct {
	ids    []chunk.ID
	pieces [][]byte
	all    []byte
	kind   catalog.Kind
}

// cutAll opens and splits, and checks that the pieces follow each other and have their names.
func cutAll(t testing.TB, path string, cfg OpenConfig) cut {
	t.Helper()
	if cfg.Scratch == "" {
		cfg.Scratch = t.TempDir()
	}
	src, err := Open(t.Context(), path, cfg)
	must(t, err)
	out := cut{kind: src.Kind}
	must(t, src.Split(t.Context(), func(p chunk.Piece, id chunk.ID) error {
		if p.Offset != int64(len(out.all)) || len(p.Data) == 0 || len(p.Data) > chunk.MaxSize || chunk.Sum(p.Data) != id {
			t.Fatalf("piece of %d bytes at %d, after %d bytes, is %v", len(p.Data), p.Offset, len(out.all), id)
		}
		out.ids, out.pieces, out.all = append(out.ids, id), append(out.pieces, bytes.Clone(p.Data)), append(out.all, p.Data...)
		return nil
	}))
	if int64(len(out.all)) != src.Size {
		t.Fatalf("%d bytes of %d", len(out.all), src.Size)
	}
	must(t, src.Same())
	must(t, src.Close())
	if left, err := os.ReadDir(cfg.Scratch); err != nil || len(left) > 0 {
		t.Errorf("left in the scratch directory: %v, %v", left, err)
	}
	return out
}

// sparse makes a file of that size with data at some places.
func sparse(t testing.TB, size int64, data map[int64][]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(size))
	for off, b := range data {
		_, err := f.WriteAt(b, off)
		must(t, err)
	}
	return path
}

func TestHolesAreOneChunk(t *testing.T) {
	const mib = 1 << 20
	size := int64(64*mib + 12345)
	path := sparse(t, size, map[int64][]byte{0: noise(1, 700_000), 20*mib + 4096: noise(2, mib), 40 * mib: noise(3, 5000), size - 10: []byte("the end...")})
	got := cutAll(t, path, OpenConfig{Kind: catalog.KindDisk})
	want, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(got.all, want) {
		t.Error("the pieces have other bytes than the file")
	}
	unique := map[chunk.ID]int{}
	zeros, bytesOf := chunk.Sum(make([]byte, chunk.MaxSize)), 0
	off := 0
	for i, id := range got.ids {
		if off%diskAlign != 0 {
			t.Errorf("chunk %d of a disk begins at %d", i, off)
		}
		off += len(got.pieces[i])
		if unique[id]++; unique[id] == 1 {
			bytesOf += len(got.pieces[i])
		}
	}
	if unique[zeros] < 230 || bytesOf > 4*mib {
		t.Errorf("%d chunks of zeros; %d bytes in different chunks for some 1.7 MiB of data", unique[zeros], bytesOf)
	}
}

// A hole is zeros that need not be read: however data and holes lie, the bytes are the file's.
func TestSplitGivesTheFileWhateverItsHoles(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for range 30 {
		size := 1 + rng.Int64N(12<<20)
		data := map[int64][]byte{}
		for range rng.IntN(6) {
			off := rng.Int64N(size)
			data[off] = noise(byte(rng.IntN(256)), int(min(size-off, 1+rng.Int64N(1<<20))))
		}
		path := sparse(t, size, data)
		want, err := os.ReadFile(path)
		must(t, err)
		if got := cutAll(t, path, OpenConfig{}); !bytes.Equal(got.all, want) || got.kind != catalog.KindFile {
			t.Fatalf("a file of %d bytes with data at %d places comes out different", size, len(data))
		}
	}
}

func TestFileThatIsTooLongIsRefusedUnread(t *testing.T) {
	if _, err := Open(t.Context(), sparse(t, sizeMax+1, nil), OpenConfig{}); err == nil || !strings.Contains(err.Error(), "256 GiB") {
		t.Errorf("one byte too many: %v", err)
	}
	src, err := Open(t.Context(), sparse(t, sizeMax, nil), OpenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	if err := src.Split(t.Context(), func(chunk.Piece, chunk.ID) error { return stop }); err != stop {
		t.Errorf("split: %v", err)
	}
	must(t, src.Close())
}

// tree makes a directory of files.
func tree(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, b, 0o644))
	}
	return dir
}

func TestSameFolderGivesSameBytes(t *testing.T) {
	dir := tree(t, map[string][]byte{"setup.sh": []byte("#!"), "data/a": noise(1, 300_000), "data/b": noise(2, 10)})
	one := cutAll(t, dir, OpenConfig{Name: "tools"})
	two := cutAll(t, dir, OpenConfig{Name: "tools", Kind: catalog.KindFolder})
	if one.kind != catalog.KindFolder || !bytes.Equal(one.all, two.all) {
		t.Error("the same folder gives other bytes")
	}
	if three := cutAll(t, dir, OpenConfig{Name: "tools", Kind: catalog.KindDriver}); three.kind != catalog.KindDriver || !bytes.Equal(one.all, three.all) {
		t.Error("as drivers it gives other bytes")
	}
}

// A new version of a folder has most chunks of the old one, though a byte was put in at the start of its largest file.
func TestNewVersionOfAFolderKeepsMostChunks(t *testing.T) {
	big := bytes.Repeat(noise(1, 1<<16), 3)
	big = append(big, noise(4, 8<<20)...)
	dir := tree(t, map[string][]byte{"a": noise(2, 1<<20), "big": big, "z": noise(3, 1<<20)})
	before := cutAll(t, dir, OpenConfig{Name: "tools"})
	must(t, os.WriteFile(filepath.Join(dir, "big"), append([]byte("!"), big...), 0o644))
	after := cutAll(t, dir, OpenConfig{Name: "tools"})
	had := map[chunk.ID]bool{}
	for _, id := range before.ids {
		had[id] = true
	}
	fresh := 0
	for i, id := range after.ids {
		if !had[id] {
			fresh += len(after.pieces[i])
		}
	}
	if fresh > 1<<20 {
		t.Errorf("%d bytes of %d are new for one byte more", fresh, len(after.all))
	}
}

func TestWhatIsNotOfItsKindIsRefused(t *testing.T) {
	dir := tree(t, map[string][]byte{"file": []byte("text"), "empty": nil})
	missing := syscall.ENOENT.Error() // as the system says it
	for _, c := range []struct {
		path string
		kind catalog.Kind
		says string
	}{
		{dir, catalog.KindImage, "as an image: want a regular file"},
		{dir, catalog.KindDisk, "as a disk: want a regular file"},
		{filepath.Join(dir, "file"), catalog.KindFolder, "as a folder: want a directory"},
		{filepath.Join(dir, "file"), catalog.KindImage, "as an image: "},
		{filepath.Join(dir, "empty"), 0, "not empty"},
		{filepath.Join(dir, "none"), 0, missing},
		{filepath.Join(dir, "file"), 77, "unknown kind 77"},
	} {
		if src, err := Open(t.Context(), c.path, OpenConfig{Kind: c.kind, Scratch: dir}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s as %v: %v, %v, want an error with %q", filepath.Base(c.path), c.kind, src, err, c.says)
		}
	}
}

func TestSectionEndsWhereTheFileDoes(t *testing.T) {
	path := sparse(t, 10, map[int64][]byte{0: []byte("0123456789")})
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	for _, c := range []struct {
		from, to int64
		want     string
	}{{2, 5, "234"}, {8, 100, "89"}, {5, 5, ""}, {10, 20, ""}} {
		if got, err := io.ReadAll(&section{f, c.from, c.to}); err != nil || string(got) != c.want {
			t.Errorf("[%d, %d): %q, %v", c.from, c.to, got, err)
		}
	}
	if start, end, err := device.NextData(f, 0, 10); err != nil || start != 0 || end != 10 {
		t.Errorf("data is said to be at [%d, %d), %v", start, end, err)
	}
}
