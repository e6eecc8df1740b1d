package node

import (
	"context"
	"errors"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
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

func TestCastsMax(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	begun := make(chan struct{})
	close(begun)
	for i := range castsMax {
		if _, err := s.cast(testContext(t), catalog.ManifestHash{}); !errors.Is(err, catalog.ErrNoManifest) {
			t.Fatalf("with %d casts: %v", i, err)
		}
		s.mu.Lock()
		s.casts[catalog.ManifestHash{1, byte(i)}] = &casting{begun: begun}
		s.mu.Unlock()
	}
	if _, err := s.cast(testContext(t), catalog.ManifestHash{}); err == nil || errors.Is(err, catalog.ErrNoManifest) {
		t.Errorf("with %d casts: %v", castsMax, err)
	}
}
