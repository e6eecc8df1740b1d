package capture

import (
	"io/fs"
	"slices"

	"github.com/wimcast/wimcast/wim"
)

// entry is a file that the scan has met, on its way into the image.
type entry struct {
	d      *wim.Dentry // name, kind, times and streams as POSIX tells them are there already
	first  *wim.Dentry // of a file with several names: the one met first, complete but for its group number; nil: this is it
	info   fs.FileInfo
	dir    *folder
	name   string
	linked bool       // reached through a symbolic link
	img    *wim.Image // whose security table details add to
}

// path is where the file is on disk.
func (e *entry) path() string {
	if e.dir == nil {
		return e.name
	}
	return join(e.dir.path(), e.name)
}

// copyFirst gives another name of a file what belongs to the file. Short names belong to a name.
func (e *entry) copyFirst() {
	f := e.first
	e.d.Attributes, e.d.SecurityID, e.d.Tagged = f.Attributes, f.SecurityID, f.Tagged
	e.d.Created, e.d.Accessed, e.d.Modified = f.Created, f.Accessed, f.Modified
	e.d.ReparseTag, e.d.ReparseReserved, e.d.ReparseFlags = f.ReparseTag, f.ReparseReserved, f.ReparseFlags
	e.d.Streams = slices.Clone(f.Streams)
}

// detailer adds to a dentry what is known of its file beyond names, kind, contents and modification time: attributes, security descriptor,
// short name, reparse data, object ID, extended attributes, named streams, the other times. What the scan has filled in may be replaced. A dentry that
// is made a reparse point is not scanned below.
//
// It is called for every name. Of another name of a file that has been met (entry.first), the file's own facts have been copied already.
type detailer interface {
	detail(e *entry) error
}

// detailersOf gives what the options ask for, in the order in which they are asked.
func detailersOf(opts Options) []detailer {
	var all []detailer
	if opts.UnixData {
		all = append(all, unixDetailer{})
	}
	return all
}

// unixDetailer keeps what only POSIX knows of a file.
type unixDetailer struct{}

func (unixDetailer) detail(e *entry) error {
	if e.first != nil {
		return nil
	}
	if u, ok := unixData(e.info); ok {
		e.d.Tagged = append(e.d.Tagged, u.Item()...)
	}
	item, err := xattrItem(e.path(), e.linked)
	e.d.Tagged = append(e.d.Tagged, item...)
	return err
}
