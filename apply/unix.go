package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// owners is an FS that can change owners; a symlink is not followed.
type owners interface {
	Lchown(name string, uid, gid int) error
}

// nodes is an FS that has files which hold nothing: fifos, sockets, devices. mode is st_mode.
type nodes interface {
	Mknod(name string, mode, dev uint32) error
}

// own sets extended attributes, owner and mode if the image has them. Those of users come first, as setting them needs the right to write; the others
// last: another owner takes a capability away, and a mode changes an access control list.
func (j *Job) own(name string, d *wim.Dentry) error {
	if j.cfg.NoUnix {
		return nil
	}
	eas := unixXattrs(d)
	if err := j.restoreXattrs(name, eas, true); err != nil {
		return err
	}
	if err := j.ownMode(name, d); err != nil {
		return err
	}
	return j.restoreXattrs(name, eas, false)
}

// ownMode sets owner and mode if the image has them.
func (j *Job) ownMode(name string, d *wim.Dentry) error {
	ud, ok := d.Unix()
	if !ok {
		return nil
	}
	owned := int(ud.UID) == os.Geteuid() && int(ud.GID) == os.Getegid()
	if o, can := j.fsys.(owners); can && !owned {
		err := o.Lchown(name, int(ud.UID), int(ud.GID))
		if owned = err == nil; err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, errors.ErrUnsupported) {
			return fmt.Errorf("set owner of %s: %w", name, err)
		}
	}
	if !owned {
		if j.cfg.StrictACLs {
			return fmt.Errorf("set owner of %s to %d:%d: %w", name, ud.UID, ud.GID, fs.ErrPermission)
		}
		j.unowned.Add(1)
	}
	if d.IsSymlink() {
		return nil
	}
	if err := j.fsys.Chmod(name, fileMode(ud.Mode, owned)); err != nil {
		return fmt.Errorf("set mode of %s: %w", name, err)
	}
	return nil
}

// Extended attributes of Linux have names in one of these spaces. What an image has beside them is of Windows.
const (
	xattrUser   = "user."
	xattrACL    = "system.posix_acl_"
	xattrSpaces = "user. security. trusted. system."
)

// unixXattrs gives the extended attributes of Linux that the image has of a file.
func unixXattrs(d *wim.Dentry) (unix []wim.EA) {
	all, _ := d.EAs() // the plan has counted those that cannot be read
	for _, ea := range all {
		if isUnixXattr(ea.Name) {
			unix = append(unix, ea)
		}
	}
	return unix
}

func isUnixXattr(name string) bool {
	for space := range strings.FieldsSeq(xattrSpaces) {
		if strings.HasPrefix(name, space) {
			return true
		}
	}
	return false
}

// foreignXattrs counts the extended attributes that are not of Linux, or that cannot be read.
func foreignXattrs(d *wim.Dentry) (n int) {
	all, err := d.EAs()
	if err != nil {
		return 1
	}
	for _, ea := range all {
		if !isUnixXattr(ea.Name) {
			n++
		}
	}
	return n
}

// restoreXattrs sets extended attributes: those of users, or the others. One that is refused is counted, or with StrictACLs an error if it says who may
// do what.
func (j *Job) restoreXattrs(name string, eas []wim.EA, users bool) error {
	x, can := j.fsys.(vfs.Xattrs)
	for _, ea := range eas {
		if strings.HasPrefix(ea.Name, xattrUser) != users {
			continue
		}
		err := errors.ErrUnsupported
		if can {
			err = x.Lsetxattr(name, ea.Name, ea.Value)
		}
		switch {
		case err == nil:
		case j.cfg.StrictACLs && strings.HasPrefix(ea.Name, xattrACL), !xattrRefused(err) && !errors.Is(err, syscall.EINVAL):
			return fmt.Errorf("set xattr %s of %s: %w", ea.Name, name, err)
		default:
			j.refused.Add(1)
		}
	}
	return nil
}

// isSpecial reports whether st_mode is that of a fifo, socket or device node.
func isSpecial(mode uint32) bool {
	switch mode & modeType {
	case modeFifo, modeSocket, modeChar, modeBlock:
		return true
	}
	return false
}

// addSpecial plans a fifo, socket or device node; names are all of its file when there are several.
func (p *planner) addSpecial(d *wim.Dentry, s spot, names []linkName) error {
	p.specials = append(p.specials, s)
	for _, l := range names[min(1, len(names)):] {
		p.links = append(p.links, link{l.spot, s.at})
	}
	return p.addExtras(d, s, false)
}

// finishSpecials makes fifos, sockets and device nodes, with all their names. What may not be made is counted: only root makes devices.
func (j *Job) finishSpecials(ctx context.Context) error {
	fsys, can := j.fsys.(nodes)
	for _, s := range j.plan.specials {
		name, d, err := j.plan.get(s)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		err = errors.ErrUnsupported
		if ud, _ := d.Unix(); can && !j.cfg.NoUnix {
			err = fsys.Mknod(name, ud.Mode&modeType|0o600, ud.Rdev)
		}
		switch {
		case errors.Is(err, errors.ErrUnsupported), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EINVAL):
			j.report.Lost.Special++
			continue
		case errors.Is(err, fs.ErrExist):
			return existsError(name, err)
		case err != nil:
			return fmt.Errorf("make %s: %w", name, err)
		}
		j.report.Files++
		if err := j.own(name, d); err != nil {
			return err
		}
		if err := j.setTimes(name, d); err != nil {
			return err
		}
		j.crew.changedDir(int(s.dir))
		j.event(Completed{name})
		if err := j.makeLinks(name, s.at); err != nil {
			return err
		}
	}
	return nil
}
