package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// OverlayConfig says how an Overlay is written. The zero value is the default.
type OverlayConfig struct {
	Begin      func() error // called once, before anything is written; nil: nothing
	Zeros      bool         // after Begin all of the output reads as zeros, so that zeros need not be written
	MaxPending int          // as in StoreConfig
}

// Overlay is a content that is written over an output which is there already and stays where it is: a block device, or a file
// that stands for one. The journal is elsewhere. It serves as the store of the chunks it has, as an Assembly does, and is
// safe for concurrent use.
type Overlay struct {
	parts

	fs       vfs.FS
	journal  string
	finished bool
}

// OpenOverlay begins, or goes on with, writing refs over out, which it closes, and which is called name in errors. journal is a file
// of fsys, whose folder must exist; its name must say which output is meant. What an earlier run left is verified chunk by chunk.
// The error is vfs.ErrLocked if another process has that journal.
func OpenOverlay(out Output, name string, fsys vfs.FS, journal string, refs []chunk.Ref, cfg OverlayConfig) (*Overlay, error) {
	o := &Overlay{fs: fsys, journal: journal}
	err := o.init(name, refs, cfg.MaxPending)
	o.file, o.zeros = out, cfg.Zeros
	if err == nil {
		err = o.open(cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("open output %s: %w", name, errors.Join(err, o.release()))
	}
	return o, nil
}

func (o *Overlay) open(cfg OverlayConfig) (err error) {
	if o.lock, err = o.fs.Lock(o.journal); err != nil {
		return err
	}
	if o.log, err = o.fs.OpenFile(o.journal, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	var listed []int
	ours, end, err := scanJournal(o.log, o.refs, func(i int) { listed = append(listed, i) })
	if err != nil {
		return err
	}
	if !ours {
		return o.begin(cfg.Begin)
	}
	o.logEnd = end
	if err := o.file.Sync(); err != nil {
		return err
	}
	return o.resume(listed)
}

// begin starts from nothing. The journal's head comes last, so that where it is, Begin was called.
func (o *Overlay) begin(begin func() error) error {
	if err := o.log.Truncate(0); err != nil {
		return err
	}
	if begin != nil {
		if err := begin(); err != nil {
			return err
		}
	}
	if err := o.file.Sync(); err != nil {
		return err
	}
	if err := o.fs.SyncDir(path.Dir(o.journal)); err != nil {
		return err
	}
	return o.beginLog()
}

// Check reads everything back and compares it with the list: what an output took is not always what it gives. drop is called
// first, to have the system forget what it keeps in memory. progress is told the bytes that were read; nil: not told. The
// error is a *chunk.DamagedError for the first chunk that differs, which does not count as held any more.
func (o *Overlay) Check(ctx context.Context, drop func() error, progress func(done, total int64)) error {
	if err := o.complete(); err != nil {
		return fmt.Errorf("check output %s: %w", o.path, err)
	}
	if drop != nil {
		if err := drop(); err != nil {
			return fmt.Errorf("check output %s: %w", o.path, err)
		}
	}
	forgotten := int64(0)
	c := checker{Overlay: o, buf: make([]byte, chunk.MaxSize), zeros: map[uint32]chunk.ID{}}
	for i := range o.refs {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("check output %s: %w", o.path, err)
		}
		if err := c.check(i); err != nil {
			return fmt.Errorf("check output %s: %w", o.path, err)
		}
		if f, ok := o.file.(Forgetful); ok && o.offs[i+1]-forgotten >= forgetStep {
			if err := f.Forget(forgotten, o.offs[i+1]-forgotten); err != nil {
				return fmt.Errorf("check output %s: %w", o.path, err)
			}
			forgotten = o.offs[i+1]
		}
		if progress != nil {
			progress(o.offs[i+1], o.size())
		}
	}
	return nil
}

// forgetStep is how many bytes are read back before the system is told that they are not needed: else a large disk would push all else out
// of memory, and where pages are dear, as in a virtual machine, reading it takes many times as long.
const forgetStep = 32 << 20

// checker reads an output from front to back.
type checker struct {
	*Overlay
	buf   []byte
	zeros map[uint32]chunk.ID // the names of chunks of zeros that were met, by their sizes: most of a disk may be such, and comparing is quicker than hashing

	start, end int64 // of the data that was looked for last, where the output can have holes
}

// check reads the chunk at position i.
func (c *checker) check(i int) error {
	r, off := c.refs[i], c.offs[i]
	buf := c.buf[:r.Size]
	hole, err := c.hole(off, off+int64(r.Size))
	if err != nil {
		return err
	}
	if hole {
		clear(buf)
	} else if n, err := c.file.ReadAt(buf, off); n < len(buf) && err != io.EOF {
		return fmt.Errorf("read at offset %d: %w", off, err)
	} else if n < len(buf) {
		buf = buf[:n] // it ends too early
	}
	if len(buf) == int(r.Size) && c.sum(buf) == r.ID {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, r.ID)
	c.damaged.Store(true)
	return &chunk.DamagedError{ID: r.ID, File: c.path, Off: off}
}

// hole says whether a range, behind those that were asked for before, is a hole, which need not be read.
func (c *checker) hole(from, to int64) (bool, error) {
	sparse, ok := c.file.(Sparse)
	if !ok {
		return false, nil
	}
	if from >= c.end {
		var err error
		if c.start, c.end, err = sparse.NextData(from, c.size()); err != nil {
			return false, err
		}
	}
	return to <= c.start, nil
}

func (c *checker) sum(b []byte) chunk.ID {
	if !isZeros(b) {
		return chunk.Sum(b)
	}
	id, met := c.zeros[uint32(len(b))]
	if !met {
		id = chunk.Sum(b)
		c.zeros[uint32(len(b))] = id
	}
	return id
}

// Finish syncs and removes the journal. It fails with ErrIncomplete if a chunk is missing. After an error it can be called again.
func (o *Overlay) Finish() error {
	err := o.complete()
	if err == nil {
		o.group.commitMu.Lock()
		defer o.group.commitMu.Unlock()
		err = o.finish()
	}
	if err != nil {
		return fmt.Errorf("finish output %s: %w", o.path, err)
	}
	return nil
}

func (o *Overlay) finish() error {
	if o.finished {
		return nil
	}
	if err := o.fs.Remove(o.journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := o.fs.SyncDir(path.Dir(o.journal)); err != nil {
		return err
	}
	o.finished = true
	return o.releaseLog()
}
