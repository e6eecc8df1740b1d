package apply

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

// TestSameAsWimlib applies images with both programs and compares the trees, modes included.
func TestSameAsWimlib(t *testing.T) {
	src := t.TempDir()
	sampleTree(t, src, 11, 700_000)
	if err := os.Chmod(filepath.Join(src, "dir0"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--compress=none"}, {"--compress=XPRESS"}, {"--compress=LZX"}, {"--compress=LZX", "--unix-data"}} {
		file := filepath.Join(t.TempDir(), "t.wim")
		wimtest.Wimlib(t, append([]string{"capture", src, file}, args...)...)
		theirs := filepath.Join(t.TempDir(), "theirs")
		how := []string{"apply", file, "1", theirs}
		if len(args) > 1 {
			how = append(how, "--unix-data")
		}
		wimtest.Wimlib(t, how...)
		image, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fsys, ours := osTarget(t)
		if _, err := fileOf(image, 1, fsys, FileOptions{}); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		diff, err := Compare(theirs, ours, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range diff {
			if d.Path != "." { // which wimlib makes, and we are given
				t.Errorf("%v: %s: %s", args, d.Path, d.What)
			}
		}
	}
}

// goTree captures the sources of Go once for a benchmark.
func goTree(b *testing.B) string {
	b.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Skip("the go command is not here")
	}
	src := filepath.Join(strings.TrimSpace(string(root)), "src")
	if _, err := os.Stat(src); err != nil {
		b.Skip("the sources of Go are not here")
	}
	f, err := os.Create(filepath.Join(b.TempDir(), "go.wim"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := capture.Write(bg, f, []capture.Source{{Dir: src}}, capture.WriteOptions{Writer: wim.WriterOptions{Compression: wim.XPRESS}}); err != nil {
		b.Fatal(err)
	}
	return f.Name()
}

// BenchmarkGoTree applies Go's sources, XPRESS, some 10,000 files. Unlike wimlib's, our figure is that of files on disk: synced.
func BenchmarkGoTree(b *testing.B) {
	file := goTree(b)
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("wimcast", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			fsys, dir := benchTarget(b)
			b.StartTimer()
			f, err := os.Open(file)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := fileAtOf(f, info.Size(), 1, fsys, FileOptions{}); err != nil {
				b.Fatal(err)
			}
			f.Close()
			b.StopTimer()
			fsys.Close()
			os.RemoveAll(dir)
			b.StartTimer()
		}
	})
	b.Run("wimlib", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			fsys, dir := benchTarget(b)
			fsys.Close()
			b.StartTimer()
			wimtest.Wimlib(b, "apply", file, "1", dir)
			b.StopTimer()
			os.RemoveAll(dir)
			b.StartTimer()
		}
	})
}

// BenchmarkFourPeers applies Go's sources to four targets at once with a commit every 4 MiB, as four peers on one machine do; lag-ms
// is the longest time from the last Put to the end of Finish.
func BenchmarkFourPeers(b *testing.B) {
	image, err := os.ReadFile(goTree(b))
	if err != nil {
		b.Fatal(err)
	}
	content := cutRandom(image, rand.New(rand.NewPCG(1, 1)), chunk.MinSize, chunk.MaxSize)
	var lag time.Duration
	for b.Loop() {
		b.StopTimer()
		var peers errgroup.Group
		lags := make([]time.Duration, 4)
		b.StartTimer()
		for i := range lags {
			fsys, _ := benchTarget(b)
			peers.Go(func() error {
				defer fsys.Close()
				p, err := New(bg, Config{Target: fsys, Image: 1, Content: content}, openWIM(b, image))
				if err != nil {
					return err
				}
				defer p.Close()
				for _, n := range p.Needs() {
					if err := p.Put(n, image[p.plan.blocks.starts[n]:p.plan.blocks.starts[n+1]]); err != nil {
						return err
					}
					if p.pending() > 4<<20 {
						if _, err := p.Commit(); err != nil {
							return err
						}
					}
				}
				last := time.Now()
				_, err = p.Finish(bg)
				lags[i] = time.Since(last)
				return err
			})
		}
		if err := peers.Wait(); err != nil {
			b.Fatal(err)
		}
		lag = max(lag, slices.Max(lags))
	}
	b.ReportMetric(float64(lag.Milliseconds()), "lag-ms")
}

func benchTarget(b *testing.B) (vfs.FS, string) {
	b.Helper()
	dir, err := os.MkdirTemp(b.TempDir(), "target")
	if err != nil {
		b.Fatal(err)
	}
	fsys, err := vfs.OS(dir)
	if err != nil {
		b.Fatal(err)
	}
	return fsys, dir
}

// BenchmarkLargeResource applies one file of 256 MiB; B/op beside the size of the image shows that memory does not grow with it.
func BenchmarkLargeResource(b *testing.B) {
	src := b.TempDir()
	block := make([]byte, 1<<20)
	f, err := os.Create(filepath.Join(src, "large"))
	if err != nil {
		b.Fatal(err)
	}
	for i := range 256 {
		for j := range block {
			block[j] = byte(j>>(i%7)) ^ byte(i)
		}
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
	}
	f.Close()
	image := wimOf(b, src, wim.XPRESS)
	b.SetBytes(256 << 20)
	var peak uint64
	for b.Loop() {
		fsys, dir := benchTarget(b)
		_, err := fileOf(image, 1, fsys, FileOptions{Progress: func(int64, int64) {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}})
		if err != nil {
			b.Fatal(err)
		}
		fsys.Close()
		os.RemoveAll(dir)
	}
	b.ReportMetric(float64(peak)/(1<<20), "peakMiB")
	b.ReportMetric(float64(len(image))/(1<<20), "imageMiB")
}
