package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// sweep takes away what the earlier run left that is not complete, and checks that what should be there is.
func (p *Plan) sweep(complete bitset) error {
	s := &sweeper{p: p, want: map[string]bool{}, seen: map[string]bool{}}
	for i := range p.tree.dirs {
		s.want[p.tree.dirs[i].path] = true
	}
	for i := range p.tree.files {
		f := &p.tree.files[i]
		for j, name := range f.paths {
			s.want[name] = j == 0 && f.res != noResource && complete.has(f.res)
		}
	}
	for i := range p.tree.symlinks {
		s.want[p.tree.symlinks[i].path] = false
	}
	if err := s.parts(); err != nil {
		return err
	}
	for i := range p.tree.dirs {
		if err := s.dir(p.tree.dirs[i].path); err != nil {
			return err
		}
	}
	for i, r := range p.tree.resources {
		if complete.has(i) && !s.whole(r) {
			r.done = false
			p.lose(r.run)
			for _, j := range r.files {
				if name := p.tree.files[j].paths[0]; s.seen[name] {
					if err := p.fsys.Remove(name); err != nil {
						return fmt.Errorf("remove %s: %w", name, err)
					}
					p.crew.changed(parent(name))
				}
			}
		}
	}
	return nil
}

// sweeper compares the target with what should be there.
type sweeper struct {
	p    *Plan
	want map[string]bool // names of the image; true: to be kept
	seen map[string]bool
}

// parts looks after the work folder: a part file that was renamed too late for the journal gets its old name back, and a resource
// whose part file is gone starts again.
func (s *sweeper) parts() error {
	p := s.p
	if err := p.fsys.Mkdir(workName, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory %s: %w", workName, err)
	}
	for _, r := range p.tree.resources {
		if r.out == nil || len(r.out.written) == 0 {
			continue
		}
		_, err := p.fsys.Lstat(r.partPath())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look for the part file of %s: %w", r.path, err)
		}
		if err != nil && !p.recoverPart(r) {
			p.lose(r.run)
		}
	}
	entries, err := p.fsys.ReadDir(workName)
	if err != nil {
		return fmt.Errorf("read %s: %w", workName, err)
	}
	keep := map[string]bool{spoolName: true}
	for _, r := range p.tree.resources {
		switch {
		case r.done && r.inWork():
			keep[r.sidePath()] = true
		case r.out != nil && len(r.out.written) > 0:
			keep[r.partPath()] = true
		}
	}
	for _, e := range entries {
		name := workName + "/" + e.Name()
		if s.seen[name] = true; keep[name] {
			continue
		}
		if err := p.fsys.RemoveAll(name); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

// recoverPart renames a part file back. What was written to it after the last commit may be missing, also at its end.
func (p *Plan) recoverPart(r *resource) bool {
	if p.tree.ntfs != nil && !p.tree.ntfs.whileOpen {
		return false // it may be read-only now
	}
	name := p.contentPath(r)
	held := r.out.written[len(r.out.written)-1].to
	if info, err := p.fsys.Lstat(name); err != nil || !info.Mode().IsRegular() || info.Size() < held || info.Size() > r.Size {
		return false
	}
	p.crew.changed(parent(name), workName)
	return p.fsys.Rename(name, r.partPath()) == nil
}

// dir takes away what is in a directory and not to be kept.
func (s *sweeper) dir(name string) error {
	entries, err := s.p.fsys.ReadDir(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for _, e := range entries {
		full := path.Join(name, e.Name())
		if full == markerName || full == workName || ignored(name, e) {
			continue
		}
		keep, ours := s.want[full]
		if !ours {
			return fmt.Errorf("go on with the target: it holds %s, which is not of this image: %w; take it away", full, ErrNotEmpty)
		}
		if s.seen[full] = true; keep {
			continue
		}
		if err := s.p.fsys.Remove(full); err != nil {
			return fmt.Errorf("remove %s: %w", full, err)
		}
		delete(s.seen, full)
		s.p.crew.changed(name)
	}
	return nil
}

// whole reports whether every file of a complete resource is there.
func (s *sweeper) whole(r *resource) bool {
	for _, i := range r.files {
		if !s.seen[s.p.tree.files[i].paths[0]] {
			return false
		}
	}
	return !r.inWork() || s.seen[r.sidePath()]
}
