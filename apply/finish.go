package apply

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// takeDone returns the resources completed since the last call, ascending.
func (j *Job) takeDone() []int {
	c := j.crew
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.done.list()
	clear(c.done)
	return done
}

// complete notes that a resource is in all its files.
func (j *Job) complete(r *resource) error {
	if r.run.outs != nil {
		delete(r.run.outs, r.index)
	}
	j.crew.mu.Lock()
	defer j.crew.mu.Unlock()
	j.crew.done.set(r.index)
	return nil
}

// finishFile gives a file that has its contents what else can be set at once.
func (j *Job) finishFile(f *file, name string, d *wim.Dentry) error {
	if j.keeper == nil {
		if err := j.setTimes(name, d); err != nil {
			return err
		}
	}
	return j.finishMade(f, name, d)
}

// finishMade is finishFile of a file that has its times.
func (j *Job) finishMade(f *file, name string, d *wim.Dentry) error {
	if j.keeper != nil {
		if f.is(late) {
			return nil
		}
		if err := j.keepAll(name, d, f.at); err != nil {
			return err
		}
		j.event(Completed{name})
		return nil
	}
	if !j.plan.kept { // else Finish does it, once the xattrs are set: setting them needs the right to write
		if err := j.own(name, d); err != nil {
			return err
		}
	}
	j.event(Completed{name})
	return nil
}

// keepAll sets all that the target keeps of a dentry but reparse data, by its name.
func (j *Job) keepAll(name string, d *wim.Dentry, at wim.At) error {
	m, err := j.metadataOf(d, at)
	if err != nil {
		return err
	}
	return j.keep(name, nil, m)
}

func (j *Job) setTimes(name string, d *wim.Dentry) error {
	if d.Accessed == 0 && d.Modified == 0 {
		return nil
	}
	if err := j.fsys.Chtimes(name, fileTime(d.Accessed), fileTime(d.Modified)); err != nil {
		return fmt.Errorf("set times of %s: %w", name, err)
	}
	return nil
}

// fileTime returns t as a time, zero if it is not known.
func fileTime(t wim.Filetime) time.Time {
	if t == 0 {
		return time.Time{}
	}
	return t.Time()
}

// Finish commits, makes special files, hard links, symbolic links, xattrs and the directories' times, and takes the mark of incompleteness away.
// It may be called again after ErrIncomplete. The plan is closed when it succeeds.
func (j *Job) Finish(ctx context.Context) (Report, error) {
	if j.closed {
		return Report{}, j.crew.failed()
	}
	j.mu.Lock()
	missing := j.missing
	j.mu.Unlock()
	if missing > 0 {
		return Report{}, fmt.Errorf("finish: %w: %d", ErrIncomplete, missing)
	}
	last := j.unmark
	if j.cfg.place != nil {
		last = func(ctx context.Context) error { return j.cfg.place(ctx, j) }
	}
	steps := []func(context.Context) error{j.finishXattrs, j.finishSpecials, j.finishLinks, j.finishSymlinks, j.finishDirs, j.end, last}
	if j.keeper != nil {
		steps = []func(context.Context) error{j.finishStreams, j.finishLinks, j.finishPoints, j.finishDirs, j.end, last}
	}
	if j.ended {
		steps = steps[len(steps)-1:]
	} else if err := j.settle(); err != nil {
		return Report{}, err
	}
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return Report{}, j.crew.fail(err)
		}
		if err := step(ctx); err != nil {
			return Report{}, j.crew.fail(err)
		}
	}
	rep := j.report
	rep.SpoolPeak = j.spool.peak
	rep.Lost.Owners += int(j.unowned.Load())
	rep.Lost.Xattrs += int(j.refused.Load())
	rep.Lost.add(j.lostNow)
	j.tellLost(rep.Lost)
	return rep, j.Close()
}

// settle brings everything to files. Of a file that is here no one waits to hear what is held, so that one sync at the end does.
func (j *Job) settle() error {
	if j.source != nil {
		return j.crew.drain()
	}
	_, err := j.Commit()
	return err
}

// finishXattrs keeps in xattrs what a POSIX file system has no other place for, then sets owners and modes.
func (j *Job) finishXattrs(ctx context.Context) error {
	if !j.plan.kept {
		return nil
	}
	x, ok := j.fsys.(vfs.Xattrs)
	if !ok {
		return fmt.Errorf("keep xattrs: %w on this system", errors.ErrUnsupported)
	}
	for _, s := range j.plan.streams {
		data, err := j.content(s.res)
		if err != nil {
			return err
		}
		name, d, err := j.plan.get(s.spot)
		if err != nil {
			return err
		}
		if err := j.setXattr(x, name, xattrStream+d.Streams[s.n].Name, data); err != nil {
			return err
		}
	}
	for i := range j.plan.files {
		f := &j.plan.files[i]
		name, d, err := j.plan.get(f.spot)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if err := j.dentryXattrs(x, name, d); err != nil {
			return err
		}
		if err := j.own(name, d); err != nil {
			return err
		}
		j.crew.madeFile(i, f)
	}
	for _, s := range j.plan.dirs {
		name, d, err := j.plan.get(s)
		if err != nil {
			return err
		}
		if err := j.dentryXattrs(x, name, d); err != nil {
			return err
		}
	}
	return nil
}

// dentryXattrs keeps what a dentry says beside streams.
func (j *Job) dentryXattrs(x vfs.Xattrs, name string, d *wim.Dentry) error {
	if size, ok := j.plan.securityOf(d); ok && size <= vfs.MaxXattr {
		sd, err := j.plan.img.Security(int(d.SecurityID))
		if err != nil {
			return err
		}
		if err := j.setXattr(x, name, xattrSecurity, sd); err != nil {
			return err
		}
	}
	if posixAttributes(d) != 0 {
		if err := j.setXattr(x, name, xattrAttributes, binary.LittleEndian.AppendUint32(nil, d.Attributes)); err != nil {
			return err
		}
	}
	if d.ShortName != "" {
		if err := j.setXattr(x, name, xattrShortName, []byte(d.ShortName)); err != nil {
			return err
		}
	}
	if d.Created != 0 {
		return j.setXattr(x, name, xattrCreated, binary.LittleEndian.AppendUint64(nil, uint64(d.Created)))
	}
	return nil
}

// setXattr sets an xattr; one that the file system refuses is counted.
func (j *Job) setXattr(x vfs.Xattrs, name, attr string, data []byte) error {
	err := x.Lsetxattr(name, attr, data)
	if err == nil {
		return nil
	}
	if !xattrRefused(err) {
		return fmt.Errorf("set xattr %s of %s: %w", attr, name, err)
	}
	j.refused.Add(1)
	return nil
}

// content reads a resource that a symlink or xattr needs; it is small.
func (j *Job) content(res int32) ([]byte, error) {
	if res == noResource {
		return nil, nil
	}
	r := j.plan.resource(int(res))
	f, err := j.openContent(r)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, r.Size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("read %s: %w", r.path(), err)
	}
	return b, nil
}

// finishLinks makes the further names of files.
func (j *Job) finishLinks(ctx context.Context) error {
	for i := range j.plan.files {
		f := &j.plan.files[i]
		if !f.is(linked) {
			continue
		}
		first, err := j.plan.path(f.spot)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if err := j.makeLinks(first, f.at); err != nil {
			return err
		}
	}
	return nil
}

// makeLinks makes the further names of the file first, whose dentry is at.
func (j *Job) makeLinks(first string, at wim.At) error {
	for _, l := range j.plan.linksOf(at) {
		name, err := j.plan.path(l.spot)
		if err != nil {
			return err
		}
		if err := j.fsys.Link(first, name); err != nil {
			return fmt.Errorf("link %s to %s: %w", name, first, err)
		}
		j.crew.changedDir(int(l.dir))
	}
	return nil
}

// finishSymlinks makes the symbolic links. Nothing is created below a directory afterwards.
func (j *Job) finishSymlinks(ctx context.Context) error {
	for _, l := range j.plan.symlinks {
		data, err := j.content(l.res)
		if err != nil {
			return err
		}
		name, d, err := j.plan.get(l.spot)
		if err != nil {
			return err
		}
		target, err := wim.ParseSymlink(d.ReparseTag, data)
		if err != nil {
			return fmt.Errorf("read link %s: %w", name, err)
		}
		switch {
		case target.Relative:
		case j.cfg.LinkRoot != "" && d.ReparseFlags&reparseNotFixed == 0:
			target.Target = strings.TrimSuffix(j.cfg.LinkRoot, "/") + "/" + strings.TrimLeft(target.Target, "/")
		default:
			j.report.Lost.Absolute++
		}
		if err := j.fsys.Symlink(target.Target, name); err != nil {
			return fmt.Errorf("make symlink %s: %w", name, err)
		}
		if err := j.own(name, d); err != nil {
			return err
		}
		if err := j.setTimes(name, d); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		j.crew.changedDir(int(l.dir))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// finishDirs sets what directories have, the deepest first, but for the root's times.
func (j *Job) finishDirs(context.Context) error {
	for i, s := range slices.Backward(j.plan.dirs) {
		name, d, err := j.plan.get(s)
		if err != nil {
			return err
		}
		j.crew.changedDir(i)
		if j.keeper != nil {
			if err := j.keepDir(name, d, s.at); err != nil {
				return err
			}
			continue
		}
		if err := j.own(name, d); err != nil {
			return err
		}
		if name != "." {
			if err := j.setTimes(name, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// end makes everything durable and tells the journal.
func (j *Job) end(context.Context) error {
	if err := j.sync(j.takeDirty()); err != nil {
		return fmt.Errorf("sync target: %w", err)
	}
	return j.journal.add(&record{kind: recordEnd})
}

// unmark removes the work folder and last the journal, which is the mark.
func (j *Job) unmark(context.Context) error {
	j.spool.close()
	if err := j.fsys.RemoveAll(workName); err != nil {
		return fmt.Errorf("remove %s: %w", workName, err)
	}
	if err := j.fsys.SyncDir("."); err != nil { // else a crash may leave the work folder without the mark
		return fmt.Errorf("sync target: %w", err)
	}
	err := errors.Join(j.journal.file.Close(), j.lock.Close())
	j.journal.file, j.lock = nil, nil
	if err != nil {
		return fmt.Errorf("close journal %s: %w", markerName, err)
	}
	if err := j.fsys.Remove(markerName); err != nil {
		return fmt.Errorf("remove %s: %w", markerName, err)
	}
	if err := j.setRootTimes(); err != nil {
		return err
	}
	if err := j.fsys.SyncDir("."); err != nil {
		return fmt.Errorf("sync target: %w", err)
	}
	return nil
}

// setRootTimes is for when nothing is made or taken away in the root any more.
func (j *Job) setRootTimes() error {
	name, root, err := j.plan.get(j.plan.dirs[0])
	if err != nil {
		return err
	}
	if j.keeper == nil {
		return j.setTimes(name, root)
	}
	return j.keep(name, nil, &metadata{plain: true, created: root.Created, accessed: root.Accessed, modified: root.Modified})
}
