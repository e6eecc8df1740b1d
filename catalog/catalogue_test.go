package catalog

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/chunk"
)

var flips = flag.Int("flips", 300, "damaged catalogues to open")

func publish(t *testing.T, s *testSite, name, version string, chunks ...string) Published {
	t.Helper()
	p, err := s.Catalogue.Publish(build(s.Publisher, name, version, chunks...), false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func headVersion(s *testSite) uint64 {
	h, _, _ := s.Catalogue.Head()
	return h.Version
}

func TestPublishTwiceIsNoChange(t *testing.T) {
	s := newTestSite(t)
	first := publish(t, s, "a", "1", "x", "y")
	if !first.Changed || headVersion(s) != 2 || first.Entry.Serial != 2 {
		t.Errorf("first: %+v, head %d", first, headVersion(s))
	}
	if again := publish(t, s, "a", "1", "x", "y"); again.Changed || again.Entry != first.Entry || headVersion(s) != 2 {
		t.Errorf("again: %+v, head %d", again, headVersion(s))
	}
	if cut := publish(t, s, "a", "1", "xy"); cut.Changed || cut.Entry != first.Entry {
		t.Errorf("the same bytes, cut otherwise: %+v", cut)
	}
}

func TestPublishOverAnotherContent(t *testing.T) {
	s := newTestSite(t)
	old := publish(t, s, "a", "1", "x")
	other := build(s.Publisher, "a", "1", "z")
	if _, err := s.Catalogue.Publish(other, false); !errors.Is(err, ErrExists) || headVersion(s) != 2 {
		t.Errorf("without replace: %v, head %d", err, headVersion(s))
	}
	p, err := s.Catalogue.Publish(other, true)
	if err != nil || !p.Changed || p.Entry.Manifest != other.Hash || headVersion(s) != 3 {
		t.Errorf("with replace: %+v, %v", p, err)
	}
	if _, err := s.Catalogue.ManifestRaw(old.Entry.Manifest); !errors.Is(err, ErrNoManifest) {
		t.Errorf("the old manifest: %v", err)
	}
	if p, err := s.Catalogue.Publish(other, true); err != nil || p.Changed {
		t.Errorf("replace by itself: %+v, %v", p, err)
	}
}

func TestPublishTakesPublishersOnly(t *testing.T) {
	s := newTestSite(t)
	if _, err := s.Catalogue.Publish(build(testKey(5), "a", "1", "x"), false); !errors.Is(err, ErrSigner) {
		t.Errorf("a stranger's manifest: %v", err)
	}
	if err := s.Catalogue.Revoke(s.Publisher.Public()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Catalogue.Publish(build(s.Publisher, "a", "1", "x"), false); !errors.Is(err, ErrRevoked) {
		t.Errorf("a revoked publisher's manifest: %v", err)
	}
}

func TestLatestIsTheLastPublished(t *testing.T) {
	s := newTestSite(t)
	publish(t, s, "a", "9", "nine")
	publish(t, s, "a", "10", "ten")
	publish(t, s, "b", "1", "b")
	e, m, err := s.Catalogue.Get(Ref{Name: "a"})
	if err != nil || e.Version != "10" || m.Manifest.Version != "10" {
		t.Errorf("latest: %v, %v", e, err)
	}
	if err := s.Catalogue.Remove("a", "10"); err != nil {
		t.Fatal(err)
	}
	if e, _, err := s.Catalogue.Get(Ref{Name: "a"}); err != nil || e.Version != "9" {
		t.Errorf("latest after rm: %v, %v", e, err)
	}
	if err := s.Catalogue.Remove("a", "10"); !errors.Is(err, ErrUnknown) {
		t.Errorf("rm twice: %v", err)
	}
	if h, _, _ := s.Catalogue.Head(); fmt.Sprint(h.Entries) != "[a@9 b@1]" {
		t.Errorf("list %v", h.Entries)
	}
}

func TestLiveChunksKeepsWhatAnotherContentNeeds(t *testing.T) {
	s := newTestSite(t)
	publish(t, s, "a", "1", "shared", "only a", "shared")
	publish(t, s, "b", "1", "shared", "only b")
	check := func(when string, want map[string]bool) {
		t.Helper()
		live, err := s.Catalogue.LiveChunks()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for c, alive := range want {
			if live.Has(chunk.Sum([]byte(c))) != alive {
				t.Errorf("%s: %q alive: %v", when, c, !alive)
			}
			if alive {
				n++
			}
		}
		if live.Len() != n {
			t.Errorf("%s: %d live chunks, want %d", when, live.Len(), n)
		}
	}
	check("both", map[string]bool{"shared": true, "only a": true, "only b": true, "none": false})
	if err := s.Catalogue.Remove("a", "1"); err != nil {
		t.Fatal(err)
	}
	check("after rm a", map[string]bool{"shared": true, "only a": false, "only b": true})
}

func TestCatalogueIsThereAfterReopening(t *testing.T) {
	s := newTestSite(t)
	publish(t, s, "a", "1", "x")
	if err := s.Catalogue.Revoke(testKey(9).Public()); err != nil {
		t.Fatal(err)
	}
	_, raw, _ := s.Catalogue.Head()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTestSite(t, s.Dir)
	h, again, hash := s.Catalogue.Head()
	if !bytes.Equal(raw, again) || hash != hashHead(raw) || !h.revokes(testKey(9).Public()) {
		t.Errorf("head %+v came back as something else", h)
	}
	if _, _, err := s.Catalogue.Get(Ref{Name: "a"}); err != nil {
		t.Error(err)
	}
}

func TestClientFollowsTheSite(t *testing.T) {
	s := newTestSite(t)
	c := newTestClient(t, s)
	publish(t, s, "a", "1", "x", "y")
	_, head2, _ := s.Catalogue.Head()
	if changed, err := c.Catalogue.Accept(head2); !changed || err != nil {
		t.Fatalf("accept: %v, %v", changed, err)
	}
	if changed, err := c.Catalogue.Accept(head2); changed || err != nil {
		t.Errorf("accept again: %v, %v", changed, err)
	}
	e, _, err := c.Catalogue.Get(Ref{Name: "a"})
	if !errors.Is(err, ErrNoManifest) || e.Name != "a" {
		t.Errorf("get before the fetch: %v, %v", e, err)
	}
	if live, err := c.Catalogue.LiveChunks(); err != nil || live.Len() != 0 {
		t.Errorf("live chunks before the fetch: %v", err)
	}
	raw := must(s.Catalogue.ManifestRaw(e.Manifest))
	if _, err := c.Catalogue.AddManifest(raw[:len(raw)-1]); !errors.Is(err, ErrUnknown) {
		t.Errorf("add a cut manifest: %v", err)
	}
	if _, err := c.Catalogue.AddManifest(raw); err != nil {
		t.Fatal(err)
	}
	if _, m, err := c.Catalogue.Get(Ref{Name: "a"}); err != nil || m.Hash != e.Manifest {
		t.Errorf("get: %v", err)
	}
	publish(t, s, "b", "1", "z")
	if err := s.Catalogue.Remove("a", "1"); err != nil {
		t.Fatal(err)
	}
	_, head4, _ := s.Catalogue.Head()
	if _, err := c.Catalogue.Accept(head4); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Catalogue.ManifestRaw(e.Manifest); !errors.Is(err, ErrNoManifest) {
		t.Errorf("a manifest no longer listed: %v", err)
	}
	if _, err := c.Catalogue.Accept(head2); !errors.Is(err, ErrStale) {
		t.Errorf("accept an old head: %v", err)
	}
	checkFresh(t, s, c)
}

func checkFresh(t *testing.T, s, c *testSite) {
	t.Helper()
	_, _, hash := s.Catalogue.Head()
	sig := SignFresh(s.Online, Nonce{1}, hash)
	if _, _, ours := c.Catalogue.Head(); ours != hash || VerifyFresh(c.Catalogue.Root(), Nonce{1}, hash, sig) != nil {
		t.Error("the client cannot tell that its head is the newest")
	}
}

func TestTwoHeadsOfOneVersionAreAnAlarm(t *testing.T) {
	s := newTestSite(t)
	c := newTestClient(t, s)
	h, ours, _ := c.Catalogue.Head()
	fork := *h
	fork.Epoch++
	var alarm *ForkError
	if _, err := c.Catalogue.Accept(must(SignHead(&fork, s.Online))); !errors.As(err, &alarm) || alarm.Version != 1 {
		t.Errorf("a fork: %v", err)
	}
	if _, after, _ := c.Catalogue.Head(); !bytes.Equal(ours, after) {
		t.Error("the fork was taken")
	}
	forged := *h
	forged.Version = 99
	if _, err := c.Catalogue.Accept(must(SignHead(&forged, testKey(5)))); !errors.Is(err, ErrSigner) {
		t.Errorf("a stranger's head: %v", err)
	}
	back := *h
	back.Version, back.Epoch = 2, 0
	if _, err := c.Catalogue.Accept(must(SignHead(&back, s.Online))); !errors.Is(err, ErrStale) {
		t.Errorf("an epoch that goes back: %v", err)
	}
}

// TestDamagedCatalogueIsAnErrorNotAPanic cuts the file at every page and overwrites each page in turn.
func TestDamagedCatalogueIsAnErrorNotAPanic(t *testing.T) {
	dir := newSiteDir(t)
	s := openTestSite(t, dir)
	publish(t, s, "a", "1", "x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole := must(os.ReadFile(filepath.Join(dir, catalogueName)))
	page := os.Getpagesize()
	try := func(what string, data []byte) (opened bool) {
		path := filepath.Join(t.TempDir(), catalogueName) // a name of its own: a panic within bbolt keeps the old file locked
		if err := os.WriteFile(path, data, filePerm); err != nil {
			t.Fatal(err)
		}
		c, err := OpenCatalogue(path, s.Online)
		if err != nil {
			return false
		}
		defer c.Close()
		if h, _, _ := c.Head(); len(h.Entries) > 1 {
			t.Errorf("%s: opened, but lists %v", what, h.Entries)
		}
		return true
	}
	if !try("whole", whole) {
		t.Fatal("the whole file does not open")
	}
	refused := 0
	for at := 0; at < len(whole); at += page {
		if at < 4*page && try(fmt.Sprintf("cut at %d", at), whole[:at]) {
			t.Errorf("opens when cut at %d", at)
		}
		for _, fill := range []byte{0, 0x5a, 0xff} {
			bad := clone(whole)
			for i := at; i < min(at+page, len(bad)); i++ {
				bad[i] = fill
			}
			if !try(fmt.Sprintf("page %d filled with %x", at/page, fill), bad) {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("no damage was noticed")
	}
}

// TestFlippedBytesInTheCatalogue flips some bytes of the file at random, opens it and, if it opens, publishes.
func TestFlippedBytesInTheCatalogue(t *testing.T) {
	dir := newSiteDir(t)
	s := openTestSite(t, dir)
	for i := range 5 {
		publish(t, s, "a", fmt.Sprint(i), fmt.Sprint("x", i), strings.Repeat("y", 1000*i+1))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole := must(os.ReadFile(filepath.Join(dir, catalogueName)))
	top := t.TempDir()
	refused := 0
	for seed := range uint64(*flips) {
		rng := rand.New(rand.NewPCG(seed, 0))
		bad := clone(whole)
		for range 1 + rng.IntN(20) {
			// Page headers, at the start of a page, are where a flip hurts most.
			at := rng.IntN(len(bad)/os.Getpagesize())*os.Getpagesize() + rng.IntN(1<<(4+rng.IntN(9)))
			bad[at] ^= 1 << rng.IntN(8)
		}
		path := filepath.Join(top, fmt.Sprint(seed))
		if err := os.WriteFile(path, bad, filePerm); err != nil {
			t.Fatal(err)
		}
		c, err := OpenCatalogue(path, s.Online)
		if err != nil {
			refused++
			continue
		}
		if _, err := c.Publish(build(s.Publisher, "b", "1", "z"), false); err != nil {
			t.Logf("seed %d: opened, then %v", seed, err)
		}
		if err := c.Close(); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if refused == 0 || refused == *flips {
		t.Errorf("%d of %d damaged files were refused: want some, since some flips hit pages in use", refused, *flips)
	}
}

func TestManifestDamagedOnDiskIsRefused(t *testing.T) {
	dir := newSiteDir(t)
	s := openTestSite(t, dir)
	m := build(s.Publisher, "a", "1", "x")
	publish(t, s, "a", "1", "x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, catalogueName)
	data := must(os.ReadFile(path))
	body := m.Raw[fileHeaderLen : len(m.Raw)-64]
	at := bytes.Index(data, body)
	if at < 0 {
		t.Fatal("the manifest is not in the file")
	}
	for ; at >= 0; at = bytes.Index(data, body) { // an older page may hold a copy
		data[at+10] ^= 1
	}
	if err := os.WriteFile(path, data, filePerm); err != nil {
		t.Fatal(err)
	}
	s = openTestSite(t, dir)
	if _, _, err := s.Catalogue.Get(Ref{Name: "a"}); !errors.Is(err, ErrDamaged) {
		t.Errorf("get: %v", err)
	}
	if _, err := s.Catalogue.ManifestRaw(m.Hash); !errors.Is(err, ErrDamaged) {
		t.Errorf("read for another node: %v", err)
	}
	if _, err := s.Catalogue.LiveChunks(); !errors.Is(err, ErrDamaged) {
		t.Errorf("live chunks, without which gc would delete: %v", err)
	}
}

func TestOpenTwiceNamesTheOwner(t *testing.T) {
	s := newTestSite(t)
	_, err := OpenCatalogue(filepath.Join(s.Dir, catalogueName), s.Online)
	want := fmt.Sprintf("process id %d", os.Getpid())
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), s.Dir) {
		t.Errorf("second open: %v; want ErrBusy, the path and %q", err, want)
	}
}
