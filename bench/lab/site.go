//go:build linux

package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// patience is how long anything that should take moments may take.
const patience = 30 * time.Second

// Site is a distribution point on host 0 and clients on the others, all of them the real binary, with their folders in
// memory.
type Site struct {
	Lab  *Lab
	root string   // folder of everything
	DP   *Process // the running distribution point
}

// NewSite makes a site and starts its distribution point on host 0.
func NewSite(l *Lab) *Site {
	l.t.Helper()
	root, err := os.MkdirTemp("/run", "site-")
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			l.t.Error(err)
		}
	})
	s := &Site{Lab: l, root: root}
	s.must(l.Host(0), "site", "init", s.Path("dp"))
	s.Serve()
	return s
}

// Path is a path below the site's folder.
func (s *Site) Path(elem ...string) string {
	return filepath.Join(append([]string{s.root}, elem...)...)
}

// Serve starts the distribution point and waits until it answers.
func (s *Site) Serve() {
	s.Lab.t.Helper()
	s.DP = s.Lab.Host(0).Start(s.root, Binary, "serve", "--dir", s.Path("dp"))
	s.Lab.Until("distribution point answers", patience, func() bool {
		select {
		case <-s.DP.Done():
			s.Lab.t.Fatalf("lab: serve ended: %v", s.DP.Wait(0))
		default:
		}
		return s.Run(s.Lab.Host(0), "status", "--dir", s.Path("dp"), "--json").Wait(patience) == nil
	})
}

// Run starts the binary on a host.
func (s *Site) Run(h *Host, args ...string) *Process {
	s.Lab.t.Helper()
	return h.Start(s.root, append([]string{Binary}, args...)...)
}

// must runs the binary to its end, which must be good, and returns what it wrote to standard output.
func (s *Site) must(h *Host, args ...string) string {
	s.Lab.t.Helper()
	p := s.Run(h, args...)
	if err := p.Wait(5 * time.Minute); err != nil {
		s.Lab.t.Fatalf("lab: on %s: %v", h.ns, err)
	}
	return p.Stdout()
}

// Publish publishes a file through the running node.
func (s *Site) Publish(file, name string, flags ...string) {
	s.Lab.t.Helper()
	s.must(s.Lab.Host(0), append([]string{"publish", file, "--as", name, "--dir", s.Path("dp")}, flags...)...)
}

// Join enrols a host and returns its folder.
func (s *Site) Join(h *Host) string {
	s.Lab.t.Helper()
	token := strings.TrimSpace(s.must(s.Lab.Host(0), "site", "token", "--dir", s.Path("dp")))
	dir := s.Path(h.ns)
	s.must(h, "join", token, "--dir", dir)
	return dir
}

// Get starts receiving name on a host that has joined; the file is Path(out).
func (s *Site) Get(h *Host, name, out string, flags ...string) *Process {
	s.Lab.t.Helper()
	return s.Run(h, append([]string{"get", name, "-o", s.Path(out), "--dir", s.Path(h.ns), "--json"}, flags...)...)
}

// Deploy starts applying name on a host that has joined; the target is Path(target).
func (s *Site) Deploy(h *Host, name, target string, flags ...string) *Process {
	s.Lab.t.Helper()
	return s.Run(h, append([]string{"deploy", name, "--target", s.Path(target), "--dir", s.Path(h.ns), "--json"}, flags...)...)
}

// Status is what the distribution point says of itself, as JSON text.
func (s *Site) Status() string {
	s.Lab.t.Helper()
	return s.must(s.Lab.Host(0), "status", "--dir", s.Path("dp"), "--json")
}

// Result is the last line of get and deploy with --json, as far as the lab looks at it.
type Result struct {
	Bytes      int64   `json:"bytes"`
	Received   int64   `json:"received_bytes"` // of blocks; less than Bytes when a part was there
	Seconds    float64 `json:"seconds"`
	Goodput    float64 `json:"goodput_mbps"`
	QUICBlocks int64   `json:"quic_blocks"`
}

// Result waits for a get or deploy and reads its last line.
func (s *Site) Result(p *Process, limit time.Duration) Result {
	s.Lab.t.Helper()
	var r Result
	if err := p.Wait(limit); err != nil {
		s.Lab.t.Fatalf("lab: on %s: %v", p.host.ns, err)
	}
	if err := json.Unmarshal([]byte(p.LastLine()), &r); err != nil {
		s.Lab.t.Fatalf("lab: on %s: result %q: %v", p.host.ns, p.LastLine(), err)
	}
	return r
}

// Random writes a file of n random bytes, always the same for a seed, and returns its path.
func (s *Site) Random(name string, n int64, seed uint64) string {
	s.Lab.t.Helper()
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	f, err := os.Create(s.Path(name))
	if err != nil {
		s.Lab.t.Fatal(err)
	}
	if _, err := io.CopyN(f, rand.NewChaCha8(key), n); err != nil {
		s.Lab.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		s.Lab.t.Fatal(err)
	}
	return s.Path(name)
}

// SameFiles says how two files differ, or nil.
func SameFiles(want, got string) error {
	w, err := os.Open(want)
	if err != nil {
		return err
	}
	defer w.Close()
	g, err := os.Open(got)
	if err != nil {
		return err
	}
	defer g.Close()
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for at := 0; ; {
		n, errA := io.ReadFull(w, a)
		m, errB := io.ReadFull(g, b)
		if !bytes.Equal(a[:n], b[:m]) {
			return fmt.Errorf("%s differs from %s within 1 MiB of byte %d", got, want, at)
		}
		at += n
		if errA != nil || errB != nil {
			return nil // equally long: the last reads were
		}
	}
}
