package node

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

func openLocal(t *testing.T) *Local {
	t.Helper()
	l, err := OpenLocal(testSite(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// captureTree writes a WIM of a small tree.
func captureTree(t *testing.T, path string) {
	t.Helper()
	tree := t.TempDir()
	for i, name := range []string{"a.txt", "b.txt", "c.bin"} {
		if err := os.WriteFile(filepath.Join(tree, name), random(byte(i), 200_000*(i+1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := capture.Write(testContext(t), f, []capture.Source{{Dir: tree}}, capture.WriteOptions{Writer: wim.WriterOptions{Compression: wim.XPRESS}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPublishTwiceIsNoChange(t *testing.T) {
	l := openLocal(t)
	path := filepath.Join(t.TempDir(), "x.wim")
	captureTree(t, path)
	req := PublishRequest{Path: path, Name: "x", Version: "1"}
	first, err := l.Publish(testContext(t), req, nil)
	if err != nil || !first.Changed || first.NewChunks == 0 || first.Kind != catalog.KindImage {
		t.Fatalf("publish: %+v, %v", first, err)
	}
	again, err := l.Publish(testContext(t), req, nil)
	if err != nil || again.Changed || again.NewChunks != 0 || again.Manifest != first.Manifest {
		t.Fatalf("publish again: %+v, %v", again, err)
	}
}

func TestGCNeverTakesWhatAnotherContentNeeds(t *testing.T) {
	l := openLocal(t)
	ctx, dir := testContext(t), t.TempDir()
	shared := random(1, 4*mib)
	for name, data := range map[string][]byte{"one": append(shared, random(2, 4*mib)...), "two": append(shared, random(3, mib)...)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Publish(ctx, PublishRequest{Path: path, Name: name, Version: "1"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Remove(ctx, "one", "1"); err != nil {
		t.Fatal(err)
	}
	freed, err := l.GC(ctx)
	if err != nil || freed.Chunks == 0 || freed.BytesAfter >= freed.BytesBefore {
		t.Fatalf("gc: %+v, %v", freed, err)
	}
	check, err := l.Verify(ctx)
	if err != nil || check.Contents != 1 || len(check.Incomplete)+len(check.Damaged) > 0 {
		t.Fatalf("verify after gc: %+v, %v", check, err)
	}
}

func TestWhatCannotBePublishedSaysWhy(t *testing.T) {
	l := openLocal(t)
	dir := t.TempDir()
	good := filepath.Join(dir, "good.wim")
	captureTree(t, good)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ path, want string }{
		{filepath.Join(dir, "none.wim"), "no such file"},
		{dir, "regular file"},
		{write("empty", nil), "regular file"},
		{write("cut.wim", whole[:len(whole)/2]), "is it complete"},
		{write("head.wim", whole[:100]), "header"},
	} {
		_, err := l.Publish(testContext(t), PublishRequest{Path: c.path, Name: "x", Version: "1", Kind: catalog.KindImage}, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("publish %s: %v, want an error with %q", filepath.Base(c.path), err, c.want)
		}
	}
	if list, err := l.Contents(testContext(t)); err != nil || len(list) != 0 {
		t.Errorf("after refused publishes the catalogue lists %v, %v", list, err)
	}
}

func TestFileThatChangesWhileItIsPublishedIsRefused(t *testing.T) {
	l := openLocal(t)
	path := filepath.Join(t.TempDir(), "growing")
	if err := os.WriteFile(path, random(1, 2*mib), 0o600); err != nil {
		t.Fatal(err)
	}
	touched := false
	_, err := l.Publish(testContext(t), PublishRequest{Path: path, Name: "x", Version: "1"}, func(int64, int64) {
		if touched {
			return
		}
		touched = true
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if _, err := f.WriteString("more"); err != nil {
			t.Error(err)
		}
	})
	if !errors.Is(err, content.ErrChanged) {
		t.Errorf("publish: %v, want ErrChanged", err)
	}
}

// damageData flips a byte in the first resource of a WIM: header, tables and trees stay as they are.
func damageData(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[1000] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestImageWithDamagedDataIsRefused(t *testing.T) {
	l := openLocal(t)
	path := filepath.Join(t.TempDir(), "x.wim")
	captureTree(t, path)
	damageData(t, path)
	if _, err := l.Publish(testContext(t), PublishRequest{Path: path, Name: "x", Version: "1"}, nil); !errors.Is(err, wim.ErrCorrupt) {
		t.Errorf("publish: %v, want ErrCorrupt", err)
	}
	if list, err := l.Contents(testContext(t)); err != nil || len(list) != 0 {
		t.Errorf("the catalogue lists %v, %v", list, err)
	}
	if _, err := l.Publish(testContext(t), PublishRequest{Path: path, Name: "x", Version: "1", Kind: catalog.KindFile}, nil); err != nil {
		t.Errorf("publish as it is: %v", err)
	}
}

func TestPartOfASplitSetIsNoImage(t *testing.T) {
	l := openLocal(t)
	path := filepath.Join(t.TempDir(), "x.swm")
	captureTree(t, path)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[42] = 2 // parts, of which this is the first
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(testContext(t), PublishRequest{Path: path, Name: "x", Version: "1"}, nil); err == nil || !strings.Contains(err.Error(), "part 1 of 2") {
		t.Errorf("publish: %v", err)
	}
}

func TestPublishProgressCountsCheckAndCopy(t *testing.T) {
	l := openLocal(t)
	path := filepath.Join(t.TempDir(), "x.wim")
	captureTree(t, path)
	var done, total int64
	if _, err := l.Publish(testContext(t), PublishRequest{Path: path, Name: "x", Version: "1"}, func(d, all int64) {
		if d < done {
			t.Errorf("progress goes back from %d to %d", done, d)
		}
		done, total = d, all
	}); err != nil {
		t.Fatal(err)
	}
	if done != total || total == 0 {
		t.Errorf("the last progress is %d of %d", done, total)
	}
}

func TestTokenLimits(t *testing.T) {
	l := openLocal(t)
	for _, req := range []TokenRequest{{Hours: -1}, {Uses: -1}, {Hours: tokenHoursMax + 1}} {
		req.Addresses = []string{"127.0.0.1:4790"}
		if token, err := l.Token(testContext(t), req); err == nil || !strings.Contains(err.Error(), "want up to") {
			t.Errorf("%+v: %q, %v", req, token, err)
		}
	}
	if _, err := l.Token(testContext(t), TokenRequest{Addresses: []string{"127.0.0.1:4790"}, Hours: tokenHoursMax, Uses: 1}); err != nil {
		t.Error(err)
	}
}

func TestChunkThatRepeatsIsNewOnce(t *testing.T) {
	l := openLocal(t)
	path := filepath.Join(t.TempDir(), "zeros")
	if err := os.WriteFile(path, make([]byte, 8*mib), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := l.Publish(testContext(t), PublishRequest{Path: path, Name: "zeros", Version: "1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if held := l.store.Stats(); p.NewChunks != held.Chunks || p.NewBytes != held.Bytes || p.Chunks <= held.Chunks {
		t.Errorf("publish says %d new chunks of %d, %d bytes; the store holds %d, %d bytes", p.NewChunks, p.Chunks, p.NewBytes, held.Chunks, held.Bytes)
	}
}

// roomFS says that so many bytes fit.
type roomFS struct {
	vfs.FS
	room int64
}

func (f roomFS) Room() (int64, bool) { return f.room, true }

// writeFile makes a file of the test's own.
func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What does not fit is refused before a byte of it is stored; what fits because most of it is there already is not.
func TestPublishLooksForRoomFirst(t *testing.T) {
	l := openLocal(t)
	data := random(41, 3*mib)
	if _, err := l.Publish(testContext(t), PublishRequest{Path: writeFile(t, data), Name: "x", Version: "1"}, nil); err != nil {
		t.Fatal(err)
	}
	before := l.store.Stats()
	l.files = roomFS{l.files, mib}
	_, err := l.Publish(testContext(t), PublishRequest{Path: writeFile(t, random(42, 3*mib)), Name: "x", Version: "2"}, nil)
	if !errors.Is(err, vfs.ErrNoRoom) || !strings.Contains(err.Error(), "3.0 MiB are needed and 1.0 MiB are free") {
		t.Errorf("three new megabytes into one: %v", err)
	}
	if st := l.store.Stats(); st != before {
		t.Errorf("the store has %+v, and had %+v", st, before)
	}
	longer := append(bytes.Clone(data), random(43, mib/2)...)
	if _, err := l.Publish(testContext(t), PublishRequest{Path: writeFile(t, longer), Name: "x", Version: "3"}, nil); err != nil {
		t.Errorf("half a new megabyte into one: %v", err)
	}
}

// Whatever a publish fails of, the store is as before, and so is what others have published meanwhile.
func TestAFailedPublishLeavesNothing(t *testing.T) {
	l := openLocal(t)
	kept := random(44, 2*mib)
	if _, err := l.Publish(testContext(t), PublishRequest{Path: writeFile(t, kept), Name: "kept", Version: "1"}, nil); err != nil {
		t.Fatal(err)
	}
	before := l.store.Stats()
	other := append(bytes.Clone(kept[:mib]), random(45, 2*mib)...)
	for name, fails := range map[string]func(path string) error{
		"interrupted": func(path string) error {
			ctx, cancel := context.WithCancel(testContext(t))
			_, err := l.Publish(ctx, PublishRequest{Path: path, Name: "x", Version: "1"}, func(done, _ int64) {
				if done > 2*mib {
					cancel()
				}
			})
			return err
		},
		"changed": func(path string) error {
			_, err := l.Publish(testContext(t), PublishRequest{Path: path, Name: "x", Version: "1"}, func(done, total int64) {
				if done == total {
					os.WriteFile(path, []byte("another"), 0o600)
				}
			})
			return err
		},
		"taken": func(path string) error {
			_, err := l.Publish(testContext(t), PublishRequest{Path: path, Name: "kept", Version: "1"}, nil)
			return err
		},
	} {
		if err := fails(writeFile(t, other)); err == nil {
			t.Fatalf("%s: it does not fail", name)
		}
		if st := l.store.Stats(); st != before {
			t.Errorf("%s: the store has %+v, and had %+v", name, st, before)
		}
	}
	if v, err := l.Verify(testContext(t)); err != nil || len(v.Incomplete)+len(v.Damaged) > 0 {
		t.Errorf("%+v, %v", v, err)
	}
}
