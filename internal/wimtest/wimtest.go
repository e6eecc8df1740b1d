// Package wimtest has what tests of several packages need: the oracle, and data to compress.
package wimtest

import (
	"go/build"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Wimlib runs wimlib-imagex, the reference for WIM files, and returns what it says. Where it is missing the test is skipped; in CI that is a failure.
func Wimlib(tb testing.TB, args ...string) string {
	tb.Helper()
	out, err := TryWimlib(tb, args...)
	if err != nil {
		tb.Fatalf("wimlib-imagex %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TryWimlib is Wimlib where it may refuse.
func TryWimlib(tb testing.TB, args ...string) (string, error) {
	tb.Helper()
	exe, err := exec.LookPath("wimlib-imagex")
	if err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatal("wimlib-imagex is missing; apt-get install wimtools")
		}
		tb.Skip("wimlib-imagex is missing; apt-get install wimtools")
	}
	out, err := exec.Command(exe, args...).CombinedOutput()
	return string(out), err
}

// Seeded returns a generator, and prints the seed to replay the test with. Seed 0: draw one.
func Seeded(tb testing.TB, seed uint64) *rand.Rand {
	tb.Helper()
	if seed == 0 {
		seed = rand.Uint64()
	}
	tb.Logf("replay with -seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// RandomContent returns n bytes of one of several natures: zeros, noise, text, or like machine code.
func RandomContent(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	switch rng.IntN(4) {
	case 0:
	case 1:
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
	case 2:
		for i := range b {
			b[i] = "the quick brown fox\n"[(i+i/97+rng.IntN(2))%20]
		}
	default: // calls and runs
		for i := 0; i < n; {
			if rng.IntN(4) == 0 {
				i += copy(b[i:], []byte{0xe8, byte(rng.IntN(256)), byte(rng.IntN(256)), 0, 0})
			} else if k := rng.IntN(40); i > 64 {
				i += copy(b[i:min(n, i+k)], b[i-64:])
			} else {
				b[i] = byte(rng.IntN(16))
				i++
			}
		}
	}
	return b
}

// SourceText returns some megabytes of Go's sources.
func SourceText(tb testing.TB) []byte {
	tb.Helper()
	var text []byte
	files, err := filepath.Glob(filepath.Join(build.Default.GOROOT, "src/net/http/*.go"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("find Go sources in %s: %v", build.Default.GOROOT, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		text = append(text, b...)
	}
	return text
}
