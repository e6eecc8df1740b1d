package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// stageName begins the name of the folder in which an extract under way puts its files.
const stageName = ".wimcast-extract-"

// ErrInTheWay says that an extract would have to replace a directory by something else, or something else by a directory.
var ErrInTheWay = errors.New("something else has its name there")

// Extract writes a part of an image, as Select gives it, into a directory that may hold other things: files that are there by the same
// name are replaced, directories are merged. All of it is applied to a folder in dir first, checked, and moved to its place by renames when it is
// complete, so an extract that fails changes nothing but leaves, at the worst, that folder. Only needed pieces of the file are read.
func Extract(ctx context.Context, wf *wim.File, image int, part *wim.Image, dir string, opts FileOptions) (rep Report, err error) {
	into, err := vfs.OS(dir)
	if err != nil {
		return rep, fmt.Errorf("open directory %s: %w", dir, err)
	}
	defer into.Close()
	full, err := os.MkdirTemp(dir, stageName)
	if err != nil {
		return rep, fmt.Errorf("make a folder in %s: %w", dir, err)
	}
	m := &merger{fsys: into, stage: filepath.Base(full), dirs: map[string]*wim.Dentry{}, touched: map[string]bool{}}
	defer func() {
		if e := into.RemoveAll(m.stage); e != nil {
			err = errors.Join(err, fmt.Errorf("remove %s: %w", full, e))
		}
	}()
	stage, err := vfs.OS(full)
	if err != nil {
		return rep, fmt.Errorf("open %s: %w", full, err)
	}
	defer stage.Close()
	opts.part = part
	if rep, err = File(ctx, wf, image, stage, opts); err != nil {
		return rep, err
	}
	_ = part.Walk(func(d *wim.Dentry) error { // fn gives no error
		if d.IsDir() {
			m.dirs[d.Path()] = d
		}
		return nil
	})
	if m.keeper, err = keeperOf(into); err != nil {
		return rep, withHint(err)
	}
	err = m.merge(ctx)
	rep.Lost.add(m.lost)
	return rep, err
}

// merger moves what is in the stage to its place.
type merger struct {
	fsys    vfs.FS
	stage   string
	dirs    map[string]*wim.Dentry // of the image, by path
	moves   []string               // names that are to be moved
	merged  []string               // directories that were there, parents first; "" is the target itself
	touched map[string]bool        // directories whose entries change
	keeper  keeper                 // the target keeps what NTFS does; nil: it does not
	lost    Lost                   // what moving has lost
}

func (m *merger) merge(ctx context.Context) error {
	if err := m.plan(""); err != nil { // nothing is moved unless everything can be
		return err
	}
	for _, name := range m.moves {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.move(path.Join(m.stage, name), name); err != nil {
			return fmt.Errorf("move %s to its place: %w", name, err)
		}
		m.touched[parent(name)] = true
	}
	for _, name := range slices.Backward(m.merged) {
		d := m.dirs[name]
		if d == nil || d.Accessed == 0 && d.Modified == 0 {
			continue
		}
		if name == "" {
			name = "."
		}
		if err := m.fsys.Chtimes(name, fileTime(d.Accessed), fileTime(d.Modified)); err != nil {
			return fmt.Errorf("set times of %s: %w", name, err)
		}
		m.touched[name] = true
	}
	names := make([]string, 0, len(m.touched))
	for name := range m.touched {
		names = append(names, name)
	}
	slices.Sort(names)
	if err := m.fsys.SyncAll(names); err != nil {
		return fmt.Errorf("sync target: %w", err)
	}
	return nil
}

func (m *merger) move(from, to string) error {
	if m.keeper == nil {
		return m.fsys.Rename(from, to)
	}
	lost, err := m.keeper.rename(m.fsys, from, to)
	m.lost.add(lost)
	return err
}

// plan lists what is to be moved of a directory that is in the target already.
func (m *merger) plan(dir string) error {
	m.merged = append(m.merged, dir)
	entries, err := m.fsys.ReadDir(path.Join(m.stage, dir))
	if err != nil {
		return fmt.Errorf("read %s: %w", path.Join(m.stage, dir), err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		info, err := m.fsys.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			m.moves = append(m.moves, name)
		case err != nil:
			return fmt.Errorf("look at %s: %w", name, err)
		case info.IsDir() != e.IsDir():
			return fmt.Errorf("extract %s: %w; nothing was changed", name, ErrInTheWay)
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
