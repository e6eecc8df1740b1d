package apply

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// TestAPlanIsMadeWithoutATarget: what an image makes, and which blocks that takes, follows from the prologue alone; a job for an empty target
// wants just these blocks, and what it counts leaves the plan's figures as they were.
func TestAPlanIsMadeWithoutATarget(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	sampleTree(t, src, 5, 300_000)
	image := wimOf(t, src, wim.XPRESS)
	c := cutRandom(image, rand.New(rand.NewPCG(5, 5)), 750, 3000)
	blocks, err := newBlockMap(c, false)
	if err != nil {
		t.Fatal(err)
	}
	wf := prologueOf(t, image)
	tree, err := wf.Tree(1)
	if err != nil {
		t.Fatal(err)
	}
	pl, err := newPlan(wf, tree, blocks, wim.Rules{}, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, links, symlinks := 37, 4, 2
	if runtime.GOOS == "windows" { // there a capture stores hard links as files, and the sample has no symbolic links
		files, links, symlinks = 41, 0, 0
	}
	if r := pl.report; r.Files != files || r.Links != links || r.Symlinks != symlinks || r.Dirs != 7 {
		t.Errorf("the plan counts %+v", r)
	}
	p, err := New(bg, Config{Target: vfs.NewMem(), Image: 1, Content: c}, prologueOf(t, image))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	needs := p.Needs()
	if planned := pl.need.list(); len(planned) == 0 || !slices.Equal(planned, needs) {
		t.Errorf("the plan has %d blocks, the job wants %d others", len(planned), len(needs))
	}
	before := p.plan.report
	for _, b := range needs {
		if err := p.Put(b, blockData(c, image, b)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Finish(bg); err != nil {
		t.Fatal(err)
	}
	if p.plan.report != before {
		t.Errorf("the job changed the plan's figures from %+v to %+v", before, p.plan.report)
	}
}
