package apply

import (
	"context"
	"fmt"
	"io"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// fileCommit is how many bytes File puts between two commits: what a restart may have to do again.
const fileCommit = 1 << 30

// FileOptions are the options of File. The zero value applies with the strictest rules and no xattrs.
type FileOptions struct {
	Rules                            wim.Rules
	UnixXattrs                       bool
	NoACLs, StrictACLs, NoAttributes bool // as in Config
	NoUnix                           bool
	LinkRoot                         string
	Recover                          bool
	Spool                            int64
	Workers                          int
	Events                           func(Event)
	Progress                         func(done, total int64) // stored bytes of the image put so far; nil: not told

	part  *wim.Image // in place of the whole image
	place func(context.Context, *Job) error
}

// File applies one image of a WIM file that is here already, reading each needed byte once. It is the same path that a cast feeds,
// restartable in the same way.
func File(ctx context.Context, wf *wim.File, image int, target vfs.FS, opts FileOptions) (Report, error) {
	content, err := contentOf(wf)
	if err != nil {
		return Report{}, err
	}
	p, err := newJob(ctx, Config{
		Target: target, Image: image, Content: content, Rules: opts.Rules, UnixXattrs: opts.UnixXattrs,
		NoACLs: opts.NoACLs, StrictACLs: opts.StrictACLs, NoAttributes: opts.NoAttributes,
		NoUnix: opts.NoUnix, LinkRoot: opts.LinkRoot, Recover: opts.Recover, part: opts.part, place: opts.place,
		Spool: opts.Spool, Workers: opts.Workers, Events: opts.Events,
	}, wf, wf.ReaderAt())
	if err != nil {
		return Report{}, err
	}
	defer p.Close()
	defer context.AfterFunc(ctx, func() { _ = p.crew.fail(ctx.Err()) })()
	if err := p.takeAll(ctx, opts.Progress); err != nil {
		return Report{}, err
	}
	return p.Finish(ctx)
}

// takeAll takes every needed block; the workers read what they need of it. Blocks are cut so that nothing waits.
func (j *Job) takeAll(ctx context.Context, progress func(done, total int64)) error {
	needs := j.Needs()
	flush := newFlushing(j)
	defer flush.wait()
	var done, total int64
	for _, b := range needs {
		total += int64(j.plan.blocks.chunks[b].Size)
	}
	lanes := j.lanes(needs)
	for b, ok := lanes.next(j.crew); ok; b, ok = lanes.next(j.crew) {
		if err := ctx.Err(); err != nil {
			return err
		}
		size := int64(j.plan.blocks.chunks[b].Size)
		if err := j.take(b, stored{src: j.source, at: j.plan.blocks.starts[b], n: size}); err != nil {
			return err
		}
		if j.pending() > fileCommit {
			if _, err := j.Commit(); err != nil {
				return err
			}
		}
		flush.more(size)
		if done += size; progress != nil {
			progress(done, total)
		}
	}
	return nil
}

// lanes are blocks by who works on them: first those of small runs, which any worker does, then those of the large runs of each worker.
type lanes [][]chunk.Block

// lanes sorts blocks, which keep their order within a lane.
func (j *Job) lanes(blocks []chunk.Block) lanes {
	l := make(lanes, 1+len(j.crew.queues))
	for _, b := range blocks {
		lane, from := 0, j.plan.blocks.starts[b]
		j.plan.overlaps(from, from+int64(j.plan.blocks.chunks[b].Size), func(i int, at wim.Place, _, _ int64) {
			if !isWhole(at) {
				lane = 1 + i%len(j.crew.queues)
			}
		})
		l[lane] = append(l[lane], b)
	}
	return l
}

// next takes the first block of the lane of which the fewest tasks wait. So the small files, whose names the system makes one at a time, are made
// while large ones are decoded, wherever in the WIM they are.
func (l lanes) next(c *crew) (block chunk.Block, ok bool) {
	best, least := -1, 0
	for i, blocks := range l {
		waits := len(c.common)
		if i > 0 {
			waits = len(c.queues[i-1])
		}
		if len(blocks) > 0 && (best < 0 || waits < least) {
			best, least = i, waits
		}
	}
	if best < 0 {
		return 0, false
	}
	block, l[best] = l[best][0], l[best][1:]
	return block, true
}

// flushAfter is how many stored bytes File takes between two times that it has what is written be written out, beside its work, so that little is
// left for the sync at the end.
const flushAfter = 32 << 20

// flushing writes out what is written while more is decoded.
type flushing struct {
	job   *Job
	fsys  vfs.Flusher // nil: the target cannot
	taken int64       // since the last time
	done  chan struct{}
}

func newFlushing(j *Job) *flushing {
	f := &flushing{job: j}
	if f.fsys, _ = j.fsys.(vfs.Flusher); j.keeper != nil {
		f.fsys = nil // a volume in user space has no time for it
	}
	return f
}

// more counts bytes taken, and starts to write out if it is time and the last time is over.
func (f *flushing) more(n int64) {
	if f.taken += n; f.fsys == nil || f.taken < flushAfter {
		return
	}
	select {
	case <-f.done:
	default:
		if f.done != nil {
			return
		}
	}
	f.taken, f.done = 0, make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		if err := f.fsys.Flush(); err != nil {
			f.job.crew.fail(fmt.Errorf("write out target: %w", err))
		}
	}(f.done)
}

// wait waits for the last one.
func (f *flushing) wait() {
	if f.done != nil {
		<-f.done
	}
}

// fileCut is hashed with the prologue, because a journal counts in blocks: a change of how contentOf cuts needs another one.
const fileCut = "wimcast file blocks 2"

// contentOf cuts a WIM file into blocks, and names it by a hash of its prologue, which has the hashes of everything else. A block has
// whole runs, or whole pieces of one run, so that none waits for another.
func contentOf(wf *wim.File) (Content, error) {
	r := wf.ReaderAt()
	h := blake3.New()
	io.WriteString(h, fileCut)
	for _, part := range wf.Prologue() {
		if _, err := io.Copy(h, io.NewSectionReader(r, part.Offset, part.Size)); err != nil {
			return Content{}, fmt.Errorf("read prologue: %w", err)
		}
	}
	c := cutter{at: 0}
	for run := range wf.Runs() {
		c.bound(run.Offset)
		if run.StoredSize > fileBlock {
			table, err := readTable(r, run)
			if err != nil {
				return Content{}, fmt.Errorf("read piece table at %d: %w", run.Offset, err)
			}
			pt, err := wim.ParsePieceTable(run, table)
			if known, ok := run.Table(); ok {
				pt, err = known, nil
			}
			if err != nil {
				return Content{}, err
			}
			for i := range pt.Count() {
				c.bound(run.Offset + pt.Piece(i).StoredOffset)
			}
		}
		c.bound(run.End())
	}
	c.bound(wf.Size())
	c.flush()
	return Content{ID: [32]byte(h.Sum(nil)), Chunks: c.out}, nil
}

// readTable reads the piece table of a run that has it in the file.
func readTable(r io.ReaderAt, run *wim.Run) ([]byte, error) {
	at := run.PieceTableRange()
	table := make([]byte, at.Size)
	if n, err := r.ReadAt(table, run.Offset+at.Offset); n < len(table) {
		return nil, err
	}
	return table, nil
}

// Sizes of the blocks of File in bytes: what is longer is cut at the last bound before, a piece that is longer is a block.
const (
	fileBlock    = 1 << 20
	maxFileBlock = 2 << 30 // more than any piece has: what is longer may be cut anywhere
)

// cutter makes chunks that end at bounds, which come in order.
type cutter struct {
	out      []Chunk
	at, last int64 // where the chunk under way starts, and the last bound
}

func (c *cutter) bound(to int64) {
	if to <= c.last {
		return
	}
	if to-c.at > fileBlock {
		c.flush()
	}
	for to-c.at > maxFileBlock {
		c.last = c.at + fileBlock
		c.flush()
	}
	c.last = to
}

// flush ends the chunk under way at the last bound.
func (c *cutter) flush() {
	if c.last > c.at {
		c.out = append(c.out, Chunk{Block: chunk.Block(len(c.out)), Size: uint32(c.last - c.at)})
		c.at = c.last
	}
}
