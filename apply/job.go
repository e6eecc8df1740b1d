package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

var errClosed = errors.New("apply was closed")

// Job is one apply under way: made from the prologue, fed blocks, committed now and then, finished once. It carries out a plan.
//
// Put, Urgent, Finish and Close are called from one goroutine; Commit may be called from a second one meanwhile. After
// an error that is not ErrSpoolFull or ErrIncomplete the job only returns that error again: close it, clear its cause, and
// make a new job; it goes on with what was committed.
type Job struct {
	cfg    Config
	fsys   vfs.FS
	source io.ReaderAt // the file itself, in which bytes that are not put lie; nil: there is none
	plan   *plan
	report Report // at first what the plan counts
	id     jobID
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
	refused  atomic.Int64 // xattrs that the file system refused
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
// wf may have been opened from the prologue alone: nothing is read but the image's metadata, but that until the job is closed, from any
// goroutine, because a plan holds no paths and no names.
func New(ctx context.Context, cfg Config, wf *wim.File) (*Job, error) {
	return newJob(ctx, cfg, wf, nil)
}

// newJob is New; source, if not nil, gives the bytes of blocks that are put by take.
func newJob(ctx context.Context, cfg Config, wf *wim.File, source io.ReaderAt) (*Job, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	j := &Job{cfg: cfg, fsys: cfg.Target, source: source}
	blocks, err := newBlockMap(cfg.Content, source != nil)
	if err != nil {
		return nil, err
	}
	if size := blocks.size(); size != wf.Size() {
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
	j.id = jobID{content: cfg.Content.ID, image: uint32(cfg.Image)}
	var ntfs *limits
	if j.keeper, err = keeperOf(j.fsys); err != nil {
		return nil, withHint(fmt.Errorf("apply to the target: %w", err))
	}
	if j.keeper != nil {
		l := j.keeper.limits()
		ntfs, j.id.flags = &l, l.flags
	} else if cfg.UnixXattrs {
		j.id.flags = flagXattrs
	}
	if cfg.NoUnix {
		j.id.flags |= flagNoUnix
	}
	if j.plan, err = newPlan(wf, img, blocks, cfg.Rules, cfg.UnixXattrs, ntfs); err != nil {
		return nil, fmt.Errorf("plan image %d: %w", cfg.Image, err)
	}
	if cfg.Fits != nil {
		if err := cfg.Fits(j.plan.writes); err != nil {
			return nil, err
		}
	}
	if j.report = j.plan.report; cfg.NoUnix {
		j.report.Lost.Owners = 0 // not asked for
	}
	j.open, j.fed, j.put = map[int]*run{}, newBitset(j.plan.count()), newBlockSet(len(blocks.chunks))
	j.spool.fsys, j.spool.max = j.fsys, cfg.Spool
	if j.spool.max == 0 {
		j.spool.max = defaultSpool
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := j.prepare(); err != nil {
		return nil, withHint(err)
	}
	return j, nil
}

func (c *Config) validate() error {
	switch {
	case c.Target == nil:
		return errors.New("apply: Config.Target is missing")
	case c.Image < 1:
		return fmt.Errorf("apply: Config.Image is %d, want 1 or more", c.Image)
	case c.Spool != 0 && c.Spool < minSpool:
		return fmt.Errorf("apply: Config.Spool is %d, want at least %d", c.Spool, minSpool)
	case c.Workers < 0 || c.Workers > maxWorkers:
		return fmt.Errorf("apply: Config.Workers is %d, want 0 to %d", c.Workers, maxWorkers)
	}
	return nil
}

// prepare prepares the target and starts the workers.
func (j *Job) prepare() (err error) {
	n := j.cfg.Workers
	if n == 0 {
		n = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	j.startCrew(n)
	defer func() {
		if err != nil {
			j.Close()
		}
	}()
	if err := j.openTarget(); err != nil {
		return err
	}
	held := 0
	for i := range j.plan.blocks.chunks {
		switch b := chunk.Block(i); {
		case j.put.has(b):
			held++
		case j.plan.need.has(b):
			j.missing++
		}
	}
	j.report.ResumedBlocks = held
	if held > 0 {
		j.event(Resumed{held})
	}
	return nil
}

// Needs returns the blocks that must still be put, ascending: those that hold a byte of what the image needs,
// less those put or held by an earlier run. A block of the prologue may be among them; it is put like any other.
func (j *Job) Needs() []chunk.Block {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []chunk.Block
	for i := range j.plan.blocks.chunks {
		if b := chunk.Block(i); j.plan.need.has(b) && !j.put.has(b) {
			out = append(out, b)
		}
	}
	return out
}

// pending is the number of bytes put and not yet durable.
func (j *Job) pending() int64 { return j.backlog.Load() }

// Put takes a verified block, whose bytes are the plan's from now on. Blocks come in any order; one that is not needed, or was put
// before, is ignored. It waits while the workers are behind. ErrSpoolFull says that the block was not taken.
func (j *Job) Put(block chunk.Block, data []byte) error {
	if err := j.crew.failed(); err != nil {
		return err
	}
	if !j.plan.blocks.valid(block) || int(j.plan.blocks.chunks[block].Size) != len(data) {
		return fmt.Errorf("put block %d: %d bytes, which is no block of the content", block, len(data))
	}
	return j.take(block, stored{mem: data, n: int64(len(data))})
}

// take is Put of data that may lie in the source.
func (j *Job) take(block chunk.Block, data stored) error {
	if err := j.crew.failed(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.plan.need.has(block) || j.put.has(block) {
		return nil
	}
	if j.tooMuch(block) {
		return fmt.Errorf("put block %d: %w", block, ErrSpoolFull)
	}
	j.put.set(block)
	j.missing--
	j.uncommitted = append(j.uncommitted, block)
	j.backlog.Add(data.n)
	var err error
	j.plan.blocks.positions(block, func(off int64) {
		if err == nil {
			err = j.feedBlock(off, data)
		}
	})
	if err == nil && j.spool.memBytes > memoryMax {
		err = j.spool.spill()
	}
	j.spool.peak = max(j.spool.peak, j.spool.reserved)
	if err != nil {
		return j.crew.fail(err)
	}
	return nil
}

// feedBlock takes the bytes at an offset of the file. Runs that are decoded at once, and are wholly there, go to a worker in batches.
func (j *Job) feedBlock(off int64, data stored) error {
	var t task // a batch of runs that follow one another
	var end int64
	flush := func() error {
		if t.end == 0 {
			return nil
		}
		now := t
		now.data = data.slice(now.base-off, end-off)
		t = task{}
		return j.send(now)
	}
	var err error
	j.plan.overlaps(off, off+data.n, func(i int, at wim.Place, from, to int64) {
		switch {
		case err != nil:
			return
		case j.fed.has(i):
			err = flush()
			return
		case !isWhole(at) || to-from < at.StoredSize:
			if err = flush(); err == nil {
				err = j.feed(j.run(i), from, data.slice(at.Offset+from-off, at.Offset+to-off))
			}
			return
		}
		if t.end > 0 && (at.Offset-end > batchGap || at.End()-t.base > batchSize) {
			err = flush()
		}
		if t.end == 0 {
			t.first, t.base = i, at.Offset
		}
		if r := j.open[i]; r != nil {
			j.unfeed(r)
		}
		j.fed.set(i)
		t.end, end = j.plan.endOf(i), at.End()
	})
	return errors.Join(err, flush())
}

// tooMuch reports whether a block must not be taken now: more would wait than may, and nothing waits for this one. A block is
// always taken when nothing waits.
func (j *Job) tooMuch(block chunk.Block) bool {
	if j.spool.reserved == 0 {
		return false
	}
	var grow int64
	wanted := false
	j.plan.blocks.positions(block, func(off int64) {
		j.plan.overlaps(off, off+int64(j.plan.blocks.chunks[block].Size), func(i int, _ wim.Place, from, to int64) {
			if j.fed.has(i) {
				return
			}
			g, w := j.run(i).weigh(from, to-from)
			grow, wanted = grow+g, wanted || w
		})
	})
	return grow > 0 && !wanted && j.spool.reserved+grow > j.spool.max
}

// Urgent returns the blocks, at most n, without which most of what waits cannot be written, best first.
func (j *Job) Urgent(n int) []chunk.Block {
	j.mu.Lock()
	defer j.mu.Unlock()
	score := map[chunk.Block]int64{}
	for _, r := range j.open {
		j.rate(r, score)
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
func (j *Job) rate(r *run, score map[chunk.Block]int64) {
	g := r.open
	wait := func(from, to, size int64) {
		var missing []chunk.Block
		g.got.holes(from, to, func(a, b int64) {
			j.plan.blocks.covering(r.Offset+a, r.Offset+b, func(block chunk.Block, _, _ int64) { missing = append(missing, block) })
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

// Commit makes durable what was put before the call, and returns the blocks that became so: written, or in the spool.
func (j *Job) Commit() (held []chunk.Block, err error) {
	j.commitMu.Lock()
	defer j.commitMu.Unlock()
	rec, changed, bytes, err := j.prepareCommit()
	if err != nil {
		return nil, j.crew.fail(err)
	}
	err = j.sync(changed)
	j.crew.sync.Unlock()
	if err != nil {
		return nil, j.crew.fail(fmt.Errorf("sync target: %w", err))
	}
	if err := j.journal.add(rec); err != nil {
		return nil, j.crew.fail(err)
	}
	j.mu.Lock()
	for _, sp := range j.freeing {
		j.spool.release(sp)
	}
	j.freeing = nil
	waits := j.spool.reserved
	j.mu.Unlock()
	j.backlog.Add(-bytes)
	j.event(Committed{len(rec.blocks)})
	j.event(Spooled{waits})
	return rec.blocks, nil
}

// prepareCommit brings everything put so far to files, and returns what the journal must say of it and what must be synced
// before. Blocks and resources are those since the last call. If there is no error, crew.sync is locked.
func (j *Job) prepareCommit() (*record, dirty, int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.crew.drain(); err != nil {
		return nil, dirty{}, 0, err
	}
	if err := j.spool.spill(); err != nil {
		return nil, dirty{}, 0, err
	}
	rec := &record{blocks: j.uncommitted}
	j.uncommitted = nil
	slices.Sort(rec.blocks)
	var bytes int64
	for _, b := range rec.blocks {
		bytes += int64(j.plan.blocks.chunks[b].Size)
	}
	rec.resources = j.takeDone()
	changed := j.takeDirty()
	for _, f := range j.spool.added {
		f.logged = true
		rec.waiting = append(rec.waiting, *f)
	}
	if j.spool.touched {
		changed.names[spoolName], changed.names[workName] = struct{}{}, struct{}{}
	}
	for _, sp := range j.spool.freed {
		rec.freed = append(rec.freed, sp.from)
	}
	j.freeing = j.spool.freed
	j.spool.added, j.spool.freed, j.spool.touched = nil, nil, false
	j.crew.sync.Lock() // no worker is busy, so none is renaming
	return rec, changed, bytes, nil
}

// Close stops the workers and leaves the target as it is, marked incomplete. It may be called more than once, and after Finish.
func (j *Job) Close() error {
	if j.closed {
		return nil
	}
	j.closed = true
	j.crew.stop()
	j.commitMu.Lock()
	defer j.commitMu.Unlock()
	j.spool.close()
	var err error
	if j.journal.file != nil {
		err = j.journal.file.Close()
	}
	if j.lock != nil {
		err = errors.Join(err, j.lock.Close())
	}
	return err
}

// event tells what happens.
func (j *Job) event(e Event) {
	if j.cfg.Events != nil {
		j.cfg.Events(e)
	}
}
