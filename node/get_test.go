package node

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node/receive"
)

const mib = 1 << 20

func TestClientsThatAskTogetherShareOneCast(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	data := random(1, 12*mib)
	s.publish("raw", "1", data)
	var wg sync.WaitGroup
	for _, dir := range []string{s.client(), s.client(), s.client()} {
		wg.Go(func() {
			path := filepath.Join(t.TempDir(), "out")
			got, err := Get(testContext(t), dir, catalog.Ref{Name: "raw"}, path, false, receptionOptions())
			if err != nil {
				t.Error(err)
				return
			}
			wantFile(t, path, data)
			if got.Size != int64(len(data)) || got.Decoded == 0 {
				t.Errorf("got %+v: want all %d bytes, most by multicast", got, len(data))
			}
		})
	}
	wg.Wait()
	st := s.Status()
	if len(st.Casts) != 1 {
		t.Fatalf("%d casts, want one for all", len(st.Casts))
	}
	// Sent once, not once a client: the wire carries 1.058 times the content, and what a busy machine lost.
	if wire := st.Casts[0].WireBytes; wire > uint64(len(data))*3/2 {
		t.Errorf("%d bytes on the wire for %d of content and 3 clients", wire, len(data))
	}
}

func TestLossIsRepaired(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	data := random(2, 8*mib)
	s.publish("raw", "1", data)
	opt := receptionOptions()
	r := rand.New(rand.NewPCG(1, 2))
	opt.Drop = func() bool { return r.Float64() < 0.05 }
	path := filepath.Join(t.TempDir(), "out")
	got, err := Get(testContext(t), s.client(), catalog.Ref{Name: "raw", Version: "1"}, path, false, opt)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if got.Repaired == 0 {
		t.Error("nothing was repaired by parity at 5 % loss")
	}
}

func TestClientThatHearsNoMulticastGetsItOverQUIC(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	data := random(3, 4*mib)
	s.publish("raw", "1", data)
	opt := receptionOptions()
	opt.Drop = func() bool { return true }
	path := filepath.Join(t.TempDir(), "out")
	deaf := false
	opt.Progress = func(p receive.Progress) { deaf = deaf || p.Peer.Deaf || p.Peer.Demoted != 0 }
	got, err := Get(testContext(t), s.client(), catalog.Ref{Name: "raw"}, path, false, opt)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if got.Decoded != 0 || got.Fetched == 0 {
		t.Errorf("%d blocks by multicast, %d over QUIC", got.Decoded, got.Fetched)
	}
	if !deaf {
		t.Error("progress never said that no multicast is heard")
	}
}

func TestDistributionPointThatComesBackIsWaitedFor(t *testing.T) {
	dir, addr := testSite(t), freePort(t)
	s := serve(t, dir, addr, 40e6)
	data := random(4, 16*mib)
	s.publish("raw", "1", data)
	client := s.client()
	path := filepath.Join(t.TempDir(), "out")
	half := make(chan struct{})
	var once sync.Once
	opt := receptionOptions()
	opt.Progress = func(p receive.Progress) {
		if p.Done > int64(len(data))/4 {
			once.Do(func() { close(half) })
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := Get(testContext(t), client, catalog.Ref{Name: "raw"}, path, false, opt)
		done <- err
	}()
	<-half
	s.stop()
	serve(t, dir, addr, 0)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
}

func TestInterruptedGetGoesOn(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 40e6)
	data := random(5, 12*mib)
	s.publish("raw", "1", data)
	client, path := s.client(), filepath.Join(t.TempDir(), "out")
	ctx, cancel := context.WithCancel(testContext(t))
	opt := receptionOptions()
	opt.Progress = func(p receive.Progress) {
		if p.Done > int64(len(data))/3 {
			cancel()
		}
	}
	if _, err := Get(ctx, client, catalog.Ref{Name: "raw"}, path, false, opt); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted get: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a file under the final name after an interrupted get: %v", err)
	}
	got, err := Get(testContext(t), client, catalog.Ref{Name: "raw"}, path, false, receptionOptions())
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if got.Bytes > int64(len(data))*3/4 {
		t.Errorf("the second get received %d of %d bytes again", got.Bytes, len(data))
	}
}

func TestOnlyChangedChunksTravel(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	data := random(6, 6*mib)
	s.publish("raw", "1", data)
	client := s.client()
	opt := receptionOptions()
	opt.Keep = true
	if _, err := Get(testContext(t), client, catalog.Ref{Name: "raw"}, filepath.Join(t.TempDir(), "1"), false, opt); err != nil {
		t.Fatal(err)
	}
	changed := append(append(append([]byte{}, data[:2*mib]...), "a few more bytes"...), data[2*mib:]...)
	if res := s.publish("raw", "2", changed); res.NewBytes > mib {
		t.Errorf("%d bytes of a nearly identical content are new to the store", res.NewBytes)
	}
	path := filepath.Join(t.TempDir(), "2")
	got, err := Get(testContext(t), client, catalog.Ref{Name: "raw"}, path, false, opt)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, changed)
	if got.Version != "2" || got.Bytes > mib {
		t.Errorf("version %s: %d bytes travelled, want the few that changed", got.Version, got.Bytes)
	}
}

func TestWhatCannotBeGotSaysWhy(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	s.publish("raw", "1", random(7, mib))
	client, dir := s.client(), t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := receptionOptions()
	wrong.Interface = "nosuchinterface"
	for _, c := range []struct {
		name, path string
		opt        ReceptionOptions
		want       string
	}{
		{"other", filepath.Join(dir, "a"), receptionOptions(), "no such content"},
		{"raw", there, receptionOptions(), "exists"},
		{"raw", filepath.Join(dir, "no", "such", "folder"), receptionOptions(), "no such file"},
		{"raw", filepath.Join(dir, "b"), wrong, "nosuchinterface"},
	} {
		_, err := Get(testContext(t), client, catalog.Ref{Name: c.name}, c.path, false, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("get %s to %s: %v, want an error with %q", c.name, c.path, err, c.want)
		}
	}
	wantFile(t, there, []byte("mine"))
}

func TestClientGivesUpOnADistributionPointThatStaysAway(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	s.publish("raw", "1", random(8, mib))
	client := s.client()
	s.stop()
	opt := receptionOptions()
	opt.Wait = 100 * time.Millisecond
	_, err := Get(testContext(t), client, catalog.Ref{Name: "raw"}, filepath.Join(t.TempDir(), "out"), false, opt)
	if err == nil || !strings.Contains(err.Error(), "no distribution point for") {
		t.Errorf("get: %v", err)
	}
}

func TestSeveralGetsOfOneClientAtOnce(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	contents := map[string][]byte{"a": random(9, 3*mib), "b": random(10, 3*mib)}
	for name, data := range contents {
		s.publish(name, "1", data)
	}
	client := s.client()
	var wg sync.WaitGroup
	for name, data := range contents {
		wg.Go(func() {
			path := filepath.Join(t.TempDir(), name)
			if _, err := Get(testContext(t), client, catalog.Ref{Name: name}, path, false, receptionOptions()); err != nil {
				t.Error(err)
				return
			}
			wantFile(t, path, data)
		})
	}
	wg.Wait()
}

func TestGCLeavesWhatIsBeingCast(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 20e6)
	data := random(11, 6*mib)
	s.publish("raw", "1", data)
	opt, path := receptionOptions(), filepath.Join(t.TempDir(), "out")
	started := make(chan struct{})
	var once sync.Once
	opt.Progress = func(p receive.Progress) {
		if p.Done > 0 {
			once.Do(func() { close(started) })
		}
	}
	done := make(chan error, 1)
	client := s.client()
	go func() {
		_, err := Get(testContext(t), client, catalog.Ref{Name: "raw"}, path, false, opt)
		done <- err
	}()
	<-started
	if err := s.Remove(testContext(t), "raw", "1"); err != nil {
		t.Fatal(err)
	}
	if freed, err := s.GC(testContext(t)); err != nil || freed.Chunks != 0 {
		t.Errorf("gc in the middle of a cast: %+v, %v", freed, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
}

// damageStore flips a byte in the middle of the first pack of a store.
func damageStore(t *testing.T, dir string) {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(dir, "store", "pack-*"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("packs of the store: %v, %v", packs, err)
	}
	f, err := os.OpenFile(packs[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], mib); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], mib); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedStoreIsToldToTheClientAndMendedByPublishing(t *testing.T) {
	dir := testSite(t)
	s := serve(t, dir, "127.0.0.1:0", 0)
	data := random(9, 3*mib)
	s.publish("x", "1", data)
	client := s.client()
	damageStore(t, dir)
	path := filepath.Join(t.TempDir(), "x")
	if _, err := Get(testContext(t), client, catalog.Ref{Name: "x"}, path, false, receptionOptions()); !errors.Is(err, receive.ErrLacks) {
		t.Fatalf("get: %v, want ErrLacks", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a file that is not complete has its name: %v", err)
	}
	check, err := s.Verify(testContext(t))
	if err != nil || len(check.Damaged)+len(check.Incomplete) == 0 {
		t.Fatalf("verify: %+v, %v", check, err)
	}
	s.publish("x", "1", data) // the cast still runs
	got, err := Get(testContext(t), client, catalog.Ref{Name: "x"}, path, false, receptionOptions())
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if got.Bytes >= int64(len(data))/2 {
		t.Errorf("%d bytes received again, only the lost part was lacking", got.Bytes)
	}
}

func TestOutputThatIsAFolderIsRefusedAtOnce(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	s.publish("x", "1", random(9, 1000))
	_, err := Get(testContext(t), s.client(), catalog.Ref{Name: "x"}, t.TempDir(), true, receptionOptions())
	if err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("get: %v", err)
	}
}
