package edit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// handle is a WIM file that is being changed: open for reading and writing, and locked.
type handle struct {
	path string // of the file itself, where the one that was given is a symbolic link
	f    *os.File
	info fs.FileInfo
	*wim.File
}

// openHandle opens and locks the WIM file at path. The error is vfs.ErrLocked where another change is going on.
func openHandle(path string) (*handle, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("open WIM: %w", err)
	}
	for {
		h, stale, err := tryHandle(real)
		if err != nil {
			return nil, fmt.Errorf("open WIM %s: %w", path, err)
		}
		if !stale {
			return h, nil
		}
	}
}

// tryHandle opens and locks the file; stale says that another change put a new one in its place before it was locked.
func tryHandle(path string) (h *handle, stale bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if err != nil || stale {
			f.Close()
		}
	}()
	h = &handle{path: path, f: f}
	if h.info, err = f.Stat(); err != nil {
		return nil, false, err
	}
	if !h.info.Mode().IsRegular() {
		return nil, false, errors.New("not a regular file")
	}
	if err := vfs.LockFile(f); err != nil {
		return nil, false, err
	}
	now, err := os.Stat(path)
	if err != nil {
		return nil, false, err
	}
	if !os.SameFile(now, h.info) {
		return nil, true, nil
	}
	h.info = now // its size may have changed before the lock
	if h.File, err = wim.Open(f, now.Size()); err != nil {
		return nil, false, err
	}
	return h, false, changeable(h.File)
}

// changeable refuses files that cannot be changed by themselves.
func changeable(f *wim.File) error {
	switch h := f.Header; {
	case h.Parts > 1:
		return fmt.Errorf("it is part %d of %d of a split set; join the set first: %w", h.Part, h.Parts, ErrReadOnly)
	case h.Flags&wim.FlagReadOnly != 0:
		return fmt.Errorf("its header says so: %w", ErrReadOnly)
	}
	return nil
}

// ErrReadOnly says that a WIM file may not be changed.
var ErrReadOnly = errors.New("this WIM file is not to be changed")

// close closes the file and gives up the lock.
func (h *handle) close() error { return h.f.Close() }

// rebuild puts a new file in the place of h's, which fn writes. The old one stays where it fails.
func (h *handle) rebuild(ctx context.Context, opts Options, s Storage, fn writes) (wim.WriterStats, error) {
	pipes, err := opts.pipes(h.Header, s)
	if err != nil {
		return wim.WriterStats{}, err
	}
	p, stats, err := writeTemp(ctx, h.path, h.info, pipes, fn)
	if err != nil {
		return stats, err
	}
	if !renamesOpen {
		h.f.Close() // a file that is open keeps its name
	}
	return stats, p.take(true)
}

// writes writes a WIM file to an empty one.
type writes func(f *os.File) (wim.WriterStats, error)

// writeNew writes a file that gets its name when it is complete and on disk, and replaces the file old describes; where old is nil there must
// be none.
func writeNew(ctx context.Context, path string, old fs.FileInfo, pipes bool, fn writes) (wim.WriterStats, error) {
	p, stats, err := writeTemp(ctx, path, old, pipes, fn)
	if err != nil {
		return stats, err
	}
	return stats, p.take(old != nil)
}

// pending is a file that is complete and on disk, but has not got its name.
type pending struct {
	temp, path string
}

// Create writes the file at path, a pipable one if pipes is set. A file that is there is replaced, when the new one is complete and on disk, and
// gives it its mode and owner; where path is a symbolic link, that stays and what it leads to is written.
func Create(ctx context.Context, path string, pipes bool, write func(f *os.File) (wim.WriterStats, error)) (wim.WriterStats, error) {
	p, stats, err := writeTemp(ctx, path, there(path), pipes, write)
	if err != nil {
		return stats, err
	}
	return stats, p.take(true)
}

// there describes the file at path; nil where there is none to take mode and owner from.
func there(path string) fs.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}

// tempTries bounds how many files that interrupted runs have left are passed over.
const tempTries = 1000

// newTemp makes an empty file beside path, with the mode that any new file gets: os.CreateTemp makes secret ones, and what the umask is nobody can
// ask without changing it.
func newTemp(path string) (f *os.File, err error) {
	for n := range tempTries {
		name := fmt.Sprintf(".%s.part-%d-%d", filepath.Base(path), os.Getpid(), n)
		f, err = os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return f, err
}

// writeTemp writes a file beside the one that path leads to, with mode and owner of the file that old describes, if any; a pipable one if pipes is set.
func writeTemp(ctx context.Context, path string, old fs.FileInfo, pipes bool, fn writes) (p pending, stats wim.WriterStats, err error) {
	if path, err = vfs.Follow(path); err != nil {
		return p, stats, fmt.Errorf("create %s: %w", path, err)
	}
	f, err := newTemp(path)
	if err != nil {
		return p, stats, fmt.Errorf("create %s: %w", path, err)
	}
	p = pending{f.Name(), path}
	defer func() {
		if err != nil {
			f.Close()
			p.drop()
		}
	}()
	if pipes {
		stats, err = Pipe(ctx, f, filepath.Dir(path), fn)
	} else {
		stats, err = fn(f)
	}
	if err != nil {
		return p, stats, err
	}
	if old != nil {
		keepOwner(f, old)
		err = f.Chmod(old.Mode().Perm())
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return p, stats, fmt.Errorf("write %s: %w", path, err)
	}
	return p, stats, nil
}

// Pipe writes a pipable WIM file to w, which may be a pipe, from an ordinary one that write makes in a temporary file in dir; "" is the
// system's folder for those.
func Pipe(ctx context.Context, w io.Writer, dir string, write func(f *os.File) (wim.WriterStats, error)) (wim.WriterStats, error) {
	f, err := os.CreateTemp(dir, ".wimcast-pipe-*")
	if err != nil {
		return wim.WriterStats{}, fmt.Errorf("make a temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil { // else when it is closed
		defer os.Remove(f.Name())
	}
	defer f.Close()
	stats, err := write(f)
	if err != nil {
		return stats, err
	}
	from, err := wim.Open(f, stats.Size)
	if err == nil {
		stats.Size, err = wim.Pipe(ctx, w, from)
	}
	return stats, err
}

// drop removes the file.
func (p pending) drop() { os.Remove(p.temp) }

// take gives the file its name, for good.
func (p pending) take(replace bool) error {
	if err := takeName(p.temp, p.path, replace); err != nil {
		p.drop()
		return fmt.Errorf("finish %s: %w", p.path, err)
	}
	return syncDir(filepath.Dir(p.path))
}

// batch is several files that get their names together.
type batch struct{ files []pending }

// add writes one of them.
func (b *batch) add(ctx context.Context, path string, pipes bool, fn writes) error {
	p, _, err := writeTemp(ctx, path, there(path), pipes, fn)
	if err == nil {
		b.files = append(b.files, p)
	}
	return err
}

// drop removes those that have not got their names.
func (b *batch) drop() {
	for _, p := range b.files {
		p.drop()
	}
}

// finish gives all their names, and replaces files that have them.
func (b *batch) finish() error {
	for len(b.files) > 0 {
		if err := b.files[0].take(true); err != nil {
			return err
		}
		b.files = b.files[1:]
	}
	return nil
}

// takeName gives a finished file its name. Where replace is not set nothing may have it yet.
func takeName(from, to string, replace bool) error {
	if replace {
		return os.Rename(from, to)
	}
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); err == nil { // a file system without hard links
		return fs.ErrExist
	}
	return os.Rename(from, to)
}

// appendTo lets fn write behind the end of h's file and then its header. Where it fails the file gets its old length; else what an earlier
// change may have left behind the new end is cut off.
func (h *handle) appendTo(fn func(w io.WriteSeeker) (wim.WriterStats, error)) (wim.WriterStats, error) {
	stats, err := fn(&ordered{File: h.f})
	if err != nil {
		if h.headerKept() {
			err = errors.Join(err, h.f.Truncate(h.info.Size()))
		}
		return stats, err
	}
	info, err := h.f.Stat()
	if err == nil && info.Size() > stats.Size {
		err = h.f.Truncate(stats.Size)
	}
	if err = errors.Join(err, h.f.Sync()); err != nil {
		return stats, fmt.Errorf("write %s: %w", h.path, err)
	}
	return stats, nil
}

// ordered is a file whose header is not overwritten before all else is on disk: a machine that crashes must not leave a header that tells of
// bytes that are not there.
type ordered struct {
	*os.File
	synced bool
}

// Write implements io.Writer.
func (o *ordered) Write(b []byte) (int, error) {
	at, err := o.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if at < wim.HeaderSize && !o.synced {
		if err := o.Sync(); err != nil {
			return 0, err
		}
		o.synced = true
	}
	return o.File.Write(b)
}

// headerKept reports whether the file on disk still starts with the header that was read, so that what is behind its old end is not needed.
func (h *handle) headerKept() bool {
	now, err := wim.Open(h.f, h.info.Size())
	return err == nil && now.Header == h.Header
}
