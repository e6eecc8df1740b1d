//go:build linux

package wim

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var (
	treeFlag    = flag.String("tree", "", "tree to capture; default: Go's own installation")
	scratchFlag = flag.String("scratch", "", "folder for what is written, on the file system to measure; default: a temporary one")
	runsFlag    = flag.Int("runs", 5, "runs of each program for every operation")
)

// program is one of the two that are compared.
type program struct {
	name string
	argv []string // before the verb
}

// side is one comparison under way.
type side struct {
	b       *testing.B
	dir     string
	tree    string
	wimcast program
	wimlib  program
}

// BenchmarkSideBySide compares every operation. Choose by name: -bench 'SideBySide/apply/LZX'.
func BenchmarkSideBySide(b *testing.B) {
	s := newSide(b)
	kinds := []struct {
		name string
		args []string
	}{
		{"none", []string{"--compress=none"}},
		{"XPRESS", []string{"--compress=XPRESS"}},
		{"LZX", []string{"--compress=LZX"}},
		{"solid", []string{"--solid"}},
	}
	for _, k := range kinds {
		b.Run("capture/"+k.name, func(b *testing.B) { s.with(b).capture(k.args) })
	}
	for _, k := range kinds {
		b.Run("verify/"+k.name, func(b *testing.B) { s.with(b).verify(k.args) })
	}
	for _, k := range kinds {
		b.Run("apply/"+k.name, func(b *testing.B) { s.with(b).apply(k.args) })
	}
	b.Run("ntfs/LZX", func(b *testing.B) { s.with(b).ntfs([]string{"--compress=LZX"}) })
}

// newSide builds wimcast and looks for the rest.
func newSide(b *testing.B) *side {
	if _, err := exec.LookPath("wimlib-imagex"); err != nil {
		b.Skip("needs wimlib-imagex: apt-get install wimtools")
	}
	s := &side{b: b, dir: *scratchFlag, tree: *treeFlag}
	if s.dir == "" {
		s.dir = b.TempDir()
	}
	if s.tree == "" {
		out, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			b.Fatal(err)
		}
		s.tree = strings.TrimSpace(string(out))
	}
	bin := filepath.Join(b.TempDir(), "wimcast")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "github.com/wimcast/wimcast/cmd/wimcast")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build wimcast: %v: %s", err, out)
	}
	s.wimcast = program{"wimcast", []string{bin, "wim"}}
	s.wimlib = program{"wimlib-imagex", []string{"wimlib-imagex"}}
	return s
}

// with gives the same comparison for a sub-benchmark.
func (s *side) with(b *testing.B) *side {
	c := *s
	c.b = b
	return &c
}

// turns runs both programs in turn. ready makes a program's command line, done looks at what it made; neither is timed.
func (s *side) turns(ready func(p program) []string, done func(p program, c *Cost)) {
	s.b.Helper()
	var costs [2][]Cost
	for i := range *runsFlag {
		for j := range 2 {
			k := (i + j) % 2
			p := []program{s.wimcast, s.wimlib}[k]
			argv := append(append([]string{}, p.argv...), ready(p)...)
			c, err := Run(argv...)
			if err != nil {
				s.b.Fatal(err)
			}
			done(p, &c)
			costs[k] = append(costs[k], c)
		}
	}
	ours, theirs := Median(costs[0]), Median(costs[1])
	s.b.ReportMetric(ours.Wall.Seconds(), "wimcast-s")
	s.b.ReportMetric(theirs.Wall.Seconds(), "wimlib-s")
	s.b.ReportMetric(ours.Wall.Seconds()/theirs.Wall.Seconds(), "wall-ratio")
	s.b.ReportMetric(ours.CPU.Seconds()/theirs.CPU.Seconds(), "cpu-ratio")
	s.b.ReportMetric(float64(ours.RSS)/(1<<20), "wimcast-MiB")
	s.b.ReportMetric(float64(theirs.RSS)/(1<<20), "wimlib-MiB")
	if theirs.Size > 0 {
		s.b.ReportMetric(float64(ours.Size)/1e6, "wimcast-MB")
		s.b.ReportMetric(float64(ours.Size)/float64(theirs.Size), "size-ratio")
	}
	s.b.ReportMetric(0, "ns/op")
}

func (s *side) capture(args []string) {
	out := filepath.Join(s.dir, "captured.wim")
	defer os.Remove(out)
	s.turns(func(program) []string {
		os.Remove(out)
		return append([]string{"capture", s.tree, out, "tree"}, args...)
	}, func(_ program, c *Cost) {
		info, err := os.Stat(out)
		if err != nil {
			s.b.Fatal(err)
		}
		c.Size = info.Size()
	})
}

// image makes the WIM that both read, by wimlib-imagex.
func (s *side) image(args []string) string {
	out := filepath.Join(s.dir, "image.wim")
	os.Remove(out)
	s.b.Cleanup(func() { os.Remove(out) })
	if _, err := Run(append([]string{"wimlib-imagex", "capture", s.tree, out, "tree"}, args...)...); err != nil {
		s.b.Fatal(err)
	}
	return out
}

func (s *side) verify(args []string) {
	image := s.image(args)
	s.turns(func(program) []string { return []string{"verify", image} }, func(program, *Cost) {})
}

// inodesAvoided is how long ext4 without a journal may avoid the inodes of files that were removed: making files takes up to four
// times as long meanwhile, most of it in search of others, and the ratio swings.
const inodesAvoided = 305 * time.Second

var lastRemoval time.Time // of trees that were applied

func (s *side) apply(args []string) {
	image := s.image(args)
	time.Sleep(time.Until(lastRemoval.Add(inodesAvoided)))
	n := 0
	s.turns(func(program) []string {
		n++
		target := filepath.Join(s.dir, fmt.Sprint("target", n)) // taken away at the end
		s.must(os.Mkdir(target, 0o755))
		s.b.Cleanup(func() {
			os.RemoveAll(target)
			lastRemoval = time.Now()
		})
		return []string{"apply", image, "1", target, "--include-invalid-names"}
	}, func(program, *Cost) {})
}

// ntfs applies to an ntfs-3g volume: wimcast with all metadata to its root, wimlib-imagex, which keeps none through a mount, to a directory.
func (s *side) ntfs(args []string) {
	for _, tool := range []string{"mkntfs", "ntfs-3g", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			s.b.Skipf("needs %s, and root: apt-get install ntfs-3g", tool)
		}
	}
	image := s.image(args)
	volume, mount := filepath.Join(s.dir, "volume.img"), filepath.Join(s.dir, "mount")
	s.must(os.MkdirAll(mount, 0o755))
	s.turns(func(p program) []string {
		s.must(os.WriteFile(volume, nil, 0o600))
		s.must(os.Truncate(volume, 8<<30))
		s.run("mkntfs", "-F", "-Q", volume)
		s.run("ntfs-3g", "-o", "streams_interface=windows", volume, mount)
		target := mount
		if p.name != s.wimcast.name {
			target = filepath.Join(mount, "target")
			s.must(os.Mkdir(target, 0o755))
		}
		return []string{"apply", image, "1", target, "--include-invalid-names"}
	}, func(program, *Cost) {
		s.run("umount", mount)
		s.must(os.Remove(volume))
	})
}

func (s *side) must(err error) {
	if err != nil {
		s.b.Helper()
		s.b.Fatal(err)
	}
}

func (s *side) run(argv ...string) {
	s.b.Helper()
	if _, err := Run(argv...); err != nil {
		s.b.Fatal(err)
	}
}

// TestMedian keeps the harness honest: each figure's median by itself, whatever the order.
func TestMedian(t *testing.T) {
	got := Median([]Cost{{Wall: 5, CPU: 1, RSS: 9, Size: 7}, {Wall: 1, CPU: 3, RSS: 8, Size: 7}, {Wall: 3, CPU: 2, RSS: 1, Size: 7}})
	if want := (Cost{Wall: 3, CPU: 2, RSS: 8, Size: 7}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestRunMeasuresTheProgram runs something that takes processor time and memory.
func TestRunMeasuresTheProgram(t *testing.T) {
	c, err := Run("go", "version")
	if err != nil {
		t.Fatal(err)
	}
	if c.Wall <= 0 || c.CPU <= 0 || c.RSS < 1<<20 {
		t.Errorf("%s: %+v", runtime.Version(), c)
	}
	if _, err := Run("go", "no-such-verb"); err == nil {
		t.Error("a program that fails gives no error")
	}
}
