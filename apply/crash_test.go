package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// crashImage is small, but has everything: whole and piecewise resources, several files of one content, straddling pieces, hard
// links, symlinks, empty files.
func crashImage(t *testing.T) []byte {
	t.Helper()
	src := t.TempDir()
	sampleTree(t, src, 7, 600_000)
	return wimOf(t, src, wim.XPRESS)
}

// run applies what is needed in an order given by seed, and notes what commits said is held.
func runAll(fsys vfs.FS, image []byte, c Content, pro *wim.File, seed uint64) (held []chunk.Block, err error) {
	p, err := New(bg, Config{Target: fsys, Image: 1, Content: c, Workers: 1}, pro)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	held = p.put.list()
	rng := rand.New(rand.NewPCG(seed, 3))
	queue := p.Needs()
	rng.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	for i, b := range queue {
		if err := p.Put(b, blockData(c, image, b)); err != nil {
			return held, err
		}
		if i%5 == 4 {
			h, err := p.Commit()
			if err != nil {
				return held, err
			}
			held = append(held, h...)
		}
	}
	_, err = p.Finish(bg)
	return held, err
}

func reference(t *testing.T, image []byte, c Content, pro *wim.File) map[string]string {
	t.Helper()
	mem := vfs.NewMem()
	if _, err := runAll(mem, image, c, pro, 0); err != nil {
		t.Fatal(err)
	}
	return dump(t, mem)
}

// finished reports whether the target holds the complete tree: the mark is gone.
func finished(fsys vfs.FS) bool {
	entries, err := fsys.ReadDir(".")
	return err == nil && len(entries) > 0 && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == markerName })
}

func TestCrashAtEveryCallThenRestart(t *testing.T) {
	t.Parallel()
	image := crashImage(t)
	c := cutRandom(image, rand.New(rand.NewPCG(4, 4)), 10_000, 50_000)
	crashEverywhere(t, image, c, 0)
}

// crashEverywhere crashes an apply at every call, or at about that many of them, and lets a second one go on.
func crashEverywhere(t *testing.T, image []byte, c Content, points int) {
	t.Helper()
	pro := prologueOf(t, image)
	want := reference(t, image, c, pro)
	count := vfs.Fault(vfs.NewMem(), vfs.Plan{Ops: vfs.OpMutate})
	if _, err := runAll(count, image, c, pro, 1); err != nil {
		t.Fatal(err)
	}
	step := 1
	if testing.Short() {
		step = 17
	}
	if points > 0 {
		step = count.Calls()/points + 1
	}
	t.Logf("%d crash points", count.Calls())
	for at := 1; at <= count.Calls(); at += step {
		mem := vfs.NewMem()
		held, err := runAll(vfs.Fault(mem, vfs.Plan{At: at, Ops: vfs.OpMutate, Err: vfs.ErrCrashed}), image, c, pro, 1)
		if err == nil && at < count.Calls() {
			t.Fatalf("crash at call %d was not seen", at)
		}
		after := mem.CrashClone(uint64(at))
		if finished(after) {
			wantDump(t, want, dump(t, after))
			continue
		}
		now, err := runAll(after, image, c, pro, uint64(at))
		if err != nil {
			t.Fatalf("restart after a crash at call %d: %v", at, err)
		}
		for _, b := range held {
			if !slices.Contains(now, b) {
				t.Fatalf("crash at call %d: block %d was held and is not any more", at, b)
			}
		}
		wantDump(t, want, dump(t, after))
		if t.Failed() {
			t.Fatalf("after a crash at call %d", at)
		}
	}
}

// TestCrashAgainAndAgain crashes at random calls until an apply comes to its end.
func TestCrashAgainAndAgain(t *testing.T) {
	t.Parallel()
	image := crashImage(t)
	c := cutRandom(image, rand.New(rand.NewPCG(5, 5)), 10_000, 50_000)
	pro := prologueOf(t, image)
	want := reference(t, image, c, pro)
	for seed := range uint64(15) {
		rng := rand.New(rand.NewPCG(seed, 6))
		mem := vfs.NewMem()
		crashes := 0
		for {
			plan := vfs.Plan{Ops: vfs.OpMutate, Err: vfs.ErrCrashed}
			if crashes < 12 {
				plan.At = 1 + rng.IntN(220)
			}
			_, err := runAll(vfs.Fault(mem, plan), image, c, pro, rng.Uint64())
			if err == nil {
				break
			}
			if !errors.Is(err, vfs.ErrCrashed) {
				t.Fatalf("seed %d, after %d crashes: %v", seed, crashes, err)
			}
			crashes++
			if mem = mem.CrashClone(rng.Uint64()); finished(mem) {
				break
			}
		}
		wantDump(t, want, dump(t, mem))
		if t.Failed() {
			t.Fatalf("seed %d, %d crashes", seed, crashes)
		}
	}
}

func TestFullAndFailingDisk(t *testing.T) {
	t.Parallel()
	image := crashImage(t)
	c := cutRandom(image, rand.New(rand.NewPCG(4, 4)), 10_000, 50_000)
	pro := prologueOf(t, image)
	want := reference(t, image, c, pro)
	for i, kind := range []error{vfs.NoSpace, vfs.IOError} { // every call fails in one way or the other
		count := vfs.Fault(vfs.NewMem(), vfs.Plan{})
		if _, err := runAll(count, image, c, pro, 2); err != nil {
			t.Fatal(err)
		}
		step := 2
		if testing.Short() {
			step = 37
		}
		for at := 1 + i; at <= count.Calls(); at += step {
			f := vfs.Fault(vfs.NewMem(), vfs.Plan{At: at, Err: kind, Short: true, Sticky: at/2%2 == 0})
			_, err := runAll(f, image, c, pro, 2)
			if err == nil {
				// a read that may fail: what it would have told is found out later
				wantDump(t, want, dump(t, f))
				continue
			}
			if !errors.Is(err, kind) {
				t.Fatalf("%v at call %d: %v", kind, at, err)
			}
			if !strings.Contains(err.Error(), ": ") || (kind == vfs.NoSpace && !strings.Contains(err.Error(), "room")) {
				t.Errorf("%v at call %d: error says too little: %v", kind, at, err)
			}
			f.Heal()
			if finished(f) {
				wantDump(t, want, dump(t, f))
				continue
			}
			if _, err := runAll(f, image, c, pro, 3); err != nil {
				t.Fatalf("after %v at call %d (%v): %v", kind, at, fmt.Sprint(err), err)
			}
			wantDump(t, want, dump(t, f))
		}
	}
}

// TestFileCrashThenRestart crashes File, which commits nothing before its end, and lets a second one go on or begin again.
func TestFileCrashThenRestart(t *testing.T) {
	t.Parallel()
	_, solid := solidCases[1].image(t)
	for name, image := range map[string][]byte{"plain": crashImage(t), "solid": solid} {
		apply := func(fsys vfs.FS) error {
			_, err := fileOf(image, 1, fsys, FileOptions{Workers: 1})
			return err
		}
		ref := vfs.NewMem()
		if err := apply(ref); err != nil {
			t.Fatal(err)
		}
		want := dump(t, ref)
		count := vfs.Fault(vfs.NewMem(), vfs.Plan{Ops: vfs.OpMutate})
		if err := apply(count); err != nil {
			t.Fatal(err)
		}
		for at := 1; at <= count.Calls(); at += 3 {
			mem := vfs.NewMem()
			if err := apply(vfs.Fault(mem, vfs.Plan{At: at, Ops: vfs.OpMutate, Err: vfs.ErrCrashed})); err == nil && at < count.Calls() {
				t.Fatalf("%s: crash at call %d was not seen", name, at)
			}
			after := mem.CrashClone(uint64(at))
			if !finished(after) {
				if err := apply(after); err != nil {
					t.Fatalf("%s: restart after a crash at call %d: %v", name, at, err)
				}
			}
			wantDump(t, want, dump(t, after))
		}
	}
}
