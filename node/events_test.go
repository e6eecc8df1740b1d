package node

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/bus"
)

// await returns the records of a bus up to where there has been one of each of some kinds.
func await(t *testing.T, b *bus.Bus, kinds ...string) []bus.Record {
	t.Helper()
	var seen []bus.Record
	for last := uint64(0); ; {
		if err := b.Wait(testContext(t), last); err != nil {
			t.Fatalf("%v; not each of %v among %d events", err, kinds, len(seen))
		}
		var records []bus.Record
		records, last, _ = b.Since(last)
		for _, r := range records {
			seen = append(seen, r)
			kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind == r.Event.Kind() })
			if len(kinds) == 0 {
				return seen
			}
		}
	}
}

// A distribution point tells what happens in it, of itself and of its casts, and counts it.
func TestADistributionPointTellsWhatHappens(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	data := random(21, 2*mib)
	s.publish("raw", "1", data)
	var log bytes.Buffer
	opt := receptionOptions()
	opt.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	path := filepath.Join(t.TempDir(), "out")
	if _, err := Get(testContext(t), s.client(), catalog.Ref{Name: "raw"}, path, false, opt); err != nil {
		t.Fatal(err)
	}
	first := map[string]bus.Record{}
	var order []string
	for _, r := range await(t, s.Events(), "client-gone", "member-gone") {
		if kind := r.Event.Kind(); first[kind].Event == nil {
			first[kind] = r
			order = append(order, kind)
		}
	}
	const want = "node-serving published client-enrolled client-connected cast-started member-joined first-sent member-gone client-gone"
	for _, kind := range strings.Fields(want) {
		r, ok := first[kind]
		if !ok {
			t.Errorf("%s was not told; told were %v", kind, order)
			continue
		}
		about := ""
		switch r.Event.(type) {
		case event.Published, event.CastStarted, event.MemberJoined, event.FirstSent, event.MemberGone:
			about = "raw@1"
		}
		if r.Content != about || r.At.IsZero() || time.Since(r.At) > limit {
			t.Errorf("%s: about %q at %v", kind, r.Content, r.At)
		}
	}
	metrics := s.Status().Metrics
	for name, want := range map[string]float64{
		"wimcast_running_casts": 1, "wimcast_cast_starts_total": 1, "wimcast_member_joins_total": 1, "wimcast_connected_clients": 0,
		"wimcast_client_connections_total": 1, "wimcast_client_enrolments_total": 1, "wimcast_published_bytes_total": 2 * mib,
	} {
		if got, ok := metrics[name]; !ok || got != want {
			t.Errorf("metric %s is %v, want %v", name, got, want)
		}
	}
	for _, line := range []string{
		`level=INFO msg="joined cast" event=cast-joined content=raw@1 group=`,
		`level=DEBUG msg=received event=reception-done content=raw@1 bytes=2097152`,
	} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the client's log has no line %s:\n%s", line, log.String())
		}
	}
}

func TestRemovingIsTold(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	if err := s.Remove(testContext(t), "raw", "1"); err == nil {
		t.Error("what was never there is removed")
	}
	s.publish("raw", "1", random(22, 1000))
	if err := s.Remove(testContext(t), "raw", "1"); err != nil {
		t.Fatal(err)
	}
	if seen := await(t, s.Events(), "removed"); seen[len(seen)-1].Content != "raw@1" || s.Status().Metrics["wimcast_removed_contents_total"] != 1 {
		t.Errorf("%+v", seen)
	}
}
