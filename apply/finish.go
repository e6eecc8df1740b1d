package apply

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// takeDone gives the resources completed since the last call, ascending.
func (p *Plan) takeDone() []int {
	c := p.crew
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.done.list()
	clear(c.done)
	return done
}

// complete notes that a resource is in all its files.
func (p *Plan) complete(r *resource) error {
	if r.run.outs != nil {
		delete(r.run.outs, r.index)
	}
	p.crew.mu.Lock()
	defer p.crew.mu.Unlock()
	p.crew.done.set(r.index)
	return nil
}

// finishFile gives a file that has its contents what else can be set at once.
func (p *Plan) finishFile(f *file, name string, d *wim.Dentry) error {
	if p.keeper == nil {
		if err := p.setTimes(name, d); err != nil {
			return err
		}
	}
	return p.finishMade(f, name, d)
}

// finishMade is finishFile of a file that has its times.
func (p *Plan) finishMade(f *file, name string, d *wim.Dentry) error {
	if p.keeper != nil {
		if f.is(late) {
			return nil
		}
		if err := p.keepAll(name, d, f.at); err != nil {
			return err
		}
		p.event(EventFile, name, 0)
		return nil
	}
	if !p.tree.kept { // else Finish does it, once the xattrs are set: setting them needs the right to write
		if err := p.own(name, d); err != nil {
			return err
		}
	}
	p.event(EventFile, name, 0)
	return nil
}

// keepAll sets all that the target keeps of a dentry but reparse data, by its name.
func (p *Plan) keepAll(name string, d *wim.Dentry, at wim.At) error {
	m, err := p.metadataOf(d, at)
	if err != nil {
		return err
	}
	return p.keep(name, nil, m)
}

func (p *Plan) setTimes(name string, d *wim.Dentry) error {
	if d.Accessed == 0 && d.Modified == 0 {
		return nil
	}
	if err := p.fsys.Chtimes(name, fileTime(d.Accessed), fileTime(d.Modified)); err != nil {
		return fmt.Errorf("set times of %s: %w", name, err)
	}
	return nil
}

// fileTime gives t as a time, zero if it is not known.
func fileTime(t wim.Filetime) time.Time {
	if t == 0 {
		return time.Time{}
	}
	return t.Time()
}

// owners is an FS that can change owners; a symlink is not followed.
type owners interface {
	Lchown(name string, uid, gid int) error
}

// own sets owner and mode if the image has them.
func (p *Plan) own(name string, d *wim.Dentry) error {
	ud, ok := d.Unix()
	if !ok || p.cfg.NoUnix {
		return nil
	}
	owned := int(ud.UID) == os.Geteuid() && int(ud.GID) == os.Getegid()
	if o, can := p.fsys.(owners); can && !owned {
		err := o.Lchown(name, int(ud.UID), int(ud.GID))
		if owned = err == nil; err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, errors.ErrUnsupported) {
			return fmt.Errorf("set owner of %s: %w", name, err)
		}
	}
	if !owned {
		if p.cfg.StrictACLs {
			return fmt.Errorf("set owner of %s to %d:%d: %w", name, ud.UID, ud.GID, fs.ErrPermission)
		}
		p.unowned.Add(1)
	}
	if d.IsSymlink() {
		return nil
	}
	if err := p.fsys.Chmod(name, fileMode(ud.Mode, owned)); err != nil {
		return fmt.Errorf("set mode of %s: %w", name, err)
	}
	return nil
}

// Finish commits, makes hard links, symbolic links, xattrs and the directories' times, and takes the mark of incompleteness away.
// It may be called again after ErrIncomplete. The plan is closed when it succeeds.
func (p *Plan) Finish(ctx context.Context) (Report, error) {
	if p.closed {
		return Report{}, p.crew.failed()
	}
	p.mu.Lock()
	missing := p.missing
	p.mu.Unlock()
	if missing > 0 {
		return Report{}, fmt.Errorf("finish: %w: %d", ErrIncomplete, missing)
	}
	last := p.unmark
	if p.cfg.place != nil {
		last = func(ctx context.Context) error { return p.cfg.place(ctx, p) }
	}
	steps := []func(context.Context) error{p.finishXattrs, p.finishLinks, p.finishSymlinks, p.finishDirs, p.end, last}
	if p.keeper != nil {
		steps = []func(context.Context) error{p.finishStreams, p.finishLinks, p.finishPoints, p.finishDirs, p.end, last}
	}
	if p.ended {
		steps = steps[len(steps)-1:]
	} else if err := p.settle(); err != nil {
		return Report{}, err
	}
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return Report{}, p.crew.fail(err)
		}
		if err := step(ctx); err != nil {
			return Report{}, p.crew.fail(err)
		}
	}
	rep := p.tree.report
	rep.SpoolPeak = p.spool.peak
	rep.Lost.Owners += int(p.unowned.Load())
	rep.Lost.Xattrs += p.refused
	rep.Lost.add(p.lostNow)
	p.tellLost(rep.Lost)
	return rep, p.Close()
}

// settle brings everything to files. Of a file that is here no one waits to hear what is held, so that one sync at the end does.
func (p *Plan) settle() error {
	if p.source != nil {
		return p.crew.drain()
	}
	_, err := p.Commit()
	return err
}

// finishXattrs keeps in xattrs what a POSIX file system has no other place for, then sets owners and modes.
func (p *Plan) finishXattrs(ctx context.Context) error {
	if !p.tree.kept {
		return nil
	}
	x, ok := p.fsys.(vfs.Xattrs)
	if !ok {
		return fmt.Errorf("keep xattrs: %w on this system", errors.ErrUnsupported)
	}
	for _, s := range p.tree.streams {
		data, err := p.content(s.res)
		if err != nil {
			return err
		}
		name, d, err := p.tree.get(s.spot)
		if err != nil {
			return err
		}
		if err := p.setXattr(x, name, xattrStream+d.Streams[s.n].Name, data); err != nil {
			return err
		}
	}
	for i := range p.tree.files {
		f := &p.tree.files[i]
		name, d, err := p.tree.get(f.spot)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if err := p.dentryXattrs(x, name, d); err != nil {
			return err
		}
		if err := p.own(name, d); err != nil {
			return err
		}
		p.crew.madeFile(i, f)
	}
	for _, s := range p.tree.dirs {
		name, d, err := p.tree.get(s)
		if err != nil {
			return err
		}
		if err := p.dentryXattrs(x, name, d); err != nil {
			return err
		}
	}
	return nil
}

// dentryXattrs keeps what a dentry says beside streams.
func (p *Plan) dentryXattrs(x vfs.Xattrs, name string, d *wim.Dentry) error {
	if size, ok := p.tree.securityOf(d); ok && size <= maxXattr {
		sd, err := p.tree.img.Security(int(d.SecurityID))
		if err != nil {
			return err
		}
		if err := p.setXattr(x, name, xattrSecurity, sd); err != nil {
			return err
		}
	}
	if a := plainAttributes(d); a != 0 {
		if err := p.setXattr(x, name, xattrAttributes, binary.LittleEndian.AppendUint32(nil, d.Attributes)); err != nil {
			return err
		}
	}
	if d.ShortName != "" {
		if err := p.setXattr(x, name, xattrShortName, []byte(d.ShortName)); err != nil {
			return err
		}
	}
	if d.Created != 0 {
		return p.setXattr(x, name, xattrCreated, binary.LittleEndian.AppendUint64(nil, uint64(d.Created)))
	}
	return nil
}

// setXattr sets an xattr; one that the file system refuses is counted.
func (p *Plan) setXattr(x vfs.Xattrs, name, attr string, data []byte) error {
	err := x.Lsetxattr(name, attr, data)
	if err == nil {
		return nil
	}
	if !xattrRefused(err) {
		return fmt.Errorf("set xattr %s of %s: %w", attr, name, err)
	}
	p.refused++
	return nil
}

// content reads a resource that a symlink or xattr needs; it is small.
func (p *Plan) content(res int32) ([]byte, error) {
	if res == noResource {
		return nil, nil
	}
	r := p.tree.resource(int(res))
	f, err := p.openContent(r)
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
func (p *Plan) finishLinks(ctx context.Context) error {
	for i := range p.tree.files {
		f := &p.tree.files[i]
		if !f.is(linked) {
			continue
		}
		first, err := p.tree.path(f.spot)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if err := p.makeLinks(first, f.at); err != nil {
			return err
		}
	}
	return nil
}

// makeLinks makes the further names of the file first, whose dentry is at.
func (p *Plan) makeLinks(first string, at wim.At) error {
	for _, l := range p.tree.linksOf(at) {
		name, err := p.tree.path(l.spot)
		if err != nil {
			return err
		}
		if err := p.fsys.Link(first, name); err != nil {
			return fmt.Errorf("link %s to %s: %w", name, first, err)
		}
		p.crew.changedDir(int(l.dir))
	}
	return nil
}

// finishSymlinks makes the symbolic links. Nothing is created below a directory afterwards.
func (p *Plan) finishSymlinks(ctx context.Context) error {
	for _, l := range p.tree.symlinks {
		data, err := p.content(l.res)
		if err != nil {
			return err
		}
		name, d, err := p.tree.get(l.spot)
		if err != nil {
			return err
		}
		target, err := wim.ParseSymlink(d.ReparseTag, data)
		if err != nil {
			return fmt.Errorf("read link %s: %w", name, err)
		}
		switch {
		case target.Relative:
		case p.cfg.LinkRoot != "" && d.ReparseFlags&reparseNotFixed == 0:
			target.Target = strings.TrimSuffix(p.cfg.LinkRoot, "/") + "/" + strings.TrimLeft(target.Target, "/")
		default:
			p.tree.report.Lost.Absolute++
		}
		if err := p.fsys.Symlink(target.Target, name); err != nil {
			return fmt.Errorf("make symlink %s: %w", name, err)
		}
		if err := p.own(name, d); err != nil {
			return err
		}
		if err := p.setTimes(name, d); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		p.crew.changedDir(int(l.dir))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// finishDirs sets what directories have, the deepest first, but for the root's times.
func (p *Plan) finishDirs(context.Context) error {
	for i, s := range slices.Backward(p.tree.dirs) {
		name, d, err := p.tree.get(s)
		if err != nil {
			return err
		}
		p.crew.changedDir(i)
		if p.keeper != nil {
			if err := p.keepDir(name, d, s.at); err != nil {
				return err
			}
			continue
		}
		if err := p.own(name, d); err != nil {
			return err
		}
		if name != "." {
			if err := p.setTimes(name, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// end makes everything durable and tells the journal.
func (p *Plan) end(context.Context) error {
	if err := p.sync(p.takeDirty()); err != nil {
		return fmt.Errorf("sync target: %w", err)
	}
	return p.journal.add(&record{kind: recordEnd})
}

// unmark removes the work folder and last the journal, which is the mark.
func (p *Plan) unmark(context.Context) error {
	p.spool.close()
	if err := p.fsys.RemoveAll(workName); err != nil {
		return fmt.Errorf("remove %s: %w", workName, err)
	}
	if err := p.fsys.SyncDir("."); err != nil { // else a crash may leave the work folder without the mark
		return fmt.Errorf("sync target: %w", err)
	}
	err := errors.Join(p.journal.file.Close(), p.lock.Close())
	p.journal.file, p.lock = nil, nil
	if err != nil {
		return fmt.Errorf("close journal %s: %w", markerName, err)
	}
	if err := p.fsys.Remove(markerName); err != nil {
		return fmt.Errorf("remove %s: %w", markerName, err)
	}
	if err := p.setRootTimes(); err != nil {
		return err
	}
	if err := p.fsys.SyncDir("."); err != nil {
		return fmt.Errorf("sync target: %w", err)
	}
	return nil
}

// setRootTimes is for when nothing is made or taken away in the root any more.
func (p *Plan) setRootTimes() error {
	name, root, err := p.tree.get(p.tree.dirs[0])
	if err != nil {
		return err
	}
	if p.keeper == nil {
		return p.setTimes(name, root)
	}
	return p.keep(name, nil, &metadata{plain: true, created: root.Created, accessed: root.Accessed, modified: root.Modified})
}
