package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// maxJournal bounds what is read of a journal in bytes.
const maxJournal = 1 << 30

// parent returns a path's directory.
func parent(name string) string { return path.Dir(name) }

// squeezedName is the folder in which files are created that are to be compressed.
const squeezedName = workName + "/compressed"

func partPath(res int) string { return workName + "/part-" + strconv.Itoa(res) }
func sidePath(res int) string { return workName + "/side-" + strconv.Itoa(res) }

func (r *resource) partPath() string { return partPath(r.index) }
func (r *resource) sidePath() string { return sidePath(r.index) }

// contentPath is where a complete resource can be read.
func (j *Job) contentPath(r *resource) (string, error) {
	if i := j.home(r); i >= 0 {
		return j.plan.path(j.plan.files[i].spot)
	}
	return r.sidePath(), nil
}

// openContent opens a complete resource.
func (j *Job) openContent(r *resource) (vfs.File, error) {
	name, err := j.contentPath(r)
	if err != nil {
		return nil, err
	}
	f, err := j.fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.path(), err)
	}
	return f, nil
}

// home returns the index of the file that gets a resource's part file, or -1 if the work folder keeps that.
func (j *Job) home(r *resource) int {
	if r.inWork() {
		return -1
	}
	first, end := j.plan.filesOf(r.index)
	for i := first; i < end; i++ {
		if !j.plan.files[i].is(squeezed) {
			return i
		}
	}
	return first
}

// inWork reports whether a complete resource is in the work folder.
func (r *resource) inWork() bool { return r.run.plan.inWork(r.index) }

func (p *plan) inWork(res int) bool {
	first, end := p.filesOf(res)
	return first == end || p.aside.has(res)
}

// openTarget takes an empty target, or goes on with an unfinished one.
func (j *Job) openTarget() error {
	marked, err := j.inspect()
	if err != nil {
		return err
	}
	if j.lock, err = j.fsys.Lock(markerName); err != nil {
		if errors.Is(err, vfs.ErrLocked) {
			return fmt.Errorf("apply to the target: another apply is writing there: %w", err)
		}
		return fmt.Errorf("mark target as incomplete: %w", err)
	}
	f, err := j.fsys.OpenFile(markerName, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	j.journal.file = f
	if marked {
		resumed, err := j.resume()
		if err != nil || resumed {
			return err
		}
	}
	return j.fresh()
}

// Vacant fails, with ErrNotEmpty, for a target that New would refuse: one that holds anything and is not marked as unfinished.
func Vacant(target vfs.FS) (begun bool, err error) {
	return (&Job{fsys: target}).inspect()
}

// inspect reports whether the target is marked as incomplete, and refuses it if it is not and holds anything.
func (j *Job) inspect() (marked bool, err error) {
	entries, err := j.fsys.ReadDir(".")
	if err != nil {
		return false, fmt.Errorf("read target: %w", err)
	}
	other := ""
	for _, e := range entries {
		switch {
		case e.Name() == markerName:
			marked = true
		case e.Name() == workName || ignored(".", e):
		default:
			other = e.Name()
		}
	}
	if other != "" && !marked {
		return false, fmt.Errorf("apply to the target: it holds %s: %w; empty it or name another directory", other, ErrNotEmpty)
	}
	return marked, nil
}

// ignored reports whether an entry is one that a new file system comes with.
func ignored(dir string, e fs.DirEntry) bool {
	return dir == "." && e.IsDir() && (e.Name() == "lost+found" || e.Name() == "System Volume Information")
}

// fresh marks an empty target and makes what needs no contents.
func (j *Job) fresh() error {
	if err := j.journal.file.Truncate(0); err != nil {
		return fmt.Errorf("write journal %s: %w", markerName, err)
	}
	if err := j.fsys.RemoveAll(workName); err != nil {
		return fmt.Errorf("remove %s: %w", workName, err)
	}
	h := j.id.header()
	if _, err := j.journal.file.WriteAt(h, 0); err != nil {
		return fmt.Errorf("write journal %s: %w", markerName, err)
	}
	j.journal.size, j.journal.crc = int64(len(h)), headerSum(h)
	if err := j.fsys.SyncAll([]string{markerName, "."}); err != nil {
		return fmt.Errorf("mark target as incomplete: %w", err)
	}
	return j.makeDirs()
}

// makeDirs makes the work folder, the directories, and the files that are empty.
func (j *Job) makeDirs() error {
	c := j.crew
	if err := j.uncompress("."); err != nil {
		return err
	}
	for _, s := range j.plan.dirs {
		name, err := j.plan.path(s)
		if err != nil {
			return err
		}
		if name == "." {
			name = workName
		}
		if err := j.fsys.Mkdir(name, 0o777); err != nil {
			if info, e := j.fsys.Lstat(name); !errors.Is(err, fs.ErrExist) || e != nil || !info.IsDir() {
				return fmt.Errorf("make directory %s: %w", name, err)
			}
			if err := j.uncompress(name); err != nil { // it may have got its own attributes already
				return err
			}
		}
		c.changedDir(int(max(s.dir, 0)))
	}
	if err := j.makeSqueezed(); err != nil {
		return err
	}
	w := &worker{job: j}
	defer w.close()
	for i := range j.plan.files {
		if j.plan.files[i].res() != noResource {
			break
		}
		if err := w.makeFile(i, nil); err != nil {
			return err
		}
	}
	return nil
}

// uncompress makes a directory whose files would inherit compression one whose files do not. Its own attributes come at the end.
func (j *Job) uncompress(dir string) error {
	if j.keeper == nil || !j.plan.ntfs.inherited || j.cfg.NoAttributes {
		return nil
	}
	return j.keep(dir, nil, &metadata{attributes: wim.AttrDirectory})
}

// makeSqueezed makes the folder in which files are created that are to be compressed.
func (j *Job) makeSqueezed() error {
	if !j.plan.squeezed {
		return nil
	}
	if err := j.fsys.Mkdir(squeezedName, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory %s: %w", squeezedName, err)
	}
	j.crew.changed(workName)
	return j.keep(squeezedName, nil, &metadata{attributes: wim.AttrDirectory | attrCompressed})
}

// checkSum compares a resource's SHA-1.
func (j *Job) checkSum(r *resource, sum wim.SHA1) error {
	if sum != r.Hash && j.cfg.Recover {
		first, end := j.plan.filesOf(r.index)
		j.lostMu.Lock()
		j.lostNow.Damaged += max(1, end-first)
		j.lostMu.Unlock()
		j.event(Damaged{r.path()})
		return nil
	}
	if sum != r.Hash {
		return fmt.Errorf("check %s: SHA-1 is %s, the image says %s: %w", r.path(), sum, r.Hash, wim.ErrHash)
	}
	return nil
}
