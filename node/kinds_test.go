package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/content/device"
	"github.com/wimcast/wimcast/internal/looptest"
	"github.com/wimcast/wimcast/node/receive"
)

// publishAs publishes what is at path.
func (r *running) publishAs(kind catalog.Kind, path, name string) PublishResult {
	r.t.Helper()
	res, err := r.Publish(testContext(r.t), PublishRequest{Path: path, Name: name, Version: "1", Kind: kind}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return res
}

// deployToAll deploys to all targets at once, each by a peer of its own, and wants one cast to have served them.
func (r *running) deployToAll(name string, opt DeployOptions, targets ...string) []Reception {
	r.t.Helper()
	out := make([]Reception, len(targets))
	clients := make([]string, len(targets))
	for i := range clients {
		clients[i] = r.client()
	}
	opt.ReceptionOptions = receptionOptions()
	ctx, cancel := context.WithTimeout(context.Background(), 5*limit) // a device of 8 GiB is read to its end
	defer cancel()
	var mu sync.Mutex
	casts := 0
	opt.Progress = func(receive.Progress) { // while it is received: a cast without members ends soon
		mu.Lock()
		defer mu.Unlock()
		casts = max(casts, r.castsOf(name))
	}
	var wg sync.WaitGroup
	for i, target := range targets {
		wg.Go(func() {
			var err error
			if out[i], err = Deploy(ctx, clients[i], catalog.Ref{Name: name}, target, opt); err != nil {
				r.t.Error(err)
			}
		})
	}
	wg.Wait()
	if casts != 1 {
		r.t.Errorf("%d casts of %s, want one for all", casts, name)
	}
	return out
}

// castsOf counts the casts of a content that run.
func (r *running) castsOf(name string) (n int) {
	for _, c := range r.Status().Casts {
		if strings.HasPrefix(c.Content, name+"@") {
			n++
		}
	}
	return n
}

// bigTree makes a tree of so many small files.
func bigTree(t *testing.T, files int) string {
	t.Helper()
	dir := t.TempDir()
	data := random(7, files+4000)
	for i := range files {
		sub := filepath.Join(dir, fmt.Sprintf("d%d", i%100), fmt.Sprintf("e%d", i%7))
		if i < 700 {
			if err := os.MkdirAll(sub, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("file %d.txt", i)), data[i:i+i%4000], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("file 0.txt", filepath.Join(dir, "d0/e0/link")), os.Mkdir(filepath.Join(dir, "empty"), 0o700)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFolderOfManyFilesArrivesAtThreePeers(t *testing.T) {
	const files = 20_000
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	tree := bigTree(t, files)
	first := s.publishAs(0, tree, "tools")
	if first.Kind != catalog.KindFolder || !first.Changed {
		t.Errorf("published: %+v", first)
	}
	again := s.publishAs(catalog.KindFolder, tree, "tools")
	if again.Changed || again.NewChunks != 0 || again.Manifest != first.Manifest {
		t.Errorf("the same folder again: %+v", again)
	}
	to := t.TempDir()
	targets := []string{filepath.Join(to, "a"), filepath.Join(to, "b"), filepath.Join(to, "c")}
	for i, out := range s.deployToAll("tools", DeployOptions{}, targets...) {
		if out.Apply == nil || out.Apply.Files+out.Apply.Symlinks < files {
			t.Errorf("peer %d: %+v", i, out.Apply)
		}
		wantTree(t, tree, targets[i])
	}
	if left, err := filepath.Glob(filepath.Join(s.folder.Dir, ".publish-*")); err != nil || len(left) > 0 {
		t.Errorf("left in the node's folder: %v, %v", left, err)
	}
}

func TestFileArrivesAtThreePeers(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	data := random(8, 9*mib)
	s.publish("notes.pdf", "1", data)
	to := t.TempDir()
	targets := []string{filepath.Join(to, "a"), filepath.Join(to, "b"), to}
	s.deployToAll("notes.pdf", DeployOptions{}, targets...)
	for _, dir := range targets {
		wantFile(t, filepath.Join(dir, "notes.pdf"), data)
	}
	ref, opt := catalog.Ref{Name: "notes.pdf"}, DeployOptions{ReceptionOptions: receptionOptions()}
	if _, err := Deploy(testContext(t), s.client(), ref, to, opt); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	opt.Overwrite = true
	if _, err := Deploy(testContext(t), s.client(), ref, to, opt); err != nil {
		t.Error(err)
	}
}

// sparseDisk makes a disk image of 8 GiB: a partition table, data here and there, and holes.
func sparseDisk(t *testing.T, size int64, data int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	boot := make([]byte, 512)
	boot[446+4], boot[510], boot[511] = 0x83, 0x55, 0xaa
	err = errors.Join(f.Truncate(size), writeAt(f, boot, 0), writeAt(f, []byte("the end"), size-7))
	for i := range 4 {
		err = errors.Join(err, writeAt(f, random(byte(20+i), data/4), int64(i)*size/4+mib))
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func writeAt(f *os.File, b []byte, off int64) error {
	_, err := f.WriteAt(b, off)
	return err
}

// wantSame fails unless the first size bytes at path are those of the file want. What is a hole in both is not read.
func wantSame(t *testing.T, want, path string, size int64) {
	t.Helper()
	a, err := os.Open(want)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	info, err := b.Stat()
	if err != nil {
		t.Fatal(err)
	}
	hole := func(f *os.File, off, n int64) bool {
		start, _, err := device.NextData(f, off, size)
		return err == nil && start >= off+n
	}
	wantBuf, gotBuf, zeros := make([]byte, 4*mib), make([]byte, 4*mib), make([]byte, 4*mib)
	for off := int64(0); off < size; off += int64(len(gotBuf)) {
		n := min(size-off, int64(len(gotBuf)))
		expect := wantBuf[:n]
		if hole(a, off, n) {
			if expect = zeros[:n]; info.Mode().IsRegular() && hole(b, off, n) {
				continue
			}
		} else if m, err := a.ReadAt(expect, off); int64(m) < n {
			t.Fatal(err)
		}
		if off > 0 {
			_ = device.Forget(b, 0, off) // else 8 GiB of zeros fill the memory
		}
		if m, err := b.ReadAt(gotBuf[:n], off); int64(m) < n || !bytes.Equal(gotBuf[:n], expect) {
			t.Fatalf("%s differs within %d bytes from offset %d, %v", path, n, off, err)
		}
	}
}

func TestSparseDiskArrivesOnDeviceAndInFiles(t *testing.T) {
	const data = 64 * mib
	size := int64(8 << 30)
	if testing.Short() {
		size >>= 3
	}
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	image := sparseDisk(t, size, data)
	res := s.publishAs(catalog.KindDisk, image, "disk")
	if res.Kind != catalog.KindDisk || res.Bytes != size || res.NewBytes > data+16*mib {
		t.Errorf("published: %+v", res)
	}
	to := t.TempDir()
	targets := []string{looptest.New(t, size+mib), filepath.Join(to, "b.img"), filepath.Join(to, "c.img")}
	for i, out := range s.deployToAll("disk", DeployOptions{Disk: true}, targets...) {
		if out.ReadBack != size || out.Bytes > data+16*mib {
			t.Errorf("peer %d: read back %d of %d bytes, received %d of some %d", i, out.ReadBack, size, out.Bytes, data)
		}
		wantSame(t, image, targets[i], size)
	}
}

func TestDiskOutOfUseIsNotWrittenOver(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	image := sparseDisk(t, 16*mib, mib)
	s.publishAs(catalog.KindDisk, image, "disk")
	tree := bigTree(t, 800)
	s.publishAs(0, tree, "tools")
	to, client := t.TempDir(), s.client()
	full := filepath.Join(to, "full.img")
	old := []byte("something that matters")
	if err := os.WriteFile(full, old, 0o600); err != nil {
		t.Fatal(err)
	}
	deploy := func(name, target string, disk, overwrite bool) error {
		opt := DeployOptions{ReceptionOptions: receptionOptions(), Disk: disk, Overwrite: overwrite}
		_, err := Deploy(testContext(t), client, catalog.Ref{Name: name}, target, opt)
		return err
	}
	fresh := filepath.Join(to, "fresh.img")
	for _, c := range []struct {
		name, target string
		disk         bool
		err          error
	}{
		{"disk", full, true, device.ErrHolds},
		{"disk", filepath.Join(to, "dir"), false, content.ErrNotToDir},
		{"tools", fresh, true, content.ErrNotToDisk},
		{"disk", to, true, device.ErrNoDevice},
	} {
		if err := deploy(c.name, c.target, c.disk, false); !errors.Is(err, c.err) {
			t.Errorf("deploy %s to %s: %v, want %v", c.name, c.target, err, c.err)
		}
	}
	wantFile(t, full, old)
	for _, name := range []string{fresh, filepath.Join(to, "dir")} {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left of a deploy that was refused: %v", name, err)
		}
	}
	if err := deploy("disk", full, true, true); err != nil {
		t.Fatal(err)
	}
	wantSame(t, image, full, 16*mib)
}

func TestTooSmallDeviceIsRefusedBeforeAByte(t *testing.T) {
	dev := looptest.New(t, 8*mib)
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	s.publishAs(catalog.KindDisk, sparseDisk(t, 16*mib, mib), "disk")
	opt := DeployOptions{ReceptionOptions: receptionOptions(), Disk: true}
	if _, err := Deploy(testContext(t), s.client(), catalog.Ref{Name: "disk"}, dev, opt); !errors.Is(err, device.ErrTooSmall) {
		t.Errorf("deploy: %v", err)
	}
	zeros := filepath.Join(t.TempDir(), "zeros")
	if err := os.WriteFile(zeros, make([]byte, 8*mib), 0o600); err != nil {
		t.Fatal(err)
	}
	wantSame(t, zeros, dev, 8*mib)
}

func TestInterruptedDiskGoesOn(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 40e6)
	image := sparseDisk(t, 64*mib, 12*mib)
	s.publishAs(catalog.KindDisk, image, "disk")
	client, target := s.client(), filepath.Join(t.TempDir(), "disk.img")
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	opt := DeployOptions{ReceptionOptions: receptionOptions(), Disk: true}
	opt.Progress = func(p receive.Progress) {
		if p.Done > 4*mib {
			cancel()
		}
	}
	if _, err := Deploy(ctx, client, catalog.Ref{Name: "disk"}, target, opt); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted deploy: %v", err)
	}
	opt.Progress = nil
	out, err := Deploy(testContext(t), client, catalog.Ref{Name: "disk"}, target, opt) // without Overwrite: it is ours
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, image, target, 64*mib)
	if out.Bytes > 10*mib {
		t.Errorf("the second deploy received %d bytes again", out.Bytes)
	}
	if left, err := os.ReadDir(filepath.Join(client, "disks")); err != nil || len(left) > 0 {
		t.Errorf("left in the client's folder: %v, %v", left, err)
	}
}
