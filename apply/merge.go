package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// merger applies to a stage, a folder in the target, and moves what is in it to its place.
type merger struct {
	into    vfs.FS
	stage   vfs.FS
	name    string          // of the stage
	moves   []string        // names that are to be moved
	merged  []string        // directories that were there, parents first; "." is the target itself
	touched map[string]bool // directories whose entries change
	last    func() error    // gives the target's root its times; nil: it keeps its own
}

// openMerger opens a folder in dir as the stage.
func openMerger(into vfs.FS, dir, name string) (*merger, error) {
	full := filepath.Join(dir, name)
	if info, err := into.Lstat(name); err != nil || !info.IsDir() {
		return nil, errors.Join(fmt.Errorf("open %s: it is no folder", full), err)
	}
	stage, err := vfs.OS(full)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", full, err)
	}
	return &merger{into: into, stage: stage, name: name, touched: map[string]bool{}}, nil
}

// run applies an image, or opts.part of one. It leaves the stage with nothing but the journal in it.
func (m *merger) run(ctx context.Context, wf *wim.File, image int, opts FileOptions) (Report, error) {
	if opts.part == nil {
		img, err := wf.Image(image)
		if err != nil {
			return Report{}, err
		}
		opts.part = img
	}
	if err := m.look(opts.part.Root, "."); err != nil {
		return Report{}, err
	}
	opts.place = m.place
	return File(ctx, wf, image, m.stage, opts)
}

// end takes the stage away after an apply that ended with err.
func (m *merger) end(err error) error {
	if e := m.stage.Close(); err == nil {
		err = e
	}
	if e := m.into.RemoveAll(m.name); e != nil {
		return errors.Join(err, fmt.Errorf("remove %s: %w", m.name, e))
	}
	if err != nil || m.last == nil {
		return err
	}
	if err := m.last(); err != nil {
		return err
	}
	if err := m.into.SyncDir("."); err != nil {
		return fmt.Errorf("sync target: %w", err)
	}
	return nil
}

// look refuses what plan would refuse, as far as the image tells it, before anything is written.
func (m *merger) look(dir *wim.Dentry, at string) error {
	for _, d := range dir.Children {
		name := path.Join(at, d.Name)
		info, err := m.into.Lstat(name)
		if err != nil || d.IsReparse() { // what is wrong with it is told when it is made
			continue
		}
		if info.IsDir() != d.IsDir() {
			return inTheWay(name)
		}
		if d.IsDir() {
			if err := m.look(d, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func inTheWay(name string) error {
	return fmt.Errorf("write %s: %w; nothing was changed", name, ErrInTheWay)
}

// place is the last step of a plan that has the stage as its target: everything is in the stage and durable, and the journal says so.
func (m *merger) place(ctx context.Context, p *Plan) error {
	if err := m.plan("."); err != nil { // nothing is moved unless everything can be
		return err
	}
	p.fsys = m.into
	var err error
	if p.keeper, err = keeperOf(p.fsys); err != nil {
		return err
	}
	for _, name := range m.moves {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.rename(path.Join(m.name, name), name); err != nil {
			return fmt.Errorf("move %s to its place: %w", name, err)
		}
		m.touched[parent(name)] = true
	}
	if err := m.mergeDirs(p); err != nil {
		return err
	}
	names := make([]string, 0, len(m.touched))
	for name := range m.touched {
		names = append(names, name)
	}
	slices.Sort(names)
	if err := m.into.SyncAll(names); err != nil {
		return fmt.Errorf("sync target: %w", err)
	}
	p.spool.close()
	return m.clear()
}

// rename moves something that is complete.
func (p *Plan) rename(from, to string) error {
	if p.keeper == nil {
		return p.fsys.Rename(from, to)
	}
	lost, err := p.keeper.rename(p.fsys, from, to)
	p.countLost(lost)
	return err
}

// plan lists what is to be moved of a directory that is in the target already.
func (m *merger) plan(dir string) error {
	m.merged = append(m.merged, dir)
	entries, err := m.into.ReadDir(path.Join(m.name, dir))
	if err != nil {
		return fmt.Errorf("read %s: %w", path.Join(m.name, dir), err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if name == markerName || name == workName {
			continue
		}
		info, err := m.into.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			m.moves = append(m.moves, name)
		case err != nil:
			return fmt.Errorf("look at %s: %w", name, err)
		case info.IsDir() != e.IsDir():
			return inTheWay(name)
		case !info.IsDir():
			m.moves = append(m.moves, name)
		default:
			if err := m.plan(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergeDirs gives directories that were there what those of the image have, the deepest first, but for names and named streams.
func (m *merger) mergeDirs(p *Plan) error {
	dirs := make(map[string]*wim.Dentry, len(p.tree.dirs))
	for _, d := range p.tree.dirs {
		dirs[d.path] = d.d
	}
	merged := make(map[string]bool, len(m.merged))
	for _, name := range slices.Backward(m.merged) {
		merged[name] = true
		d := dirs[name]
		if d == nil || d.Accessed == 0 && d.Modified == 0 { // the root of a part, which nobody picked
			continue
		}
		if err := p.mergeDir(name, d); err != nil {
			return err
		}
		m.touched[name] = true
		if name == "." {
			m.last = p.setRootTimes
		}
	}
	for _, s := range p.tree.streams {
		if merged[s.path] {
			p.tree.report.Lost.NamedStreams++
		}
	}
	return nil
}

func (p *Plan) mergeDir(name string, d *wim.Dentry) error {
	if p.keeper != nil {
		meta := p.metadataOf(d)
		meta.short, meta.objectID = "", nil // it keeps its own
		return p.keep(name, nil, meta)
	}
	if x, ok := p.fsys.(vfs.Xattrs); ok && p.tree.kept {
		if err := p.dentryXattrs(x, name, d); err != nil {
			return err
		}
	}
	if err := p.own(name, d); err != nil {
		return err
	}
	return p.setTimes(name, d)
}

// clear takes away what is in the stage but for the journal, without which a restart would not know what the rest is.
func (m *merger) clear() error {
	entries, err := m.stage.ReadDir(".")
	if err != nil {
		return fmt.Errorf("read %s: %w", m.name, err)
	}
	for _, e := range entries {
		if e.Name() == markerName {
			continue
		}
		if err := m.stage.RemoveAll(e.Name()); err != nil {
			return fmt.Errorf("remove %s: %w", e.Name(), err)
		}
	}
	return nil
}
