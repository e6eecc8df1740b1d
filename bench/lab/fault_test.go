//go:build linux

package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rate is what the fault scenarios run at, slow enough in the short set that a fault comes in the middle.
func rate() int { return int(size(100, 500)) }

func TestKilledPeerGoesOnFromWhatWasDurable(t *testing.T) {
	bytes := size(24<<20, 256<<20)
	s, image, clients := setUp(t, Config{Hosts: 2, Rate: rate()}, bytes)
	before := s.Lab.Host(0).Counters()
	first := s.Get(clients[0], "image@1", "out")
	halfSent(t, s, before, bytes)
	first.Kill()
	if _, err := os.Stat(s.Path("out")); err == nil {
		t.Fatal("a killed get left a half-written file under its final name")
	}
	middle := s.Lab.Host(0).Counters()
	s.Result(s.Get(clients[0], "image@1", "out"), time.Minute)
	if err := SameFiles(image, s.Path("out")); err != nil {
		t.Error(err)
	}
	again := s.Lab.Host(0).Counters().Sub(middle).TxBytes
	t.Logf("after the restart %d of %d MiB were sent", again>>20, bytes>>20)
	if again > bytes*9/10 {
		t.Errorf("after a restart in the middle %d of %d bytes were sent again", again, bytes)
	}
}

func TestKilledDistributionPointComesBack(t *testing.T) {
	bytes := size(24<<20, 256<<20)
	s, image, clients := setUp(t, Config{Hosts: 3, Rate: rate()}, bytes)
	before := s.Lab.Host(0).Counters()
	var gets []*Process
	for _, h := range clients {
		gets = append(gets, s.Get(h, "image@1", "out-"+h.ns))
	}
	halfSent(t, s, before, bytes)
	s.DP.Kill()
	for i, p := range gets {
		s.Lab.Until("the client says that the distribution point is gone", patience, func() bool {
			select {
			case <-p.Done():
				t.Fatalf("client %d gave up at once: %v", i+1, p.Wait(0))
			default:
			}
			return strings.Contains(p.Stderr(), "distribution point")
		})
	}
	s.Serve()
	for i, p := range gets {
		s.Result(p, 2*time.Minute)
		if err := SameFiles(image, s.Path("out-"+clients[i].ns)); err != nil {
			t.Error(err)
		}
	}
}

func TestPulledCableIsSurvived(t *testing.T) {
	bytes := size(16<<20, 256<<20)
	s, image, clients := setUp(t, Config{Hosts: 3, Rate: rate()}, bytes)
	before := s.Lab.Host(0).Counters()
	var gets []*Process
	for _, h := range clients {
		gets = append(gets, s.Get(h, "image@1", "out-"+h.ns))
	}
	halfSent(t, s, before, bytes)
	clients[0].SetLink(false)
	down := time.NewTimer(time.Duration(size(3, 10)) * time.Second)
	s.Result(gets[1], 2*time.Minute) // the other one does not wait for the cable
	<-down.C
	clients[0].SetLink(true)
	s.Result(gets[0], 2*time.Minute)
	for _, h := range clients {
		if err := SameFiles(image, s.Path("out-"+h.ns)); err != nil {
			t.Error(err)
		}
	}
}

func TestSmallMTU(t *testing.T) {
	t.Run("everywhere", func(t *testing.T) {
		s, image, clients := setUp(t, Config{Hosts: 3, Rate: 500, MTU: 1280}, size(8<<20, 128<<20))
		castTo(t, s, "image@1", image, clients)
	})
	t.Run("at one host", func(t *testing.T) {
		s, image, clients := setUp(t, Config{Hosts: 3, Rate: 500}, size(8<<20, 128<<20))
		clients[0].SetMTU(1280)
		castTo(t, s, "image@1", image, clients)
	})
}

func TestHostWithoutMulticastGetsItOverQUIC(t *testing.T) {
	bytes := size(16<<20, 256<<20)
	s, image, clients := setUp(t, Config{Hosts: 3, Rate: rate()}, bytes)
	deaf := clients[1]
	deaf.BlockMulticast(true)
	before, start := s.Lab.Host(0).Counters(), time.Now()
	gets := []*Process{s.Get(clients[0], "image@1", "out-"+clients[0].ns), s.Get(deaf, "image@1", "out-"+deaf.ns)}
	said := false
	s.Lab.Until("status says that a member is deaf", time.Minute, func() bool {
		said = said || strings.Contains(s.Status(), "deaf")
		select {
		case <-gets[1].Done():
			return true
		default:
			return said
		}
	})
	if !said {
		t.Error("status never said that a member hears no multicast")
	}
	o := collect(t, s, image, clients, gets, before, start)
	if o.quic == 0 {
		t.Error("the deaf host got no block over QUIC")
	}
}

func TestNobodyHearsMulticast(t *testing.T) {
	s, image, clients := setUp(t, Config{Hosts: 3, Rate: 500}, size(8<<20, 128<<20))
	for _, h := range clients {
		h.BlockMulticast(true)
	}
	if o := castTo(t, s, "image@1", image, clients); o.quic == 0 {
		t.Error("no block came over QUIC, and none can have come by multicast")
	}
}

func TestHeavyLossIsExact(t *testing.T) {
	s, image, clients := setUp(t, Config{Hosts: 3, Rate: 500, Loss: 0.3}, size(4<<20, 64<<20))
	castTo(t, s, "image@1", image, clients)
}

func TestInterruptLeavesNothingBehind(t *testing.T) {
	bytes := size(24<<20, 128<<20)
	s, _, clients := setUp(t, Config{Hosts: 2, Rate: rate()}, bytes)
	before := s.Lab.Host(0).Counters()
	get := s.Get(clients[0], "image@1", "out")
	halfSent(t, s, before, bytes)
	get.Signal(os.Interrupt)
	select {
	case <-get.Done():
	case <-time.After(1500 * time.Millisecond): // one second, and what a loaded machine may add
		t.Error("get did not end within a second of Ctrl-C")
	}
	if _, err := os.Stat(s.Path("out")); err == nil {
		t.Error("an interrupted get left a file under its final name")
	}
	endServe(t, s)
}

func TestUnknownContentAndWrongInterface(t *testing.T) {
	s, _, clients := setUp(t, Config{Hosts: 2}, 1<<20)
	for _, c := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"nosuch@1", nil, "nosuch"},
		{"image@2", nil, "image@2"},
		{"image@1", []string{"--interface", "eth7"}, "eth7"},
	} {
		p := s.Get(clients[0], c.name, "out", c.flags...)
		err := p.Wait(patience)
		if err == nil {
			t.Errorf("get %s %v succeeded", c.name, c.flags)
		}
		if !strings.Contains(p.Stderr(), c.want) || !strings.Contains(p.Stderr(), "hint: ") {
			t.Errorf("get %s %v says %q, want it to name %q and give a hint", c.name, c.flags, p.Stderr(), c.want)
		}
		if left, err := filepath.Glob(s.Path("out*")); err != nil || len(left) > 0 {
			t.Errorf("get %s %v left %v", c.name, c.flags, left)
		}
	}
}
