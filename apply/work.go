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

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// output is what the worker that writes a resource piecewise knows of it. No one else touches it while workers run.
type output struct {
	written spans // content bytes in the part file
	sum     hash.Hash
	hashed  int64 // content bytes that sum has seen
}

func newOutput() *output { return &output{sum: sha1.New()} }

// worker decodes and writes. It belongs to one goroutine.
type worker struct {
	job  *Job
	dec  pieceDecoder
	buf  []byte // decoded
	read []byte // stored bytes that were left in the file
	copy []byte // read back

	creator vfs.Creator // made when it is needed first
}

// work does tasks until own is closed: its own first, as in what is common it may only wait for another worker that makes files.
func (w *worker) work(own, common <-chan task) {
	defer w.close()
	for {
		var t task
		ok := true
		select {
		case t, ok = <-own:
		default:
			select {
			case t, ok = <-own:
			case t = <-common:
			}
		}
		if !ok {
			return
		}
		err := w.do(t)
		w.job.unroom(&t)
		w.job.crew.finish(t, err)
	}
}

func (w *worker) do(t task) (err error) {
	if err := w.job.crew.failed(); err != nil {
		return err
	}
	if t.big {
		return w.writeBig(t)
	}
	var data []byte
	if data, w.read, err = t.data.bytes(w.read); err != nil {
		return err
	}
	if t.r == nil {
		return w.writeBatch(t, data)
	}
	switch {
	case t.pieces.Direct():
		return w.writeContent(t.r, data, t.off)
	}
	return w.writeDecoded(t, data)
}

// scratch returns n bytes that are valid until the next call.
func (w *worker) scratch(n int64) []byte {
	if int64(cap(w.buf)) < n {
		w.buf = make([]byte, max(n, 256<<10))
	}
	w.buf = w.buf[:cap(w.buf)]
	return w.buf[:n]
}

// copyBuffer returns copySize bytes that are valid until the next call: not those of scratch, which have what is being written.
func (w *worker) copyBuffer() []byte {
	if w.copy == nil {
		w.copy = make([]byte, copySize)
	}
	return w.copy
}

// readyMax is how many runs wait to be written together: those of tiny files take more memory than their contents.
const readyMax = 1024

// decoded is the content of a run that was decoded at once.
type decoded struct {
	r    *run
	data []byte
}

// writeBatch decodes runs, as many at a time as scratch holds, and writes them. Workers take turns in making the files of small runs: files of a batch
// mostly go to the same few directories, of which the system lets one caller at a time make names, and waiting for each other there at every
// file costs more than it gains.
func (w *worker) writeBatch(t task, data []byte) error {
	w.scratch(scratchSize)
	var ready []decoded
	used := int64(0)
	flush := func() error {
		w.job.crew.making.Lock()
		defer w.job.crew.making.Unlock()
		for _, d := range ready {
			if err := w.job.crew.failed(); err != nil { // a batch may have thousands of files
				return err
			}
			if err := w.writeContent(d.r, d.data, 0); err != nil {
				return err
			}
		}
		ready, used = ready[:0], 0
		return nil
	}
	for i := range w.job.plan.runs(t.first, t.end) {
		r := w.job.plan.newRun(i)
		part := data[r.Offset-t.base:][:r.StoredSize]
		if len(ready) >= readyMax {
			if err := flush(); err != nil {
				return err
			}
		}
		if r.Compression != wim.None {
			if used+r.Size > scratchSize {
				if err := flush(); err != nil {
					return err
				}
			}
			buf := w.buf[used : used+r.Size : used+r.Size]
			used += r.Size
			if err := w.decodeWhole(r, part, buf); err != nil {
				return err
			}
			part = buf
		}
		ready = append(ready, decoded{r, part})
	}
	return flush()
}

// decodeWhole decodes a run into dst, which has its size.
func (w *worker) decodeWhole(r *run, data, dst []byte) error {
	pt, known := r.Table()
	if !known {
		var err error
		at := r.PieceTableRange()
		if pt, err = wim.ParsePieceTable(r.Run, data[at.Offset:at.End()]); err != nil {
			return fmt.Errorf("read piece table of %s: %w", r.name(), err)
		}
	}
	return w.dec.decode(w.job, r, &pt, 0, pt.Count(), data, 0, dst)
}

// writeDecoded decodes pieces, some at a time, and writes them.
func (w *worker) writeDecoded(t task, data []byte) error {
	base := t.pieces.Piece(t.first).StoredOffset
	for i := t.first; i < t.end; {
		from := t.pieces.Piece(i).Offset
		j, size := i, int64(0)
		for ; j < t.end && (j == i || size+t.pieces.Piece(j).Size <= scratchSize); j++ {
			size += t.pieces.Piece(j).Size
		}
		buf := w.scratch(size)
		if err := w.dec.decode(w.job, t.r, t.pieces, i, j, data, base, buf); err != nil {
			return err
		}
		if err := w.writeContent(t.r, buf, from); err != nil {
			return err
		}
		i = j
	}
	return nil
}

// writeContent cuts content bytes of a run, from offset from on, into its resources.
func (w *worker) writeContent(r *run, data []byte, from int64) error {
	to := from + int64(len(data))
	for i, end := r.inContent(from, to); i < end; i++ {
		if !r.plan.todo(i) {
			continue
		}
		s := r.span(i)
		a, b := max(from, s.from), min(to, s.to)
		part := data[a-from : b-from]
		var err error
		if r.needsPart(i) {
			err = w.writePart(r.member(i), part, a-s.from)
		} else {
			err = w.writeAll(r.member(i), part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeAll checks a resource that is in memory, and writes it to all its files.
func (w *worker) writeAll(r *resource, data []byte) error {
	if err := w.job.checkSum(r, sha1.Sum(data)); err != nil {
		return err
	}
	first, end := w.job.plan.filesOf(r.index)
	for i := first; i < end; i++ {
		if err := w.makeFile(i, data); err != nil {
			return err
		}
	}
	if r.inWork() {
		if err := w.createSide(r, data); err != nil {
			return err
		}
	}
	return w.job.complete(r)
}

// makeFile makes a file of the image that is in memory, with its metadata.
func (w *worker) makeFile(i int, data []byte) error {
	f := &w.job.plan.files[i]
	name, d, err := w.job.plan.get(f.spot)
	if err != nil {
		return err
	}
	if w.job.keeper != nil {
		return w.makeKept(i, name, d, data)
	}
	if f.is(sparse) {
		return w.makeSparse(i, name, d, data)
	}
	if w.creator == nil {
		w.creator = vfs.NewCreator(w.job.fsys)
	}
	err = w.creator.Create(name, data, 0o666, fileTime(d.Accessed), fileTime(d.Modified))
	switch {
	case errors.Is(err, fs.ErrExist):
		return existsError(name, err)
	case err != nil:
		return fmt.Errorf("create %s: %w", name, err)
	}
	w.job.crew.madeFile(i, f)
	return w.job.finishMade(f, name, d)
}

// close gives up what the worker holds open.
func (w *worker) close() {
	if w.creator != nil {
		w.creator.Close()
	}
}

// createSide makes the file that keeps a resource in the work folder.
func (w *worker) createSide(r *resource, data []byte) error {
	path := r.sidePath()
	f, err := w.job.fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
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
		w.job.fsys.Remove(path)
		return fmt.Errorf("write %s: %w", path, err)
	}
	w.job.crew.madeSide(r.index)
	return nil
}

// writePart writes bytes of a resource to its part file, and completes the resource with its last ones.
func (w *worker) writePart(r *resource, data []byte, off int64) error {
	path := r.partPath()
	f, err := w.job.fsys.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("open part of %s: %w", r.path(), err)
	}
	defer f.Close()
	w.job.crew.changed(path, workName)
	if w.job.plan.sparse.has(r.index) {
		if err := f.Truncate(r.Size); err != nil {
			return fmt.Errorf("write %s: %w", r.path(), err)
		}
		f = sparseFile{f}
	}
	if err := r.write(f, data, off); err != nil {
		return err
	}
	if err := r.catchUp(f, w.copyBuffer()); err != nil {
		return err
	}
	if r.out().hashed < r.Size {
		return nil
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", r.path(), err)
	}
	return w.finishPart(r)
}

// fileAt is the part of vfs.File that a part file needs.
type fileAt interface {
	ReadAt(p []byte, off int64) (int, error)
	WriteAt(p []byte, off int64) (int, error)
}

// write writes content bytes and hashes them if they are the next ones.
func (r *resource) write(f fileAt, b []byte, off int64) error {
	if _, err := f.WriteAt(b, off); err != nil {
		return fmt.Errorf("write %s: %w", r.path(), err)
	}
	o := r.out()
	o.written.add(off, off+int64(len(b)))
	if o.hashed == off {
		o.sum.Write(b)
		o.hashed += int64(len(b))
	}
	return nil
}

// catchUp hashes what was written before what precedes it was there.
func (r *resource) catchUp(f fileAt, buf []byte) error {
	o := r.out()
	for end := o.written.prefix(); o.hashed < end; {
		n := min(end-o.hashed, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], o.hashed); err != nil {
			return fmt.Errorf("read back %s: %w", r.path(), err)
		}
		o.sum.Write(buf[:n])
		o.hashed += n
	}
	return nil
}

// finishPart checks a complete part file, copies it to all files of the resource but the first, and gives it that one's name.
func (w *worker) finishPart(r *resource) error {
	if err := w.job.checkSum(r, [sha1.Size]byte(r.out().sum.Sum(nil))); err != nil {
		w.job.crew.sync.RLock()
		defer w.job.crew.sync.RUnlock()
		return errors.Join(err, w.job.fsys.Remove(r.partPath()))
	}
	home := w.job.home(r)
	first, end := w.job.plan.filesOf(r.index)
	for i := first; i < end; i++ {
		f := &w.job.plan.files[i]
		if i == home && !f.is(squeezed) {
			continue
		}
		tmp := workName + "/copy-" + strconv.Itoa(r.index)
		if f.is(squeezed) {
			tmp = squeezedName + "/copy-" + strconv.Itoa(r.index)
		}
		if err := w.copyFile(r.partPath(), tmp, f.is(sparse)); err != nil {
			return fmt.Errorf("copy %s: %w", r.path(), err)
		}
		if err := w.place(tmp, i); err != nil {
			return err
		}
	}
	if err := w.finishHome(r, home); err != nil {
		return err
	}
	return w.job.complete(r)
}

// finishHome gives a part file its last name, or takes it away if all files are copies.
func (w *worker) finishHome(r *resource, home int) error {
	switch {
	case home < 0:
		defer w.job.crew.madeSide(r.index)
		return w.move(r.partPath(), r.sidePath())
	case !w.job.plan.files[home].is(squeezed):
		return w.place(r.partPath(), home)
	}
	w.job.crew.sync.RLock()
	defer w.job.crew.sync.RUnlock()
	w.job.crew.unchanged(r.partPath())
	return w.job.fsys.Remove(r.partPath())
}

// copyFile copies a file of the work folder to another one.
func (w *worker) copyFile(from, to string, sparse bool) (err error) {
	src, err := w.job.fsys.OpenFile(from, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := w.job.fsys.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if e := dst.Close(); err == nil {
			err = e
		}
	}()
	if sparse {
		info, err := src.Stat()
		if err != nil {
			return err
		}
		if err := dst.Truncate(info.Size()); err != nil {
			return err
		}
		dst = sparseFile{dst}
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, w.copyBuffer())
	return err
}

// place gives a complete file of the work folder its final name, and its metadata.
func (w *worker) place(from string, i int) error {
	f := &w.job.plan.files[i]
	name, d, err := w.job.plan.get(f.spot)
	if err != nil {
		return err
	}
	switch _, err := w.job.fsys.Lstat(name); {
	case err == nil:
		return existsError(name, fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("create %s: %w", name, err)
	}
	if err := w.move(from, name); err != nil {
		return err
	}
	w.job.crew.madeFile(i, f)
	return w.job.finishFile(f, name, d)
}

// move renames a file of the work folder, but not while it is being synced.
func (w *worker) move(from, to string) error {
	c := w.job.crew
	c.sync.RLock()
	defer c.sync.RUnlock()
	if err := w.job.fsys.Rename(from, to); err != nil {
		return fmt.Errorf("rename to %s: %w", to, err)
	}
	c.unchanged(from)
	c.changed(workName)
	return nil
}

func existsError(path string, err error) error {
	return fmt.Errorf("create %s: %w; names of the image may differ only in case, or something else writes to the target", path, err)
}
