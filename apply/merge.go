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
	closed  map[wim.At]bool // directories of the image in which their owner may not write
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
	return &merger{into: into, stage: stage, name: name, touched: map[string]bool{}, closed: map[wim.At]bool{}}, nil
}

// run applies an image, or opts.part of one. It leaves the stage with nothing but the journal in it.
func (m *merger) run(ctx context.Context, wf *wim.File, image int, opts FileOptions) (Report, error) {
	var tree *wim.Tree
	var err error
	if opts.part != nil {
		tree, err = opts.part.Tree()
	} else {
		tree, err = wf.Tree(image)
	}
	if err == nil {
		err = m.look(tree)
	}
	if err != nil {
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
func (m *merger) look(tree *wim.Tree) error {
	there := false // the directory that is read is one of the target too
	dir := func(d *wim.Dentry, _ wim.At) error {
		info, err := m.into.Lstat(path.Join(".", d.Path()))
		there = err == nil && info.IsDir()
		return nil // what is wrong with it is told when it is made
	}
	entry := func(d *wim.Dentry, _ wim.At) error {
		if !there || d.IsReparse() {
			return nil
		}
		if info, err := m.into.Lstat(d.Path()); err == nil && info.IsDir() != d.IsDir() {
			return inTheWay(d.Path())
		}
		return nil
	}
	return tree.Walk(nil, dir, entry)
}

func inTheWay(name string) error {
	return fmt.Errorf("write %s: %w; nothing was changed", name, ErrInTheWay)
}

// place is the last step of a plan that has the stage as its target: everything is in the stage and durable, and the journal says so.
func (m *merger) place(ctx context.Context, j *Job) error {
	if err := m.plan("."); err != nil { // nothing is moved unless everything can be
		return err
	}
	if err := m.openClosed(j); err != nil {
		return err
	}
	for _, name := range m.moves {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.into.Rename(path.Join(m.name, name), name); err != nil {
			return fmt.Errorf("move %s to its place: %w", name, err)
		}
		m.touched[parent(name)] = true
	}
	j.fsys = m.into
	if err := m.mergeDirs(j); err != nil {
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
	j.spool.close()
	return m.clear()
}

// openClosed lets the user write in directories of the stage that get modes which do not: else neither they nor what is in them can be moved.
func (m *merger) openClosed(j *Job) error {
	if j.keeper != nil || j.cfg.NoUnix {
		return nil
	}
	for _, spot := range j.plan.dirs {
		name, d, err := j.plan.get(spot)
		if err != nil {
			return err
		}
		ud, ok := d.Unix()
		if !ok || ud.Mode&modeOpen == modeOpen {
			continue
		}
		m.closed[spot.at] = true
		if err := j.fsys.Chmod(name, modeOpen); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("open %s: %w", name, err) // what is not there was moved by an earlier run
		}
	}
	return nil
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

// mergeDirs gives directories that were there what those of the image have, the deepest first, but for named streams.
func (m *merger) mergeDirs(j *Job) (err error) {
	if j.keeper, err = keeperOf(j.fsys); err != nil {
		return err
	}
	merged := make(map[string]bool, len(m.merged))
	for _, name := range m.merged {
		merged[name] = true
	}
	if j.keeper != nil {
		if err := m.keepAgain(j, merged); err != nil {
			return err
		}
	}
	for _, spot := range slices.Backward(j.plan.dirs) {
		name, d, err := j.plan.get(spot)
		if err != nil {
			return err
		}
		if m.closed[spot.at] && !merged[name] {
			if err := j.mergeDir(name, d, spot.at); err != nil {
				return err
			}
		}
		if !merged[name] || d.Accessed == 0 && d.Modified == 0 { // the root of a part, which nobody picked
			continue
		}
		if err := j.mergeDir(name, d, spot.at); err != nil {
			return err
		}
		m.touched[name] = true
		if name == "." {
			m.last = j.setRootTimes
		}
	}
	for _, s := range j.plan.streams {
		name, err := j.plan.path(s.spot)
		if err != nil {
			return err
		}
		if merged[name] {
			j.report.Lost.NamedStreams++
		}
	}
	return nil
}

func (j *Job) mergeDir(name string, d *wim.Dentry, at wim.At) error {
	if j.keeper != nil {
		return j.keepAll(name, d, at)
	}
	if x, ok := j.fsys.(vfs.Xattrs); ok && j.plan.kept {
		if err := j.dentryXattrs(x, name, d); err != nil {
			return err
		}
	}
	if err := j.own(name, d); err != nil {
		return err
	}
	return j.setTimes(name, d)
}

// keepAgain gives what was moved its metadata once more: a rename takes short names away, and an object ID is refused as long as another file
// has it, which was replaced only now.
func (m *merger) keepAgain(j *Job, merged map[string]bool) error {
	moved := make(map[string]bool, len(m.moves))
	for _, name := range m.moves {
		moved[name] = true
	}
	j.lostNow.ShortNames, j.lostNow.ObjectIDs = 0, 0
	again := func(s spot, linked bool) error {
		name, d, err := j.plan.get(s)
		if err != nil || merged[name] {
			return err
		}
		if linked && moved[name] && j.plan.shortName(d, s.at) != "" { // cannot be had back while it has several names
			j.lostNow.ShortNames++
		}
		return j.keepAll(name, d, s.at)
	}
	for _, f := range j.plan.files {
		if err := again(f.spot, f.is(linked)); err != nil {
			return err
		}
	}
	for _, l := range j.plan.symlinks {
		if err := again(l.spot, false); err != nil {
			return err
		}
	}
	for _, d := range slices.Backward(j.plan.dirs) {
		if err := again(d, false); err != nil {
			return err
		}
	}
	return nil
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
