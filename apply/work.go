package apply

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/wimcast/wimcast/wim"
)

// Limits of the workers.
const (
	maxWorkers  = 4
	queueLen    = 64       // tasks a worker's queue holds
	inflightMax = 16 << 20 // stored bytes that wait for or are with the workers
	scratchSize = wholeSize
	copySize    = 256 << 10
)

// task is something a worker can write at once: a whole resource, a run of pieces [first, end), or plain bytes at off.
type task struct {
	r          *resource
	data       []byte
	pieces     *wim.PieceTable // nil: the whole resource
	first, end int
	off        int64
}

// output is what the worker that writes a resource piecewise knows of it. No one else touches it while workers run.
type output struct {
	written spans // content bytes in the part file
	sum     hash.Hash
	hashed  int64 // content bytes that sum has seen
}

func newOutput() *output { return &output{sum: sha1.New()} }

// crew runs the workers. A resource is always written by the same one.
type crew struct {
	queues []chan task
	wg     sync.WaitGroup

	mu       sync.Mutex
	idle     sync.Cond // inflight went down
	inflight int64
	tasks    int
	err      error // the first one; sticky
	done     []int // resources completed since the last take
	dirty    map[string]struct{}

	sync sync.RWMutex // held for reading while names of dirty files change, for writing while they are synced
}

func (p *Plan) startCrew(n int) error {
	c := &crew{dirty: map[string]struct{}{}}
	c.idle.L = &c.mu
	p.crew = c
	for range n {
		q := make(chan task, queueLen)
		w := &worker{p: p}
		if err := w.init(); err != nil {
			return err
		}
		c.queues = append(c.queues, q)
		c.wg.Add(1)
		go func() {
			defer c.wg.Done()
			for t := range q {
				c.finish(t, w.do(t))
			}
		}()
	}
	return nil
}

// send gives a task to the resource's worker; it waits while too much is in flight.
func (p *Plan) send(t task) error {
	c := p.crew
	c.mu.Lock()
	for c.inflight > inflightMax && c.err == nil {
		c.idle.Wait()
	}
	err := c.err
	if err == nil {
		c.inflight += int64(len(t.data))
		c.tasks++
	}
	c.mu.Unlock()
	if err == nil {
		c.queues[t.r.index%len(c.queues)] <- t
	}
	return err
}

// finish notes the end of a task.
func (c *crew) finish(t task, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inflight -= int64(len(t.data))
	c.tasks--
	if err != nil && c.err == nil {
		c.err = withHint(err)
	}
	c.idle.Broadcast()
}

// drain waits until no task is in flight and gives the error that stopped them, if any.
func (c *crew) drain() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.tasks > 0 {
		c.idle.Wait()
	}
	return c.err
}

// failed gives the error that ended the plan, if any.
func (c *crew) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fail ends the plan.
func (c *crew) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = withHint(err)
	}
	return c.err
}

// withHint says what helps, where something does.
func withHint(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w (make room on the target and start again: it goes on where it was)", err)
	}
	return err
}

// stop ends the workers; what is queued is dropped.
func (c *crew) stop() {
	c.fail(errClosed)
	for _, q := range c.queues {
		close(q)
	}
	c.wg.Wait()
}

// changed notes names that must be synced.
func (c *crew) changed(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		c.dirty[n] = struct{}{}
	}
}

// worker decodes and writes. It belongs to one goroutine.
type worker struct {
	p   *Plan
	dec *wim.Decoder // nil for a file without compression
	buf []byte
}

func (w *worker) init() error {
	h := w.p.header
	if h.Compression == wim.None {
		return nil
	}
	d, err := wim.NewDecoder(h.Compression, h.PieceSize)
	if err != nil {
		return fmt.Errorf("decode the image's contents: %w", err)
	}
	w.dec = d
	return nil
}

func (w *worker) do(t task) error {
	if err := w.p.crew.failed(); err != nil {
		return err
	}
	var err error
	if t.pieces == nil {
		err = w.writeWhole(t.r, t.data)
	} else {
		err = w.writePieces(t)
	}
	return err
}

// scratch gives n bytes that are valid until the next call.
func (w *worker) scratch(n int64) []byte {
	if int64(cap(w.buf)) < n {
		w.buf = make([]byte, max(n, 256<<10))
	}
	return w.buf[:n]
}

// writeWhole decodes and checks a resource, and writes it to all its files.
func (w *worker) writeWhole(r *resource, stored []byte) error {
	data := stored
	if r.Compression != wim.None {
		n := r.PieceTableSize()
		pt, err := wim.ParsePieceTable(r.Run, stored[:n])
		if err != nil {
			return fmt.Errorf("read piece table of %s: %w", r.path, err)
		}
		data = w.scratch(r.Size)
		if err := w.decode(r, &pt, 0, pt.Count(), stored, 0, data); err != nil {
			return err
		}
	}
	if err := checkSum(r, sha1.Sum(data)); err != nil {
		return err
	}
	for _, i := range r.files {
		f := &w.p.tree.files[i]
		if err := w.create(f.paths[0], data); err != nil {
			return err
		}
		if err := w.p.finishFile(f); err != nil {
			return err
		}
	}
	if len(r.files) == 0 {
		if err := w.create(r.sidePath(), data); err != nil {
			return err
		}
	}
	return w.p.complete(r)
}

// create makes a file that is not there yet.
func (w *worker) create(path string, data []byte) error {
	f, err := w.p.fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return existsError(path, err)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		w.p.fsys.Remove(path)
		return fmt.Errorf("write %s: %w", path, err)
	}
	w.p.crew.changed(path, parent(path))
	return nil
}

// decode decodes pieces [first, end) into dst. src holds stored bytes from offset base of the resource on.
func (w *worker) decode(r *resource, pt *wim.PieceTable, first, end int, src []byte, base int64, dst []byte) error {
	if first == end {
		return nil
	}
	start := pt.Piece(first).Offset
	for i := first; i < end; i++ {
		pc := pt.Piece(i)
		from := pc.StoredOffset - base
		out := dst[pc.Offset-start : pc.Offset-start+pc.Size]
		if err := w.dec.DecodePiece(out, src[from:from+pc.StoredSize]); err != nil {
			return fmt.Errorf("decode %s at %d: %w", r.path, pc.Offset, err)
		}
	}
	return nil
}

// writePieces writes a part of a resource to its part file, and completes the resource with its last one.
func (w *worker) writePieces(t task) error {
	r := t.r
	path := r.partPath()
	f, err := w.p.fsys.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("open part of %s: %w", r.path, err)
	}
	defer f.Close()
	w.p.crew.changed(path, workName)
	if t.pieces.Direct() {
		if err := r.write(f, t.data, t.off); err != nil {
			return err
		}
	} else if err := w.writeDecoded(r, f, t); err != nil {
		return err
	}
	if err := r.catchUp(f, w.scratch(copySize)); err != nil {
		return err
	}
	if r.out.hashed < r.Size {
		return nil
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	return w.finishPart(r)
}

// writeDecoded decodes a run of pieces, some at a time, and writes them.
func (w *worker) writeDecoded(r *resource, f fileAt, t task) error {
	base := t.pieces.Piece(t.first).StoredOffset
	for i := t.first; i < t.end; {
		from := t.pieces.Piece(i).Offset
		j, size := i, int64(0)
		for ; j < t.end && (j == i || size+t.pieces.Piece(j).Size <= scratchSize); j++ {
			size += t.pieces.Piece(j).Size
		}
		buf := w.scratch(size)
		if err := w.decode(r, t.pieces, i, j, t.data, base, buf); err != nil {
			return err
		}
		if err := r.write(f, buf, from); err != nil {
			return err
		}
		i = j
	}
	return nil
}

// fileAt is the part of vfs.File that a part file needs.
type fileAt interface {
	ReadAt(p []byte, off int64) (int, error)
	WriteAt(p []byte, off int64) (int, error)
}

// write writes content bytes and hashes them if they are the next ones.
func (r *resource) write(f fileAt, b []byte, off int64) error {
	if _, err := f.WriteAt(b, off); err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	o := r.out
	o.written.add(off, off+int64(len(b)))
	if o.hashed == off {
		o.sum.Write(b)
		o.hashed += int64(len(b))
	}
	return nil
}

// catchUp hashes what was written before what precedes it was there.
func (r *resource) catchUp(f fileAt, buf []byte) error {
	o := r.out
	for end := o.written.prefix(); o.hashed < end; {
		n := min(end-o.hashed, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], o.hashed); err != nil {
			return fmt.Errorf("read back %s: %w", r.path, err)
		}
		o.sum.Write(buf[:n])
		o.hashed += n
	}
	return nil
}

// finishPart checks a complete part file, copies it to all files of the resource but the first, and gives it that one's name.
func (w *worker) finishPart(r *resource) error {
	if err := checkSum(r, [sha1.Size]byte(r.out.sum.Sum(nil))); err != nil {
		w.p.crew.sync.RLock()
		defer w.p.crew.sync.RUnlock()
		return errors.Join(err, w.p.fsys.Remove(r.partPath()))
	}
	if len(r.files) == 0 {
		if err := w.move(r.partPath(), r.sidePath()); err != nil {
			return err
		}
		return w.p.complete(r)
	}
	for _, i := range r.files[1:] {
		f := &w.p.tree.files[i]
		tmp := workName + "/copy-" + strconv.Itoa(r.index)
		if err := w.copyFile(r.partPath(), tmp); err != nil {
			return fmt.Errorf("copy %s to %s: %w", r.path, f.paths[0], err)
		}
		if err := w.place(tmp, f); err != nil {
			return err
		}
	}
	if err := w.place(r.partPath(), &w.p.tree.files[r.files[0]]); err != nil {
		return err
	}
	return w.p.complete(r)
}

// copyFile copies a file of the work folder to another one.
func (w *worker) copyFile(from, to string) (err error) {
	src, err := w.p.fsys.OpenFile(from, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := w.p.fsys.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if e := dst.Close(); err == nil {
			err = e
		}
	}()
	_, err = io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, w.scratch(copySize))
	return err
}

// place gives a complete file of the work folder its final name, and its metadata.
func (w *worker) place(from string, f *file) error {
	switch _, err := w.p.fsys.Lstat(f.paths[0]); {
	case err == nil:
		return existsError(f.paths[0], fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("create %s: %w", f.paths[0], err)
	}
	if err := w.move(from, f.paths[0]); err != nil {
		return err
	}
	return w.p.finishFile(f)
}

// move renames a file of the work folder, but not while it is being synced.
func (w *worker) move(from, to string) error {
	c := w.p.crew
	c.sync.RLock()
	defer c.sync.RUnlock()
	if err := w.p.fsys.Rename(from, to); err != nil {
		return fmt.Errorf("rename to %s: %w", to, err)
	}
	c.mu.Lock()
	delete(c.dirty, from)
	c.mu.Unlock()
	c.changed(to, parent(to), workName)
	return nil
}

func existsError(path string, err error) error {
	return fmt.Errorf("create %s: %w; names of the image may differ only in case, or something else writes to the target", path, err)
}
