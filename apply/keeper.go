package apply

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// keeper is a target that keeps what NTFS knows of a file beyond what POSIX does: a volume that ntfs-3g has mounted, or a directory
// on Windows.
type keeper interface {
	// limits says what the target cannot keep. It may not change while an apply is unfinished.
	limits() limits
	// stream opens an empty named stream of a file or directory that is not yet a reparse point.
	stream(name, stream string, size int64) (io.WriteCloser, error)
	// encrypt makes what was just made an encrypted file or directory: info says who may decrypt it. efsraw.ErrUnsupported says that it cannot be.
	// It is only called where limits say raw.
	encrypt(name string, info []byte) error
	// set gives a file or directory its metadata; f is the open file, nil: by name. What is refused is told in lost, unless m.strict.
	set(name string, f vfs.File, m *metadata) (lost Lost, err error)
}

// limits are those of a keeper.
type limits struct {
	flags       uint32 // of the journal: tells targets apart that keep different things
	streamSize  int64  // of a named stream, in bytes; 0: none is kept
	rootStreams bool   // of the target's root too
	file, dir   uint32 // attributes that are kept: set, or following from how the file is made
	raw         bool   // encrypted files are kept, by their raw form
	inherited   bool   // compression comes from the directory that a file is created in
	whileOpen   bool   // set takes a file that is open, and a file of which everything is set can be opened again
}

// squeezes reports whether a file or reparse point is created in a compressed folder.
func (l *limits) squeezes(d *wim.Dentry) bool {
	return l.inherited && !d.IsDir() && d.Attributes&attrCompressed != 0
}

// metadata is what a keeper sets of a file. What is zero stays as it is, but for the attributes.
type metadata struct {
	attributes uint32
	archived   bool // the file was just made: of the attributes it has archive only
	plain      bool // leave attributes alone
	strict     bool // a security descriptor that is refused is an error
	security   []byte
	short      string
	objectID   []byte
	eas        []wim.EA
	reparse    []byte // with its header
	created    wim.Filetime
	accessed   wim.Filetime
	modified   wim.Filetime
}

// metadataOf returns what is to be set of a dentry, but for reparse data.
func (j *Job) metadataOf(d *wim.Dentry, at wim.At) (*metadata, error) {
	m := &metadata{
		attributes: d.Attributes, plain: j.cfg.NoAttributes, strict: j.cfg.StrictACLs, short: j.plan.shortName(d, at),
		created: d.Created, accessed: d.Accessed, modified: d.Modified,
	}
	if size, ok := j.plan.securityOf(d); ok && size <= maxSecurity && !j.cfg.NoACLs {
		var err error
		if m.security, err = j.plan.img.Security(int(d.SecurityID)); err != nil {
			return nil, err
		}
	}
	if id, ok := d.Item(wim.TagObjectID); ok && len(id) >= objectIDSize {
		m.objectID = id[:min(len(id), maxObjectID)]
	}
	if b, ok := d.Item(wim.TagEAs); ok {
		m.eas, _ = wim.ParseEAs(b) // the plan has counted those that are broken
	}
	return m, nil
}

// Sizes in bytes.
const (
	objectIDSize = 16       // an object ID
	maxObjectID  = 64       // with what it was before
	maxSecurity  = 64 << 10 // the longest security descriptor there is
)

// keep sets what the target keeps of a dentry and counts what it refuses.
func (j *Job) keep(name string, f vfs.File, m *metadata) error {
	lost, err := j.keeper.set(name, f, m)
	if err != nil {
		return err
	}
	if lost != (Lost{}) {
		j.lostMu.Lock()
		j.lostNow.add(lost)
		j.lostMu.Unlock()
	}
	return nil
}

// refused reports whether an error says that the target does not take this value, and not that something is broken.
func refused(err error) bool {
	for _, e := range []error{
		errors.ErrUnsupported, fs.ErrPermission, fs.ErrExist, fs.ErrInvalid, syscall.EINVAL, syscall.EILSEQ, syscall.E2BIG, syscall.ERANGE,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// tell counts an error of setting something if it is one that is refused; else it returns it.
func tell(count *int, what, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case !refused(err):
		return fmt.Errorf("set %s of %s: %w", what, name, err)
	}
	*count++
	return nil
}
