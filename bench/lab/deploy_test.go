//go:build linux

package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/apply"
)

// publishTree captures a part of Go's source tree (all of it at full size) and publishes it as tree@1.
func publishTree(t *testing.T, s *Site) (tree string, bytes int64) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	tree = filepath.Join(strings.TrimSpace(string(out)), "src")
	if !*full {
		tree = filepath.Join(tree, "cmd", "compile")
	}
	wim := s.Path("tree.wim")
	s.must(s.Lab.Host(0), "wim", "capture", tree, wim, "--compress=none")
	s.Publish(wim, "tree@1")
	return tree, fileSize(t, wim)
}

// sameTree compares a target with the tree it was made from.
func sameTree(t *testing.T, tree, target string) {
	t.Helper()
	differences, err := apply.Compare(tree, target, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences[:min(len(differences), 10)] {
		t.Errorf("%s: %s: %s", target, d.Path, d.What)
	}
}

func TestImageIsAppliedAsItArrives(t *testing.T) {
	s := NewSite(New(t, Config{Hosts: 4, Rate: 500, Loss: 0.01}))
	tree, bytes := publishTree(t, s)
	clients := s.Lab.Hosts()[1:]
	for _, h := range clients {
		s.Join(h)
	}
	before := s.Lab.Host(0).Counters()
	var deploys []*Process
	for _, h := range clients {
		deploys = append(deploys, s.Deploy(h, "tree:1", "target-"+h.ns))
	}
	for i, p := range deploys {
		r := s.Result(p, 5*time.Minute)
		t.Logf("%s: %.2f s, %d blocks over QUIC, %d MiB of memory", clients[i].ns, p.Elapsed.Seconds(), r.QUICBlocks, p.MaxRSS>>20)
		if p.MaxRSS > peerMemory {
			t.Errorf("a client took %d MiB of memory, want at most %d", p.MaxRSS>>20, peerMemory>>20)
		}
		sameTree(t, tree, s.Path("target-"+clients[i].ns))
	}
	wire := float64(s.Lab.Host(0).Counters().Sub(before).TxBytes) / float64(bytes)
	t.Logf("%d MiB to %d hosts, wire ratio %.3f", bytes>>20, len(clients), wire)
	if wire > 1.5 {
		t.Errorf("wire ratio %.3f: the hosts did not share one cast", wire)
	}
	endServe(t, s)
}

func TestKilledDeployGoesOnWhereItWas(t *testing.T) {
	s := NewSite(New(t, Config{Hosts: 2, Rate: int(size(50, 200))}))
	tree, bytes := publishTree(t, s)
	client := s.Lab.Host(1)
	s.Join(client)
	before := s.Lab.Host(0).Counters()
	first := s.Deploy(client, "tree", "target")
	halfSent(t, s, before, bytes)
	first.Kill()
	if left, err := os.ReadDir(s.Path("target")); err != nil || len(left) == 0 {
		t.Fatalf("the killed deploy left %d names: %v", len(left), err)
	}
	middle := s.Lab.Host(0).Counters()
	r := s.Result(s.Deploy(client, "tree", "target"), 2*time.Minute)
	sameTree(t, tree, s.Path("target"))
	// Half was on the wire; of that some was lost while the rate was found, some not yet durable.
	if r.Received > bytes*4/5 {
		t.Errorf("after a restart in the middle %d of %d bytes were received again", r.Received, bytes)
	}
	if again := s.Lab.Host(0).Counters().Sub(middle).TxBytes; *full && again > bytes*9/10 {
		t.Errorf("after a restart in the middle %d of %d bytes were sent again", again, bytes)
	}
}

func TestDeployRefusesATargetThatIsNotEmpty(t *testing.T) {
	s := NewSite(New(t, Config{Hosts: 2}))
	publishTree(t, s)
	client := s.Lab.Host(1)
	s.Join(client)
	if err := os.MkdirAll(s.Path("target", "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := s.Deploy(client, "tree", "target")
	if err := p.Wait(patience); err == nil || !strings.Contains(p.Stderr(), "not empty") || !strings.Contains(p.Stderr(), "hint: ") {
		t.Errorf("deploy into a full target: %v, said %q", err, p.Stderr())
	}
	if left, err := os.ReadDir(s.Path("target")); err != nil || len(left) != 1 {
		t.Errorf("the target has %d names, want the one it had: %v", len(left), err)
	}
}
