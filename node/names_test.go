package node

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/event"
)

// A name that this program refuses itself is not waited for, and nothing is made of it.
func TestANameThatCannotBeIsRefusedBeforeAnybodyIsAsked(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	raw, err := s.Token(testContext(t), TokenRequest{Addresses: []string{s.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := catalog.ParseToken(raw.Token)
	if err != nil {
		t.Fatal(err)
	}
	s.stop() // who asks it waits long
	for _, name := range []string{"", strings.Repeat("n", 65), "pc\xfe", " pc", "a\nb"} {
		dir, start := filepath.Join(t.TempDir(), "c"), time.Now()
		err := Join(testContext(t), dir, name, token, JoinOptions{Wait: limit})
		if err == nil || !strings.Contains(err.Error(), "1 to 64 bytes") || time.Since(start) > limit/10 {
			t.Errorf("name %q: %v after %v", name, err, time.Since(start))
		}
		if found, _ := filepath.Glob(dir); len(found) > 0 {
			t.Errorf("name %q: a folder was made", name)
		}
	}
}

// Three machines that one image gave their name: status and log tell them apart.
func TestMembersOfOneNameAreToldApart(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 8_000_000)
	s.publish("raw", "1", random(31, 8*mib))
	done := make(chan error)
	const machines = 3
	for range machines {
		dir, path := s.client(), filepath.Join(t.TempDir(), "out")
		go func() {
			_, err := Get(testContext(t), dir, catalog.Ref{Name: "raw"}, path, false, receptionOptions())
			done <- err
		}()
	}
	var taken int
	for _, r := range await(t, s.Events(), "name-taken") {
		if e, ok := r.Event.(event.NameTaken); ok && e.Name == "client" && e.Key != e.Other {
			taken++
		}
	}
	if taken == 0 {
		t.Error("nothing is said of a name that is taken")
	}
	ids, addresses := map[string]bool{}, map[string]bool{}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for len(ids) < machines {
		for _, c := range s.Status().Casts {
			for _, m := range c.Members {
				ids[m.Node], addresses[m.Address] = true, true
			}
		}
		select {
		case <-poll.C:
		case <-testContext(t).Done():
			t.Fatalf("members %v at %v", ids, addresses)
		}
	}
	if ids[""] || addresses[""] || len(ids) != machines || len(addresses) != machines {
		t.Errorf("members %v at %v", ids, addresses)
	}
	for range machines {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
