package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// AssemblyConfig sets an Assembly's limits. The zero value is the default.
type AssemblyConfig struct {
	Replace    bool // Finish may replace a file that has the final name
	MaxPending int  // as in StoreConfig
}

// ErrNoFile says that what is to be replaced is no regular file.
var ErrNoFile = errors.New("not a regular file")

// Assembly is an output file that is put together from chunks as they come, and serves as the store of those it has. Until
// Finish it has the name .NAME.partial beside the final one; .NAME.journal says which chunks are durable, so that
// OpenAssembly with the same refs goes on after a crash. It is safe for concurrent use.
type Assembly struct {
	parts

	fs      vfs.FS
	partial string
	journal string
	replace bool
	renamed bool // it has its final name
}

// OpenAssembly begins, or goes on with, the file path made of refs, which it keeps. The folder must exist. What an earlier run
// left is verified chunk by chunk. The error is fs.ErrExist if path is there already (unless Replace), vfs.ErrLocked if another
// process is writing it.
//
// A file may be replaced, and nothing else: a link, pipe or device in its place is refused with ErrNoFile.
func OpenAssembly(fsys vfs.FS, name string, refs []chunk.Ref, cfg AssemblyConfig) (*Assembly, error) {
	dir, base := path.Split(name)
	a := &Assembly{fs: fsys, replace: cfg.Replace, partial: partialName(dir, base), journal: journalName(dir, base)}
	err := a.init(name, refs, cfg.MaxPending)
	if err == nil {
		err = a.open()
	}
	if err != nil {
		return nil, fmt.Errorf("open output file %s: %w", name, errors.Join(err, a.release()))
	}
	return a, nil
}

func (a *Assembly) open() (err error) {
	left, err := a.wasFinished()
	if err == nil && !left {
		err = a.vacant() // before anything is created
	}
	if err != nil {
		return err
	}
	if a.lock, err = a.fs.Lock(a.journal); err != nil {
		return err
	}
	if a.log, err = a.fs.OpenFile(a.journal, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return err
	}
	var listed []int
	ours, end, err := scanJournal(a.log, a.refs, func(i int) { listed = append(listed, i) })
	if err != nil {
		return err
	}
	if left, err = a.wasFinished(); err != nil {
		return err
	}
	if ours && left {
		if done, err := a.openFinished(); done || err != nil {
			return err
		}
	}
	if err := a.vacant(); err != nil {
		return err
	}
	return a.openPartial(ours, end, listed)
}

// openPartial begins the partial file, or goes on with it when the journal is ours. What is not written in it is a hole, so zeros
// need not be written.
func (a *Assembly) openPartial(ours bool, end int64, listed []int) error {
	file, err := a.fs.OpenFile(a.partial, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	a.file, a.name, a.zeros = file, a.partial, true
	if !ours {
		return a.begin(file)
	}
	a.logEnd = end
	if err := a.resize(file); err != nil {
		return err
	}
	return a.resume(listed)
}

// vacant fails if there is a file with the final name that must not be replaced.
func (a *Assembly) vacant() error {
	info, err := a.fs.Lstat(a.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !a.replace:
		return &fs.PathError{Op: "create", Path: a.path, Err: fs.ErrExist}
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "replace", Path: a.path, Err: ErrNoFile}
	}
	return nil
}

// Begun is how many bytes of disk the unfinished file has that OpenAssembly would go on with.
func Begun(fsys vfs.FS, name string) int64 {
	dir, base := path.Split(name)
	info, err := fsys.Lstat(partialName(dir, base))
	if _, jerr := fsys.Lstat(journalName(dir, base)); err != nil && jerr == nil { // it may have got its final name, and no further
		info, err = fsys.Lstat(name)
	}
	if err != nil {
		return 0
	}
	return vfs.Allocated(info)
}

func partialName(dir, base string) string { return dir + "." + base + ".partial" }
func journalName(dir, base string) string { return dir + "." + base + ".journal" }

func (a *Assembly) exists(name string) (bool, error) {
	_, err := a.fs.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// wasFinished reports whether an earlier run got as far as the final name and no further: the journal is there, the
// partial file is not.
func (a *Assembly) wasFinished() (bool, error) {
	final, err := a.exists(a.path)
	if err != nil || !final {
		return false, err
	}
	partial, err := a.exists(a.partial)
	if err != nil || partial {
		return false, err
	}
	return a.exists(a.journal)
}

// begin starts from nothing. The journal's head comes last, so that a journal that is ours once had its file beside it.
func (a *Assembly) begin(file vfs.File) error {
	if err := a.log.Truncate(0); err != nil {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	if err := a.resize(file); err != nil {
		return err
	}
	return a.beginLog()
}

// resize makes the partial file as long as the content, and its name durable.
func (a *Assembly) resize(file vfs.File) error {
	if err := file.Truncate(a.size()); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return a.fs.SyncDir(path.Dir(a.path))
}

// openFinished takes up a file that got its final name just before a crash, if that is what it is.
func (a *Assembly) openFinished() (done bool, err error) {
	file, err := a.fs.OpenFile(a.path, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	a.file, a.name, a.renamed = file, a.path, true
	for id := range a.where {
		good, err := a.verify(id)
		if err != nil {
			return false, err
		}
		if !good {
			clear(a.held)
			a.renamed = false
			err := a.file.Close()
			a.file = nil
			return false, err
		}
		a.held[id] = true
	}
	return true, a.finish()
}

// Finish syncs, gives the complete file its final name and removes the journal. It fails with ErrIncomplete if a chunk is missing,
// with fs.ErrExist if the name was taken meanwhile. After an error it can be called again.
func (a *Assembly) Finish() error {
	err := a.complete()
	if err == nil {
		a.group.commitMu.Lock()
		defer a.group.commitMu.Unlock()
		err = a.finish()
	}
	if err != nil {
		return fmt.Errorf("finish output file %s: %w", a.path, err)
	}
	return nil
}

// finish does each step that was not done yet. What it renames is durable: commit saw to it.
func (a *Assembly) finish() error {
	if a.lock == nil {
		return nil
	}
	if !a.renamed {
		if err := a.vacant(); err != nil {
			return err
		}
		if err := a.rename(); err != nil {
			return err
		}
	}
	dir := path.Dir(a.path)
	if err := a.fs.SyncDir(dir); err != nil {
		return err
	}
	if err := a.fs.Remove(a.journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := a.fs.SyncDir(dir); err != nil {
		return err
	}
	return a.releaseLog()
}

func (a *Assembly) rename() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fs.Rename(a.partial, a.path); err != nil {
		return err
	}
	a.name, a.renamed = a.path, true
	return nil
}
