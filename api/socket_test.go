package api

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/bus"
)

// told is what a node is told and answers, every field of it set.
var (
	toldPublish = node.PublishRequest{Path: "p", Name: "n", Version: "1", Kind: catalog.KindDriver, Replace: true}
	toldToken   = node.TokenRequest{Addresses: []string{"a:1", "b:2"}, Hours: 3, Uses: 4}
	saysToken   = node.TokenResult{Token: "token", Addresses: []string{"a:1"}, LeftOut: []string{"b:2"}}
	saysPublish = node.PublishResult{
		Name: "n", Version: "1", Kind: catalog.KindFile, Manifest: catalog.ManifestHash{3, 4}, Bytes: 5, Chunks: 6, NewChunks: 7, NewBytes: 8, Changed: true,
	}
	saysContent = node.Content{Name: "n", Version: "1", Kind: catalog.KindImage, Bytes: 9, Chunks: 10, Manifest: catalog.ManifestHash{3, 4}, Digest: [32]byte{1, 2}}
	saysGC      = node.GCResult{Chunks: 11, BytesBefore: 12, BytesAfter: 13, Damaged: 14}
	saysVerify  = node.VerifyResult{Contents: 15, Chunks: 16, Damaged: []string{"d"}, Incomplete: []string{"i"}}
	saysStatus  = node.Status{
		Node: "abcd0000", Address: "198.18.0.1:4790", Interface: "eth0", Contents: 17, Chunks: 18, Bytes: 19, Metrics: map[string]float64{"wimcast_a_b": 1},
		Casts: []node.CastStatus{{
			Content: "n@1", Group: "239.0.0.1:4791", Status: distributor.Status{
				Phase: distributor.PhaseSending, RateBps: 21e6, AchievedBps: 22e6, Blocks: 23, BlocksDone: 24, WireBytes: 26,
				Source: 27, Parity: 28, Repair: 29, UnicastBlocks: 31, Waiting: "the pace", Wait: event.Seconds(20 * time.Second),
				Members: []distributor.MemberStatus{{
					Name: "m", Node: "56780000", Address: "198.18.0.3:4790", Wanted: 36, Held: 37, LossPpm: 390_000, Backlog: 40, Deaf: true, Demoted: true, Why: "w", SilentMs: 41,
				}},
			},
		}},
		Waiting: []node.WaitingStatus{{Name: "w", ID: "9abc0000", Address: "198.18.0.4:4790", Content: "o@2", For: event.Seconds(42 * time.Second)}},
		Nodes:   []node.NodeStatus{{Name: "c", ID: "12340000", Role: "peer", Address: "198.18.0.2:4793", State: "suspect", What: "receives n"}},
	}
)

// talking is a node that checks what it is told and answers.
type talking struct{ t *testing.T }

func (n talking) Publish(_ context.Context, req node.PublishRequest, _ func(done, total int64)) (node.PublishResult, error) {
	wantSame(n.t, req, toldPublish)
	return saysPublish, nil
}

func (n talking) Token(_ context.Context, req node.TokenRequest) (node.TokenResult, error) {
	wantSame(n.t, req, toldToken)
	return saysToken, nil
}

func (n talking) Remove(_ context.Context, name, version string) error {
	wantSame(n.t, name+"@"+version, "n@1")
	return nil
}

func (n talking) Contents(context.Context) ([]node.Content, error) {
	return []node.Content{saysContent}, nil
}
func (n talking) GC(context.Context) (node.GCResult, error)         { return saysGC, nil }
func (n talking) Verify(context.Context) (node.VerifyResult, error) { return saysVerify, nil }
func (n talking) Status() node.Status                               { return saysStatus }
func (n talking) Events() *bus.Bus                                  { return bus.New() }

func wantSame(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	wantFull(t, want)
}

// wantFull fails the test if a field of v is zero: one that is new, and that the test does not cover.
func wantFull(t *testing.T, v any) {
	t.Helper()
	val := reflect.ValueOf(v)
	if val.Kind() != reflect.Struct || val.NumField() == 0 || !val.Type().Field(0).IsExported() {
		return
	}
	for i := range val.NumField() {
		if f := val.Field(i); f.IsZero() {
			t.Errorf("%T: the test gives %s no value", v, val.Type().Field(i).Name)
		} else if f.Kind() == reflect.Slice {
			wantFull(t, f.Index(0).Interface())
		} else {
			wantFull(t, f.Interface())
		}
	}
}

func TestEveryFigureSurvivesTheSocket(t *testing.T) {
	ctx := context.Background()
	c := serveNode(t, talking{t})
	published, err := c.Publish(ctx, toldPublish, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, published, saysPublish)
	token, err := c.Token(ctx, toldToken)
	if err != nil {
		t.Error(err)
	}
	wantSame(t, token, saysToken)
	if err := c.Remove(ctx, "n", "1"); err != nil {
		t.Error(err)
	}
	list, err := c.Contents(ctx)
	if err != nil || len(list) != 1 {
		t.Fatalf("contents: %v, %v", list, err)
	}
	wantSame(t, list[0], saysContent)
	gc, err := c.GC(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, gc, saysGC)
	verified, err := c.Verify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, verified, saysVerify)
}

// statusJSON is what programs that read `wimcast status --json` count on.
const statusJSON = `{
 "node": "abcd0000",
 "address": "198.18.0.1:4790",
 "interface": "eth0",
 "contents": 17,
 "chunks": 18,
 "bytes": 19,
 "casts": [
  {
   "content": "n@1",
   "group": "239.0.0.1:4791",
   "phase": "sending",
   "rate_mbps": 21,
   "achieved_mbps": 22,
   "blocks": 23,
   "blocks_done": 24,
   "wire_bytes": 26,
   "source_symbols": 27,
   "parity_symbols": 28,
   "repair_symbols": 29,
   "quic_blocks": 31,
   "waiting": "the pace",
   "wait_seconds": 20,
   "members": [
    {
     "name": "m",
     "id": "56780000",
     "address": "198.18.0.3:4790",
     "held": 37,
     "wanted": 36,
     "loss_percent": 39,
     "backlog_bytes": 40,
     "deaf": true,
     "demoted": true,
     "why": "w",
     "silent_ms": 41
    }
   ]
  }
 ],
 "waiting": [
  {
   "name": "w",
   "id": "9abc0000",
   "address": "198.18.0.4:4790",
   "content": "o@2",
   "seconds": 42
  }
 ],
 "nodes": [
  {
   "name": "c",
   "id": "12340000",
   "role": "peer",
   "address": "198.18.0.2:4793",
   "state": "suspect",
   "what": "receives n"
  }
 ]
}`

func TestStatusInJSON(t *testing.T) {
	st, err := serveNode(t, talking{t}).Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := saysStatus
	want.Metrics = nil // of the node only
	if !reflect.DeepEqual(st, want) {
		t.Errorf("got  %+v\nwant %+v", st, want)
	}
	wantFull(t, saysStatus)
	b, err := json.MarshalIndent(st, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != statusJSON {
		t.Errorf("got %s", b)
	}
}
