//go:build linux

package wim

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// What wimlib writes, this package must read as an equal tree.
func TestWhatWimlibCapturesIsRead(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for _, args := range [][]string{
		{"--compress=none", "--check", "--unix-data"},
		{"--compress=XPRESS:80", "--check", "--unix-data"},
		{"--compress=LZX:100"},
	} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			src, got := t.TempDir(), t.TempDir()
			randomTree(t, rng, src, 100)
			path := filepath.Join(t.TempDir(), "theirs.wim")
			wimtest.Wimlib(t, append([]string{"capture", src, path, "name & <more>", "--norpfix"}, args...)...)
			f := openFile(t, path)
			if info := f.Images()[0]; info.Name != "name & <more>" || info.FileCount == 0 || info.Created == 0 {
				t.Errorf("the XML was read as %+v", info)
			}
			must(t, f.Verify(context.Background(), nil))
			modes := len(args) == 3
			extract(t, f, 1, got, modes)
			same(t, snapshot(t, src, modes), snapshot(t, got, modes))
		})
	}
}
