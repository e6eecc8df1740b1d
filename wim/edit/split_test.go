package edit

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

func TestPartNames(t *testing.T) {
	for first, want := range map[string]string{
		"a.swm": "a2.swm", "dir.d/s": "dir.d/s2", "a.b.c": "a.b2.c", "/x/install.swm": "/x/install2.swm", ".swm": ".swm2",
	} {
		if got := partName(first, 2); got != want {
			t.Errorf("%s: %s, want %s", first, got, want)
		}
		if got := partName(first, 1); got != first {
			t.Errorf("%s: %s", first, got)
		}
	}
}

// many are images of some twenty files.
var many = []string{"first: a b c d e f g h i j k l m n o p q r s t u v", "second: a b c d only"}

func TestSplitAndJoin(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for _, opts := range []wim.WriterOptions{
		{},
		{Compression: wim.XPRESS, Check: true, BootIndex: 2},
		{Compression: wim.LZX, Solid: true, SolidCompression: wim.XPRESS, SolidPieceSize: 32 << 10},
	} {
		src := makeWIM(t, rng, opts, 20_000, many...)
		want := look(t, src)
		for _, limit := range []int64{50_000, 100_000, 1 << 30, 1} {
			dir := t.TempDir()
			parts, err := Split(bg, src, filepath.Join(dir, "s.swm"), limit, Options{})
			must(t, err)
			alone(t, parts...)
			checkParts(t, parts, limit, opts.Solid)
			rng.Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
			out := filepath.Join(t.TempDir(), "joined.wim")
			stats, err := Join(bg, out, parts, Options{})
			must(t, err)
			if stats.Copied != stats.Bytes {
				t.Errorf("%d bytes of %d were copied as they are", stats.Copied, stats.Bytes)
			}
			equal(t, "split and joined", want, look(t, out))

			// The set by itself is what the file was, but for its integrity tables.
			slices.SortFunc(parts, func(a, b string) int { return openWIM(t, a).Header.Part - openWIM(t, b).Header.Part })
			set := openWIM(t, parts...)
			must(t, set.Verify(bg, nil))
			equal(t, "the set", want, lookAt(t, set))
		}
	}
}

// checkParts checks what each part says of itself, and that none could be one with the one before it.
func checkParts(t *testing.T, parts []string, limit int64, solid bool) {
	t.Helper()
	var guid [16]byte
	for i, p := range parts {
		f := openWIM(t, p)
		h := f.Header
		if h.Part != i+1 || h.Parts != len(parts) || h.ImageCount != len(many) || (h.Flags&wim.FlagSpanned != 0) != (len(parts) > 1) {
			t.Errorf("part %d of %d has the header %+v", i+1, len(parts), h)
		}
		if i == 0 {
			guid = h.GUID
		}
		if h.GUID != guid {
			t.Errorf("part %d has another GUID", i+1)
		}
		if n := len(f.Layout().Resources); size(t, p) > limit && n > 1 && !solid {
			t.Errorf("part %d has %d bytes and %d resources, the limit is %d", i+1, size(t, p), n, limit)
		}
		if i > 0 && size(t, parts[i-1])+size(t, p) < limit {
			t.Errorf("parts %d and %d would fit into one", i, i+1)
		}
	}
}

func TestSplitAndJoinThatAreRefused(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS}, 20_000, many...)
	other := makeWIM(t, rand.New(rand.NewPCG(1, 2)), wim.WriterOptions{Compression: wim.XPRESS}, 30_000, many...)
	dir := t.TempDir()
	parts, err := Split(bg, src, filepath.Join(dir, "s.swm"), 60_000, Options{})
	must(t, err)
	foreign, err := Split(bg, other, filepath.Join(dir, "f.swm"), 60_000, Options{})
	must(t, err)
	if len(parts) < 4 {
		t.Fatalf("only %d parts", len(parts))
	}
	before := digest(t, parts[0])
	out := filepath.Join(t.TempDir(), "out.wim")
	for _, c := range []struct {
		out   string
		parts []string
		want  string
	}{
		{out, parts[:2], "find part 3: the set has"},
		{out, parts[1:], "find part 1: the set has"},
		{out, append(slices.Clone(parts[1:]), parts[1]), "give each part once"},
		{out, append(slices.Clone(parts), parts[1]), "give each part once"},
		{out, append(slices.Clone(parts[1:]), foreign[0]), "it is not a part of the set"},
		{out, append(slices.Clone(parts), src), "it is not a part of the set"},
		{out, nil, "no parts"},
		{out, []string{parts[0], filepath.Join(dir, "nope")}, "no such file"},
		{out, []string{dir}, "not a regular file"},
		{parts[0], parts, "choose another name"},
		{filepath.Join(dir, "nope", "x"), parts, "no such file"},
	} {
		if _, err := Join(bg, c.out, c.parts, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("join %q to %s: %v, want %q", c.parts, c.out, err, c.want)
		}
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is an output: %v", err)
	}
	for _, c := range []struct {
		path, first string
		size        int64
		want        string
	}{
		{src, src, 60_000, "choose another name"},
		{src, filepath.Join(dir, "x.swm"), 0, "want at least 1"},
		{src, filepath.Join(dir, "nope", "x.swm"), 60_000, "no such file"},
		{parts[0], filepath.Join(dir, "x.swm"), 60_000, "join the set first"},
	} {
		if _, err := Split(bg, c.path, c.first, c.size, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("split %s to %s: %v, want %q", c.path, c.first, err, c.want)
		}
	}
	if digest(t, parts[0]) != before {
		t.Error("a part changed")
	}
	alone(t, append(parts, foreign...)...)
}
