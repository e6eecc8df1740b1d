package apply

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// sweep takes away what the earlier run left that is not complete, and checks that what should be there is.
func (j *Job) sweep(complete bitset) error {
	n := j.plan.img.Places()
	s := &sweeper{job: j, ours: newBitset(n), keep: newBitset(n), seen: newBitset(n), sides: newBitset(j.plan.count())}
	for _, d := range j.plan.dirs {
		s.ours.set(int(d.at))
		s.keep.set(int(d.at))
	}
	for i := range j.plan.files {
		f := &j.plan.files[i]
		if s.ours.set(int(f.at)); f.res() != noResource && complete.has(int(f.res())) {
			s.keep.set(int(f.at))
		}
	}
	for i := range j.plan.links {
		s.ours.set(int(j.plan.links[i].at))
	}
	for i := range j.plan.specials {
		s.ours.set(int(j.plan.specials[i].at))
	}
	for i := range j.plan.symlinks {
		s.ours.set(int(j.plan.symlinks[i].at))
	}
	if err := s.parts(); err != nil {
		return err
	}
	for i := range j.plan.dirs {
		if err := s.dir(i); err != nil {
			return err
		}
	}
	for i := range complete.each() {
		if s.whole(i) {
			continue
		}
		j.plan.done.clear(i)
		j.lose(j.run(j.plan.runOf(i)))
		first, end := j.plan.filesOf(i)
		for _, f := range j.plan.files[first:end] {
			if !s.seen.has(int(f.at)) {
				continue
			}
			name, err := j.plan.path(f.spot)
			if err != nil {
				return err
			}
			if err := j.fsys.Remove(name); err != nil {
				return fmt.Errorf("remove %s: %w", name, err)
			}
			j.crew.changedDir(int(f.dir))
		}
	}
	return nil
}

// sweeper compares the target with what should be there. Its sets are of the places of dentries, but for sides.
type sweeper struct {
	job   *Job
	ours  bitset // of the image
	keep  bitset // of these, what is to be kept
	seen  bitset // of these, what is there
	sides bitset // resources that are in the work folder
}

// parts looks after the work folder: a part file that was renamed too late for the journal gets its old name back, and a resource
// whose part file is gone starts again.
func (s *sweeper) parts() error {
	j := s.job
	if err := j.fsys.Mkdir(workName, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory %s: %w", workName, err)
	}
	for _, i := range slices.Sorted(maps.Keys(j.open)) {
		r := j.open[i]
		for _, res := range slices.Sorted(maps.Keys(r.outs)) {
			if len(r.outs[res].written) == 0 {
				continue
			}
			m := r.member(res)
			_, err := j.fsys.Lstat(m.partPath())
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("look for the part file of %s: %w", m.path(), err)
			}
			if err != nil && !j.recoverPart(m) {
				j.lose(r)
				break
			}
		}
	}
	entries, err := j.fsys.ReadDir(workName)
	if err != nil {
		return fmt.Errorf("read %s: %w", workName, err)
	}
	for _, e := range entries {
		if s.keeps(e.Name()) {
			continue
		}
		name := workName + "/" + e.Name()
		if err := j.fsys.RemoveAll(name); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

// keeps reports whether something in the work folder is to be kept, and notes it.
func (s *sweeper) keeps(name string) bool {
	t := s.job.plan
	full := workName + "/" + name
	_, number, _ := strings.Cut(name, "-")
	res, err := strconv.Atoi(number)
	switch {
	case full == spoolName:
		return true
	case err != nil || res < 0 || res >= t.count():
		return false
	case full == sidePath(res):
		if t.done.has(res) && t.inWork(res) {
			s.sides.set(res)
			return true
		}
	case full == partPath(res):
		r := s.job.open[t.runOf(res)]
		return r != nil && r.outs[res] != nil && len(r.outs[res].written) > 0
	}
	return false
}

// recoverPart renames a part file back. What was written to it after the last commit may be missing, also at its end.
func (j *Job) recoverPart(r *resource) bool {
	if j.plan.ntfs != nil && !j.plan.ntfs.whileOpen {
		return false // it may be read-only now
	}
	name, err := j.contentPath(r)
	if err != nil {
		return false
	}
	written := r.out().written
	held := written[len(written)-1].to
	if info, err := j.fsys.Lstat(name); err != nil || !info.Mode().IsRegular() || info.Size() < held || info.Size() > r.Size {
		return false
	}
	j.crew.changed(parent(name), workName)
	return j.fsys.Rename(name, r.partPath()) == nil
}

// dir takes away what is in a directory and not to be kept.
func (s *sweeper) dir(i int) error {
	j := s.job
	in := j.plan.dirs[i]
	name, err := j.plan.path(in)
	if err != nil {
		return err
	}
	entries, err := j.fsys.ReadDir(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	names, err := s.names(in.at)
	if err != nil {
		return err
	}
	for _, e := range entries {
		full := path.Join(name, e.Name())
		if full == markerName || full == workName || ignored(name, e) {
			continue
		}
		at, ours, err := names.find(e.Name())
		if err != nil {
			return err
		}
		if !ours {
			return fmt.Errorf("go on with the target: it holds %s, which is not of this image: %w; take it away", full, ErrNotEmpty)
		}
		if s.keep.has(int(at)) {
			s.seen.set(int(at))
			continue
		}
		if err := j.fsys.Remove(full); err != nil {
			return fmt.Errorf("remove %s: %w", full, err)
		}
		j.crew.changedDir(i)
	}
	return nil
}

// dirNames finds the entries of a directory of the image by name. It keeps hashes of names: a directory may have millions.
type dirNames struct {
	img  *wim.Tree
	seed maphash.Seed
	at   map[uint64]wim.At
}

// names returns those that the apply makes of a directory's entries.
func (s *sweeper) names(dir wim.At) (*dirNames, error) {
	n := &dirNames{img: s.job.plan.img, seed: maphash.MakeSeed(), at: map[uint64]wim.At{}}
	err := n.img.Children(dir, nil, func(d *wim.Dentry, at wim.At) error {
		if s.ours.has(int(at)) {
			n.at[maphash.String(n.seed, d.Name)] = at
		}
		return nil
	})
	return n, err
}

func (n *dirNames) find(name string) (wim.At, bool, error) {
	at, ok := n.at[maphash.String(n.seed, name)]
	if !ok {
		return 0, false, nil
	}
	d, err := n.img.Dentry(at)
	return at, err == nil && d.Name == name, err
}

// whole reports whether every file of a complete resource is there.
func (s *sweeper) whole(res int) bool {
	first, end := s.job.plan.filesOf(res)
	for _, f := range s.job.plan.files[first:end] {
		if !s.seen.has(int(f.at)) {
			return false
		}
	}
	return !s.job.plan.inWork(res) || s.sides.has(res)
}
