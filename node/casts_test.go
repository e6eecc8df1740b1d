package node

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/node/receive"
)

// TestCastThatIsBeginningHoldsUpOnlyThoseWhoWantIt: preparing a large content takes a second or more.
func TestCastThatIsBeginningHoldsUpOnlyThoseWhoWantIt(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	slow := &casting{begun: make(chan struct{})}
	hash := catalog.ManifestHash{1}
	s.mu.Lock()
	s.casts[hash] = slow
	s.mu.Unlock()
	if st := s.Status(); len(st.Casts) != 0 {
		t.Errorf("a cast that has not begun is shown: %+v", st.Casts)
	}
	if _, err := s.cast(testContext(t), catalog.ManifestHash{2}); !errors.Is(err, catalog.ErrNoManifest) {
		t.Errorf("another content: %v", err)
	}
	over, cancel := context.WithCancel(testContext(t))
	cancel()
	if _, err := s.cast(over, hash); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone still waits: %v", err)
	}
	type answer struct {
		sends bool
		err   error
	}
	got := make(chan answer)
	go func() {
		_, err := s.cast(testContext(t), hash)
		got <- answer{s.sends(chunk.ID{}), err}
	}()
	failed := errors.New("no interface")
	s.mu.Lock()
	slow.err = failed
	s.mu.Unlock()
	close(slow.begun)
	if a := <-got; a.sends || !errors.Is(a.err, failed) {
		t.Errorf("who waited is told %v, %v", a.sends, a.err)
	}
}

// fill takes all places: as casts that are about to begin, which nobody can ask to go.
func fill(s *running, places int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range places {
		s.casts[catalog.ManifestHash{1, byte(i)}] = &casting{begun: make(chan struct{})}
	}
}

// free gives the places of fill back.
func free(s *running) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, c := range s.casts {
		if c.cast == nil {
			delete(s.casts, hash)
		}
	}
}

func TestCastsMax(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	fill(s, castsMax-1)
	defer free(s)
	if _, err := s.cast(testContext(t), catalog.ManifestHash{}); !errors.Is(err, catalog.ErrNoManifest) {
		t.Errorf("with %d casts: %v", castsMax-1, err)
	}
	fill(s, castsMax)
	if _, err := s.cast(testContext(t), catalog.ManifestHash{}); !errors.Is(err, errCastsFull) {
		t.Errorf("with %d casts: %v", castsMax, err)
	}
}

// One place, and three contents after one another: a cast that nobody takes part in any more keeps nobody waiting.
func TestACastWithoutMembersGivesUpItsPlace(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	dir := s.client()
	fill(s, castsMax-1)
	defer free(s)
	start := time.Now()
	for i, name := range []string{"a", "b", "c", "a"} {
		data := random(byte(name[0]), 100_000)
		if i < 3 {
			s.publish(name, "1", data)
		}
		path := filepath.Join(t.TempDir(), name)
		if _, err := Get(testContext(t), dir, catalog.Ref{Name: name}, path, false, receptionOptions()); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, data)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v: something waited for a cast to linger", took)
	}
}

// Who finds no place waits, is told so, is shown in the status, and begins when there is one.
func TestWhoFindsNoPlaceWaitsForOne(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	data := random(9, mib)
	s.publish("x", "1", data)
	dir, path := s.client(), filepath.Join(t.TempDir(), "x")
	fill(s, castsMax)
	opt := receptionOptions()
	opt.Wait = time.Second // bounds how long nobody answers, not this
	words := make(chan string, 1000)
	opt.Progress = func(p receive.Progress) { words <- p.Why }
	done := make(chan error, 1)
	go func() {
		_, err := Get(testContext(t), dir, catalog.Ref{Name: "x"}, path, false, opt)
		done <- err
	}()
	for range 7 { // some seconds
		select {
		case why := <-words:
			if strings.Contains(why, "does not answer") {
				t.Errorf("told: %s", why)
			}
		case err := <-done:
			t.Fatalf("did not wait: %v", err)
		}
	}
	if why := <-words; !strings.Contains(why, "a place at the sender") {
		t.Errorf("told: %s", why)
	}
	st := s.Status().Waiting
	if len(st) != 1 || st[0].Content != "x@1" || st[0].Name != "client" || st[0].ID == "" || st[0].Address == "" || st[0].For <= 0 {
		t.Errorf("status shows %+v", st)
	}
	free(s)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if st := s.Status().Waiting; len(st) != 0 {
		t.Errorf("status still shows %+v", st)
	}
	waits := 0
	for _, r := range await(t, s.Events(), "client-gone") {
		if r.Event.Kind() == "client-waits" {
			waits++
		}
	}
	if waits != 1 {
		t.Errorf("told %d times that it waits, want once", waits)
	}
}
