package capture

import (
	"io/fs"

	"github.com/wimcast/wimcast/wim"
)

// entry is a file that the scan has met, on its way into the image.
type entry struct {
	d      *wim.Dentry // name, kind, times and streams as POSIX tells them are there already
	info   fs.FileInfo
	dir    *folder
	name   string
	linked bool // reached through a symbolic link

	several bool // the file has several names,
	link    int  // this number,
	again   bool // and another one was met: it has all facts but the short name
	unknown bool // its short name is not told
}

// path is where the file is on disk.
func (e *entry) path() string {
	if e.dir == nil {
		return e.name
	}
	return join(e.dir.path(), e.name)
}

// detailer adds to a dentry what is known of its file beyond names, kind, contents and modification time: attributes, security descriptor,
// short name, reparse data, object ID, extended attributes, named streams, the other times. What the scan has filled in may be replaced. A dentry that
// is made a reparse point is not scanned below.
//
// It is not called for another name of a file that has been met.
type detailer interface {
	detail(e *entry) error
}

// detailersOf returns what the options ask for, in the order in which they are asked.
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
	if u, ok := unixData(e.info); ok {
		e.d.Tagged = append(e.d.Tagged, u.Item()...)
	}
	item, err := xattrItem(e.path(), e.linked)
	e.d.Tagged = append(e.d.Tagged, item...)
	return err
}
