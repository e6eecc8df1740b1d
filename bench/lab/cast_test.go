//go:build linux

package lab

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// Limits on memory: of a peer, and of a distribution point, for an image of any size.
const (
	peerMemory = 256 << 20
	dpMemory   = 512 << 20
)

// size picks an image's size in bytes: the full one, or one that keeps `make test` short.
func size(short, long int64) int64 {
	if *full {
		return long
	}
	return short
}

// outcome is what one cast to several hosts did.
type outcome struct {
	wall   time.Duration   // from the first start to the last end
	each   []time.Duration // per host
	wire   float64         // bytes the distribution point put on the wire / image bytes
	quic   int64           // blocks that came over QUIC, all hosts together
	memory int64           // the most memory of a client
	missed int64           // packets that the hosts' processes did not read in time
}

func (o outcome) goodput(bytes int64) float64 { return 8 * float64(bytes) / o.wall.Seconds() / 1e6 }

// castTo starts get on the hosts at once, waits for all, and compares every file with want.
func castTo(t *testing.T, s *Site, name, want string, hosts []*Host) outcome {
	t.Helper()
	before, start := s.Lab.Host(0).Counters(), time.Now()
	gets := make([]*Process, len(hosts))
	for i, h := range hosts {
		gets[i] = s.Get(h, name, "out-"+h.ns)
	}
	return collect(t, s, want, hosts, gets, before, start)
}

// collect waits for gets that were started on hosts, and compares and removes their files.
func collect(t *testing.T, s *Site, want string, hosts []*Host, gets []*Process, before Counters, start time.Time) outcome {
	t.Helper()
	bytes := fileSize(t, want)
	var o outcome
	for i, p := range gets {
		r := s.Result(p, 5*time.Minute)
		o.each = append(o.each, p.Elapsed)
		o.quic += r.QUICBlocks
		o.memory = max(o.memory, p.MaxRSS)
		o.missed += hosts[i].Overflows()
		t.Logf("%s: %.2f s, %d blocks over QUIC, %d MiB of memory, %.1f s of CPU", hosts[i].ns, p.Elapsed.Seconds(), r.QUICBlocks, p.MaxRSS>>20, p.CPU.Seconds())
	}
	o.wall = time.Since(start)
	o.wire = float64(s.Lab.Host(0).Counters().Sub(before).TxBytes) / float64(bytes)
	for _, h := range hosts {
		if err := SameFiles(want, s.Path("out-"+h.ns)); err != nil {
			t.Error(err)
		}
		if err := os.Remove(s.Path("out-" + h.ns)); err != nil {
			t.Error(err)
		}
	}
	if o.memory > peerMemory {
		t.Errorf("a client took %d MiB of memory, want at most %d", o.memory>>20, peerMemory>>20)
	}
	t.Logf("%d hosts, %d MiB: %.2f s, goodput %.0f Mbit/s, wire ratio %.3f; %d packets not read in time", len(hosts), bytes>>20, o.wall.Seconds(), o.goodput(bytes), o.wire, o.missed)
	return o
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// setUp makes a lab and a site with one published file, and enrols every host but the first.
func setUp(t *testing.T, cfg Config, bytes int64) (s *Site, image string, clients []*Host) {
	t.Helper()
	s = NewSite(New(t, cfg))
	image = s.Random("image.bin", bytes, 1)
	s.Publish(image, "image@1", "--kind", "raw")
	clients = s.Lab.Hosts()[1:]
	for _, h := range clients {
		s.Join(h)
	}
	return s, image, clients
}

// endServe stops the distribution point in the ordinary way and checks how much memory it took.
func endServe(t *testing.T, s *Site) {
	t.Helper()
	s.DP.Signal(os.Interrupt)
	if err := s.DP.Wait(2 * time.Second); err != nil {
		t.Errorf("stop serve: %v", err)
	}
	if s.DP.MaxRSS > dpMemory {
		t.Errorf("the distribution point took %d MiB of memory, want at most %d", s.DP.MaxRSS>>20, dpMemory>>20)
	}
	t.Logf("distribution point: %d MiB of memory, %.1f s of CPU", s.DP.MaxRSS>>20, s.DP.CPU.Seconds())
}

// TestEveryHostGetsTheFile is the first table of docs/measurements.md.
func TestEveryHostGetsTheFile(t *testing.T) {
	cases := []struct {
		loss          float64
		goodput, wire float64 // at least Mbit/s, at most bytes sent / image bytes; at full size
	}{
		{0, 400, 1.08},
		{0.01, 400, 1.10},
		{0.05, 350, 1.16},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("loss=%g", c.loss), func(t *testing.T) {
			bytes := size(16<<20, 512<<20)
			s, image, clients := setUp(t, Config{Hosts: int(size(3, 5)), Rate: 500, Loss: c.loss}, bytes)
			o := castTo(t, s, "image@1", image, clients)
			endServe(t, s)
			switch {
			case !*full && o.wire > 1.5: // twice would be a stream for each host
				t.Errorf("wire ratio %.3f: the hosts did not share one cast", o.wire)
			case *full && o.wire > c.wire:
				t.Errorf("wire ratio %.3f, want at most %.2f; %d packets were not read in time", o.wire, c.wire, o.missed)
			}
			if *full && o.goodput(bytes) < c.goodput {
				t.Errorf("goodput %.0f Mbit/s, want at least %.0f", o.goodput(bytes), c.goodput)
			}
		})
	}
}

func TestLatecomerFinishesSoonAndDelaysNobody(t *testing.T) {
	bytes := size(16<<20, 256<<20)
	s, image, clients := setUp(t, Config{Hosts: int(size(3, 5)), Rate: int(size(100, 500))}, bytes)
	n := len(clients) - 1
	late := clients[n]
	alone := castTo(t, s, "image@1", image, clients[:n])

	before, start := s.Lab.Host(0).Counters(), time.Now()
	var gets []*Process
	for _, h := range clients[:n] {
		gets = append(gets, s.Get(h, "image@1", "out-"+h.ns))
	}
	halfSent(t, s, before, bytes)
	gets = append(gets, s.Get(late, "image@1", "out-"+late.ns))
	o := collect(t, s, image, clients, gets, before, start)
	if limit := 1.1 * alone.wall.Seconds(); *full && o.each[n].Seconds() > limit {
		t.Errorf("the latecomer took %.2f s after it joined, want at most %.2f", o.each[n].Seconds(), limit)
	}
	noDelay(t, alone, o, n)
}

func TestOneBadMemberCostsTheOthersLittle(t *testing.T) {
	bytes := size(16<<20, 256<<20)
	s, image, clients := setUp(t, Config{Hosts: int(size(4, 5)), Rate: int(size(100, 500))}, bytes)
	alone := castTo(t, s, "image@1", image, clients)
	n := len(clients) - 1
	clients[n].SetLoss(0.3)
	o := castTo(t, s, "image@1", image, clients)
	noDelay(t, alone, o, n)
}

// noDelay checks, at full size, that the first n hosts took at most 5 % longer than in another run.
func noDelay(t *testing.T, alone, o outcome, n int) {
	t.Helper()
	for i := range n {
		if limit := 1.05 * alone.wall.Seconds(); *full && o.each[i].Seconds() > limit {
			t.Errorf("host %d took %.2f s, want at most %.2f", i+1, o.each[i].Seconds(), limit)
		}
	}
}

// halfSent waits until the distribution point has put half of an image on the wire.
func halfSent(t *testing.T, s *Site, before Counters, bytes int64) {
	t.Helper()
	s.Lab.Until("half the image is sent", time.Minute, func() bool {
		return s.Lab.Host(0).Counters().Sub(before).TxBytes > bytes/2
	})
}

func TestTwoCastsAtOnce(t *testing.T) {
	bytes := size(8<<20, 128<<20)
	s, first, clients := setUp(t, Config{Hosts: 5, Rate: 500, Loss: 0.01}, bytes)
	second := s.Random("second.bin", bytes, 2)
	s.Publish(second, "second@1", "--kind", "raw")
	gets := []*Process{
		s.Get(clients[0], "image@1", "a"), s.Get(clients[1], "image@1", "b"),
		s.Get(clients[2], "second@1", "c"), s.Get(clients[3], "second@1", "d"),
	}
	for i, want := range []string{first, first, second, second} {
		s.Result(gets[i], 2*time.Minute)
		if err := SameFiles(want, s.Path(string(rune('a'+i)))); err != nil {
			t.Error(err)
		}
	}
}
