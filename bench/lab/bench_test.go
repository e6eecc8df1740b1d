//go:build linux

package lab

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// BenchmarkOneFileToFour sends 256 MiB from one host to four over links of 500 Mbit/s with wimcast, udpcast and UFTP in turn: the same
// network, the same file, one run. Time is from the first start to the last end; UFTP is told the rate, the others find it.
//
//	go test ./bench/lab -run '^$' -bench OneFileToFour -benchtime 1x -count 3
func BenchmarkOneFileToFour(b *testing.B) {
	const bytes = 256 << 20
	for _, loss := range []float64{0, 0.01, 0.05} {
		for _, tool := range []struct {
			name string
			run  func(*Site, string) []*Process
		}{{"wimcast", byWimcast}, {"udp-sender", byUdpcast}, {"uftp", byUFTP}} {
			b.Run(fmt.Sprintf("loss=%g/%s", loss, tool.name), func(b *testing.B) {
				if _, err := exec.LookPath(tool.name); err != nil && tool.name != "wimcast" {
					b.Skipf("needs %s: apt-get install udpcast uftp", tool.name)
				}
				s := NewSite(New(b, Config{Hosts: 5, Rate: 500, Loss: loss}))
				image := s.Random("image.bin", bytes, 1)
				s.Publish(image, "image@1", "--kind", "raw")
				for _, h := range s.Lab.Hosts()[1:] {
					s.Join(h)
				}
				before := s.Lab.Host(0).Counters()
				start := time.Now()
				for _, p := range tool.run(s, image) {
					if err := p.Wait(time.Minute); err != nil && tool.name != "wimcast" {
						b.Skipf("%s did not get there: %v", tool.name, err) // udp-sender waits for a lost greeting without end
					} else if err != nil {
						b.Fatal(err)
					}
				}
				took := time.Since(start)
				wire := s.Lab.Host(0).Counters().Sub(before)
				for _, h := range s.Lab.Hosts()[1:] {
					if err := SameFiles(image, s.Path(h.ns+".out", "image.bin")); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(8*bytes/took.Seconds()/1e6, "Mbit/s")
				b.ReportMetric(float64(wire.TxBytes)/bytes, "wire/image")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// outFolder makes the folder in which a host's copy arrives.
func outFolder(s *Site, h *Host) string {
	s.Lab.t.Helper()
	if err := os.MkdirAll(s.Path(h.ns+".out"), 0o755); err != nil {
		s.Lab.t.Fatal(err)
	}
	return s.Path(h.ns + ".out")
}

func byWimcast(s *Site, _ string) (all []*Process) {
	for _, h := range s.Lab.Hosts()[1:] {
		outFolder(s, h)
		all = append(all, s.Get(h, "image@1", h.ns+".out/image.bin"))
	}
	return all
}

func byUdpcast(s *Site, image string) (all []*Process) {
	for _, h := range s.Lab.Hosts()[1:] {
		all = append(all, h.Start(s.root, "udp-receiver", "--interface", "eth0", "--nokbd", "--file", outFolder(s, h)+"/image.bin"))
	}
	return append(all, s.Lab.Host(0).Start(s.root, "udp-sender", "--interface", "eth0", "--nokbd", "--full-duplex", "--min-receivers", "4", "--file", image))
}

func byUFTP(s *Site, image string) []*Process {
	for _, h := range s.Lab.Hosts()[1:] { // daemons: they run until the lab ends
		h.Start(s.root, "uftpd", "-d", "-I", "eth0", "-D", outFolder(s, h))
	}
	return []*Process{s.Lab.Host(0).Start(s.root, "uftp", "-I", "eth0", "-R", "460000", image)}
}
