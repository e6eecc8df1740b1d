package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

var errClosed = errors.New("apply was closed")

// Plan is one apply under way: made from the prologue, fed blocks, committed now and then, finished once.
//
// Put, Urgent, Done, Finish and Close are called from one goroutine; Commit and Backlog may be called from a second one meanwhile. After
// an error that is not ErrSpoolFull or ErrIncomplete the plan only gives that error again: close it, clear its cause, and
// make a new plan; it goes on with what was committed.
type Plan struct {
	cfg    Config
	fsys   vfs.FS
	source io.ReaderAt // the file itself, in which bytes that are not put lie; nil: there is none
	tree   *tree
	blocks *blockMap
	id     jobID
	need   blockSet // blocks that hold a byte of a needed resource
	start  blockSet // blocks held when the plan was made
	crew   *crew

	mu          sync.Mutex   // guards what follows
	open        map[int]*run // of which something was put, and something is still to be put
	fed         bitset       // runs of which every needed byte was put
	put         blockSet     // blocks put or held
	missing     int          // blocks needed and not put
	uncommitted []chunk.Block
	spool       spool
	freeing     []span // places in the spool that are free once the commit under way is done

	commitMu sync.Mutex
	journal  journal
	lock     io.Closer
	backlog  atomic.Int64
	unowned  atomic.Int64 // files whose owner could not be set
	refused  int          // xattrs that the file system refused
	closed   bool
	ended    bool // an earlier run had only to remove its marks
	lost     bool // some of what the journal says was gone

	keeper  keeper     // the target keeps what NTFS does; nil: it does not
	lostMu  sync.Mutex // guards lostNow
	lostNow Lost       // what the keeper refused
}

// New reads the tree of cfg.Image from wf, checks all of it, and only then touches the target: it marks the target as
// incomplete and makes the directories; or, where an earlier run was cut short, finds out what is held.
//
// wf may have been opened from the prologue alone: nothing is read but the image's metadata, but that until the plan is closed, from any
// goroutine, because a plan holds no paths and no names.
func New(ctx context.Context, cfg Config, wf *wim.File) (*Plan, error) {
	return newPlan(ctx, cfg, wf, nil)
}

// newPlan is New; source, if not nil, gives the bytes of blocks that are put by take.
func newPlan(ctx context.Context, cfg Config, wf *wim.File, source io.ReaderAt) (*Plan, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	p := &Plan{cfg: cfg, fsys: cfg.Target, source: source}
	var err error
	if p.blocks, err = newBlockMap(cfg.Content, source != nil); err != nil {
		return nil, err
	}
	if size := p.blocks.size(); size != wf.Size() {
		return nil, fmt.Errorf("plan image %d: the content has %d bytes, the WIM file %d", cfg.Image, size, wf.Size())
	}
	var img *wim.Tree
	if cfg.part != nil {
		img, err = cfg.part.Tree()
	} else {
		img, err = wf.Tree(cfg.Image)
	}
	if err != nil {
		return nil, err
	}
	p.id = jobID{content: cfg.Content.ID, image: uint32(cfg.Image)}
	var ntfs *limits
	if p.keeper, err = keeperOf(p.fsys); err != nil {
		return nil, withHint(fmt.Errorf("apply to the target: %w", err))
	}
	if p.keeper != nil {
		l := p.keeper.limits()
		ntfs, p.id.flags = &l, l.flags
	} else if cfg.UnixXattrs {
		p.id.flags = flagXattrs
	}
	if cfg.NoUnix {
		p.id.flags |= flagNoUnix
	}
	if p.tree, err = planTree(wf, img, cfg.Rules, cfg.UnixXattrs, ntfs); err != nil {
		return nil, fmt.Errorf("plan image %d: %w", cfg.Image, err)
	}
	if cfg.NoUnix {
		p.tree.report.Lost.Owners = 0 // not asked for
	}
	p.open, p.fed = map[int]*run{}, newBitset(p.tree.count())
	p.mapBlocks()
	p.spool.fsys, p.spool.max = p.fsys, cfg.Spool
	if p.spool.max == 0 {
		p.spool.max = DefaultSpool
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.prepare(); err != nil {
		return nil, withHint(err)
	}
	return p, nil
}

func (c *Config) validate() error {
	switch {
	case c.Target == nil:
		return errors.New("apply: Config.Target is missing")
	case c.Image < 1:
		return fmt.Errorf("apply: Config.Image is %d, want 1 or more", c.Image)
	case c.Spool != 0 && c.Spool < MinSpool:
		return fmt.Errorf("apply: Config.Spool is %d, want at least %d", c.Spool, MinSpool)
	case c.Workers < 0 || c.Workers > maxWorkers:
		return fmt.Errorf("apply: Config.Workers is %d, want 0 to %d", c.Workers, maxWorkers)
	}
	return nil
}

// mapBlocks finds the needed blocks.
func (p *Plan) mapBlocks() {
	p.need, p.put = newBlockSet(len(p.blocks.chunks)), newBlockSet(len(p.blocks.chunks))
	for i := range p.tree.runs(0, p.tree.count()) {
		if at := p.tree.placeOf(i); isWhole(at) {
			p.blocks.covering(at.Offset, at.End(), func(b chunk.Block, _, _ int64) { p.need.set(b) })
		} else {
			p.coverWanted(p.tree.newRun(i), p.need.set)
		}
	}
}

// coverWanted calls fn with the blocks that hold what must be put of a run; with one block maybe more than once.
func (p *Plan) coverWanted(r *run, fn func(block chunk.Block)) {
	r.wanted(func(from, to int64) {
		p.blocks.covering(r.Offset+from, r.Offset+to, func(b chunk.Block, _, _ int64) { fn(b) })
	})
}

// prepare prepares the target and starts the workers.
func (p *Plan) prepare() (err error) {
	n := p.cfg.Workers
	if n == 0 {
		n = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	p.startCrew(n)
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	if err := p.openTarget(); err != nil {
		return err
	}
	p.start = slices.Clone(p.put)
	held := 0
	for i := range p.blocks.chunks {
		switch b := chunk.Block(i); {
		case p.put.has(b):
			held++
		case p.need.has(b):
			p.missing++
		}
	}
	p.tree.report.ResumedBlocks = held
	if held > 0 {
		p.event(EventResumed, "", int64(held))
	}
	return nil
}

// Needs gives the blocks that must still be put, ascending: those that hold a byte of what the image needs,
// less those put or held by an earlier run. A block of the prologue may be among them; it is put like any other.
func (p *Plan) Needs() []chunk.Block {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []chunk.Block
	for i := range p.blocks.chunks {
		if b := chunk.Block(i); p.need.has(b) && !p.put.has(b) {
			out = append(out, b)
		}
	}
	return out
}

// Held gives the blocks that the image needs and an earlier run left durable, ascending.
func (p *Plan) Held() []chunk.Block { return p.start.list() }

// Done reports whether every needed block was put, so that Finish may be called.
func (p *Plan) Done() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.missing == 0
}

// Backlog is the number of bytes put and not yet durable.
func (p *Plan) Backlog() int64 { return p.backlog.Load() }

// Put takes a verified block, whose bytes are the plan's from now on. Blocks come in any order; one that is not needed, or was put
// before, is ignored. It waits while the workers are behind. ErrSpoolFull says that the block was not taken.
func (p *Plan) Put(block chunk.Block, data []byte) error {
	if err := p.crew.failed(); err != nil {
		return err
	}
	if !p.blocks.valid(block) || int(p.blocks.chunks[block].Size) != len(data) {
		return fmt.Errorf("put block %d: %d bytes, which is no block of the content", block, len(data))
	}
	return p.take(block, stored{mem: data, n: int64(len(data))})
}

// take is Put of data that may lie in the source.
func (p *Plan) take(block chunk.Block, data stored) error {
	if err := p.crew.failed(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.need.has(block) || p.put.has(block) {
		return nil
	}
	if p.tooMuch(block) {
		return fmt.Errorf("put block %d: %w", block, ErrSpoolFull)
	}
	p.put.set(block)
	p.missing--
	p.uncommitted = append(p.uncommitted, block)
	p.backlog.Add(data.n)
	var err error
	p.blocks.positions(block, func(off int64) {
		if err == nil {
			err = p.feedBlock(off, data)
		}
	})
	if err == nil && p.spool.memBytes > memoryMax {
		err = p.spool.spill()
	}
	p.spool.peak = max(p.spool.peak, p.spool.reserved)
	if err != nil {
		return p.crew.fail(err)
	}
	return nil
}

// feedBlock takes the bytes at an offset of the file. Runs that are decoded at once, and are wholly there, go to a worker in batches.
func (p *Plan) feedBlock(off int64, data stored) error {
	var t task // a batch of runs that follow one another
	var end int64
	flush := func() error {
		if t.end == 0 {
			return nil
		}
		now := t
		now.data = data.slice(now.base-off, end-off)
		t = task{}
		return p.send(now)
	}
	var err error
	p.overlaps(off, off+data.n, func(i int, at wim.Place, from, to int64) {
		switch {
		case err != nil:
			return
		case p.fed.has(i):
			err = flush()
			return
		case !isWhole(at) || to-from < at.StoredSize:
			if err = flush(); err == nil {
				err = p.feed(p.run(i), from, data.slice(at.Offset+from-off, at.Offset+to-off))
			}
			return
		}
		if t.end > 0 && (at.Offset-end > batchGap || at.End()-t.base > batchSize) {
			err = flush()
		}
		if t.end == 0 {
			t.first, t.base = i, at.Offset
		}
		if r := p.open[i]; r != nil {
			p.unfeed(r)
		}
		p.fed.set(i)
		t.end, end = p.tree.endOf(i), at.End()
	})
	return errors.Join(err, flush())
}

// overlaps calls fn with every needed run that has a byte in [off, end) of the file, and which of its bytes.
func (p *Plan) overlaps(off, end int64, fn func(i int, at wim.Place, from, to int64)) {
	n := p.tree.count()
	first := sort.Search(n, func(i int) bool { return p.tree.placeOf(i).End() > off })
	for i := range p.tree.runs(first, n) {
		at := p.tree.placeOf(i)
		if at.Offset >= end {
			return
		}
		fn(i, at, max(0, off-at.Offset), min(at.StoredSize, end-at.Offset))
	}
}

// tooMuch reports whether a block must not be taken now: more would wait than may, and nothing waits for this one. A block is
// always taken when nothing waits.
func (p *Plan) tooMuch(block chunk.Block) bool {
	if p.spool.reserved == 0 {
		return false
	}
	var grow int64
	wanted := false
	p.blocks.positions(block, func(off int64) {
		p.overlaps(off, off+int64(p.blocks.chunks[block].Size), func(i int, _ wim.Place, from, to int64) {
			if p.fed.has(i) {
				return
			}
			g, w := p.run(i).weigh(from, to-from)
			grow, wanted = grow+g, wanted || w
		})
	})
	return grow > 0 && !wanted && p.spool.reserved+grow > p.spool.max
}

// Urgent gives the blocks, at most n, without which most of what waits cannot be written, best first.
func (p *Plan) Urgent(n int) []chunk.Block {
	p.mu.Lock()
	defer p.mu.Unlock()
	score := map[chunk.Block]int64{}
	for _, r := range p.open {
		p.rate(r, score)
	}
	out := make([]chunk.Block, 0, len(score))
	for b := range score {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b chunk.Block) int {
		if score[a] != score[b] {
			return int(max(-1, min(1, score[b]-score[a])))
		}
		return cmp.Compare(a, b)
	})
	return out[:min(n, len(out))]
}

// rate adds to every missing block what putting it would do for r: what waits for it by the number of blocks it waits for.
func (p *Plan) rate(r *run, score map[chunk.Block]int64) {
	g := r.open
	wait := func(from, to, size int64) {
		var missing []chunk.Block
		g.got.holes(from, to, func(a, b int64) {
			p.blocks.covering(r.Offset+a, r.Offset+b, func(block chunk.Block, _, _ int64) { missing = append(missing, block) })
		})
		for _, b := range missing {
			score[b] += size/int64(len(missing)) + 1
		}
	}
	var early int64
	for _, f := range g.early {
		early += f.size
	}
	if early > 0 {
		at := r.PieceTableRange()
		wait(at.Offset, at.End(), early)
	}
	for i, u := range g.units {
		if r.whole {
			wait(0, r.StoredSize, u.size)
		} else {
			pc := g.pieces.Piece(i)
			wait(pc.StoredOffset, pc.StoredOffset+pc.StoredSize, u.size)
		}
	}
}

// Commit makes durable what was put before the call, and gives the blocks that became so: written, or in the spool.
func (p *Plan) Commit() (held []chunk.Block, err error) {
	p.commitMu.Lock()
	defer p.commitMu.Unlock()
	rec, changed, bytes, err := p.prepareCommit()
	if err != nil {
		return nil, p.crew.fail(err)
	}
	err = p.sync(changed)
	p.crew.sync.Unlock()
	if err != nil {
		return nil, p.crew.fail(fmt.Errorf("sync target: %w", err))
	}
	if err := p.journal.add(rec); err != nil {
		return nil, p.crew.fail(err)
	}
	p.mu.Lock()
	for _, sp := range p.freeing {
		p.spool.release(sp)
	}
	p.freeing = nil
	waits := p.spool.reserved
	p.mu.Unlock()
	p.backlog.Add(-bytes)
	p.event(EventCommit, "", int64(len(rec.blocks)))
	p.event(EventSpool, "", waits)
	return rec.blocks, nil
}

// prepareCommit brings everything put so far to files, and gives what the journal must say of it and what must be synced
// before. Blocks and resources are those since the last call. If there is no error, crew.sync is locked.
func (p *Plan) prepareCommit() (*record, dirty, int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.crew.drain(); err != nil {
		return nil, dirty{}, 0, err
	}
	if err := p.spool.spill(); err != nil {
		return nil, dirty{}, 0, err
	}
	rec := &record{blocks: p.uncommitted}
	p.uncommitted = nil
	slices.Sort(rec.blocks)
	var bytes int64
	for _, b := range rec.blocks {
		bytes += int64(p.blocks.chunks[b].Size)
	}
	rec.resources = p.takeDone()
	changed := p.takeDirty()
	for _, f := range p.spool.added {
		f.logged = true
		rec.waiting = append(rec.waiting, *f)
	}
	if p.spool.touched {
		changed.names[spoolName], changed.names[workName] = struct{}{}, struct{}{}
	}
	for _, sp := range p.spool.freed {
		rec.freed = append(rec.freed, sp.from)
	}
	p.freeing = p.spool.freed
	p.spool.added, p.spool.freed, p.spool.touched = nil, nil, false
	p.crew.sync.Lock() // no worker is busy, so none is renaming
	return rec, changed, bytes, nil
}

// Close stops the workers and leaves the target as it is, marked incomplete. It may be called more than once, and after Finish.
func (p *Plan) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	p.crew.stop()
	p.commitMu.Lock()
	defer p.commitMu.Unlock()
	p.spool.close()
	var err error
	if p.journal.file != nil {
		err = p.journal.file.Close()
	}
	if p.lock != nil {
		err = errors.Join(err, p.lock.Close())
	}
	return err
}

// event tells what happens.
func (p *Plan) event(kind EventKind, path string, n int64) {
	if p.cfg.Events != nil {
		p.cfg.Events(Event{Kind: kind, Path: path, N: n})
	}
}
