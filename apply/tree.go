package apply

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// Names in the target's root that are ours while an apply is unfinished.
const (
	markerName = ".wimcast-incomplete" // the journal
	workName   = ".wimcast-work"       // spool and part files
)

// Limits of what is kept beside files' contents.
const (
	maxReparse = 16 << 10 // bytes of reparse data, as NTFS has it
	maxXattr   = 64 << 10 // bytes of a named stream or security descriptor that Linux takes as an xattr
)

// noResource is the index of the resource of something empty.
const noResource = -1

// file is one file to make. paths[0] is written, the others become hard links to it.
type file struct {
	paths []string
	d     *wim.Dentry
	res   int

	// Where the target keeps what NTFS does:
	index    int
	late     bool // its metadata comes when its named streams are there
	squeezed bool // it is created in a compressed folder
	sparse   bool // zeros are left out
}

// dir, symlink and stream are the other things to make.
type (
	dir struct {
		path string
		d    *wim.Dentry
	}
	symlink struct { // where the target keeps what NTFS does: any reparse point
		path    string
		d       *wim.Dentry
		res     int // reparse data
		data    int // contents
		streams []stream

		squeezed bool // it is created in a compressed folder
	}
	stream struct { // a named stream, kept as such or as an xattr of path
		path, name string
		res        int
	}
)

// tree is what one image makes of a target, all of it checked.
type tree struct {
	dirs      []dir // parents before children; the first is the root
	files     []file
	symlinks  []symlink
	streams   []stream
	resources []*resource // sorted by run and place in it
	runs      []*run      // sorted by offset
	security  [][]byte
	report    Report               // what can be counted beforehand
	kept      bool                 // xattrs are made
	ntfs      *limits              // the target keeps what NTFS does; nil: it does not
	noShort   map[*wim.Dentry]bool // short names that cannot be kept

	byHash map[wim.SHA1]int
	wf     *wim.File
}

// planTree checks the image and lists what to make.
func planTree(wf *wim.File, m *wim.Image, rules wim.Rules, xattrs bool, ntfs *limits) (*tree, error) {
	rules.AllowPOSIXNames = rules.AllowPOSIXNames && ntfs == nil // a file system of Windows, whose names they are not
	if err := wim.CheckTree(m, rules); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHostile, err)
	}
	t := &tree{wf: wf, byHash: map[wim.SHA1]int{}, security: m.Security, kept: xattrs && ntfs == nil, ntfs: ntfs}
	links := map[*wim.Dentry][]*wim.Dentry{}
	for _, group := range m.HardLinks() {
		t.orderLinks(group)
		for _, d := range group {
			links[d] = group
		}
	}
	err := m.Walk(func(d *wim.Dentry) error { return t.add(d, links[d]) })
	if err != nil {
		return nil, err
	}
	t.sortResources()
	return t, nil
}

// add plans one dentry; links are all names of its file when there are several.
func (t *tree) add(d *wim.Dentry, links []*wim.Dentry) error {
	path := "."
	if d.Parent != nil {
		path = d.Path()
		if err := t.checkName(d, path); err != nil {
			return err
		}
	}
	if t.ntfs != nil {
		t.checkShortNames(d)
	}
	if len(links) > 0 && links[0] != d {
		t.report.Links++
		return nil // made with the first name
	}
	ud, unix := d.Unix()
	switch {
	case t.ntfs != nil && d.IsReparse() && d.Parent != nil:
		return t.addPoint(d, path)
	case d.IsReparse() && (d.ReparseTag == wim.TagSymlink || d.ReparseTag == wim.TagMountTree):
		return t.addSymlink(d, path)
	case d.IsDir():
		t.dirs = append(t.dirs, dir{path, d})
		t.report.Dirs++
	case unix && !isRegular(ud.Mode):
		t.report.Lost.Special++
		return nil
	case d.Attributes&wim.AttrEncrypted != 0 && d.Data().IsZero() && hasRaw(d):
		t.report.Lost.Encrypted++
		return nil
	default:
		if err := t.addFile(d, path, links); err != nil {
			return err
		}
	}
	if d.IsReparse() {
		t.report.Lost.Reparse++
	}
	if t.ntfs != nil {
		return t.addKept(d, path)
	}
	return t.addExtras(d, path, t.kept)
}

func (t *tree) addSymlink(d *wim.Dentry, path string) error {
	if len(d.Children) > 0 {
		return fmt.Errorf("%w: %s is a link and has children", ErrHostile, path)
	}
	res, size, err := t.resource(d.Reparse(), path)
	if err != nil {
		return err
	}
	if res == noResource || size > maxReparse {
		return fmt.Errorf("plan symlink %s: %d bytes of reparse data, want 1 to %d: %w", path, size, maxReparse, wim.ErrCorrupt)
	}
	t.symlinks = append(t.symlinks, symlink{path: path, d: d, res: res, data: noResource})
	t.resources[res].side = true
	t.report.Symlinks++
	return t.addExtras(d, path, false) // Linux has no user xattrs on links
}

func (t *tree) addFile(d *wim.Dentry, path string, links []*wim.Dentry) error {
	res, size, err := t.resource(d.Data(), path)
	if err != nil {
		return err
	}
	f := file{paths: []string{path}, d: d, res: res}
	for _, l := range links[min(1, len(links)):] {
		f.paths = append(f.paths, l.Path())
	}
	if res != noResource {
		t.resources[res].files = append(t.resources[res].files, len(t.files))
	}
	if t.ntfs != nil {
		f.index = len(t.files)
		f.squeezed = t.ntfs.inherited && d.Attributes&attrCompressed != 0
		f.sparse = d.Attributes&attrSparse != 0
		if res != noResource && f.sparse {
			t.resources[res].sparse = true
		}
	}
	t.files = append(t.files, f)
	t.report.Files++
	t.report.Bytes += size
	return nil
}

// addExtras counts or plans what a POSIX file system has no place for.
func (t *tree) addExtras(d *wim.Dentry, path string, kept bool) error {
	lost := &t.report.Lost
	for _, s := range d.Streams {
		if s.Kind != wim.StreamNamed {
			continue
		}
		r, ok := t.wf.Lookup(s.Hash)
		if !kept || (ok && r.Size > maxXattr) || !validXattrName(s.Name) {
			lost.NamedStreams++
			continue
		}
		res, _, err := t.resource(s.Hash, path+":"+s.Name)
		if err != nil {
			return err
		}
		if res != noResource {
			t.resources[res].side = true
		}
		t.streams = append(t.streams, stream{path, s.Name, res})
	}
	sd := d.SecurityID >= 0 && int(d.SecurityID) < len(t.security)
	if sd && (!kept || len(t.security[d.SecurityID]) > maxXattr) {
		lost.Security++
	}
	if !kept && d.ShortName != "" {
		lost.ShortNames++
	}
	if !kept && plainAttributes(d) != 0 {
		lost.Attributes++
	}
	if _, ok := d.Item(wim.TagObjectID); ok {
		lost.ObjectIDs++
	}
	return nil
}

// resource gives the index of the resource with a hash, and its size.
func (t *tree) resource(hash wim.SHA1, path string) (int, int64, error) {
	if hash.IsZero() {
		return noResource, 0, nil
	}
	if i, ok := t.byHash[hash]; ok {
		if i == noResource {
			return noResource, 0, nil
		}
		return i, t.resources[i].Size, nil
	}
	r, err := t.wf.Find(hash)
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("plan %s: %w", path, err)
	case r.Size == 0:
		t.byHash[hash] = noResource
		return noResource, 0, nil
	case r.StoredSize <= 0 || r.PieceTableSize() >= r.StoredSize:
		return 0, 0, fmt.Errorf("plan %s: resource of %d stored bytes: %w", path, r.StoredSize, wim.ErrCorrupt)
	}
	t.byHash[hash] = len(t.resources)
	t.resources = append(t.resources, &resource{Resource: r, path: path})
	return len(t.resources) - 1, r.Size, nil
}

// sortResources orders the resources by run and place in it, and renumbers them.
func (t *tree) sortResources() {
	order := make([]int, len(t.resources))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := t.resources[a], t.resources[b]
		return cmp.Or(cmp.Compare(x.Offset, y.Offset), cmp.Compare(x.Start, y.Start))
	})
	to := make([]int, len(order))
	sorted := make([]*resource, len(order))
	for at, from := range order {
		to[from], sorted[at] = at, t.resources[from]
		sorted[at].index = at
	}
	t.resources, t.byHash, t.wf = sorted, nil, nil
	renumber := func(i *int) {
		if *i != noResource {
			*i = to[*i]
		}
	}
	for i := range t.files {
		renumber(&t.files[i].res)
	}
	for i := range t.symlinks {
		renumber(&t.symlinks[i].res)
		renumber(&t.symlinks[i].data)
		for j := range t.symlinks[i].streams {
			renumber(&t.symlinks[i].streams[j].res)
		}
	}
	for i := range t.streams {
		renumber(&t.streams[i].res)
	}
}

// checkName refuses what wim.CheckTree must have refused already, and what is ours.
func (t *tree) checkName(d *wim.Dentry, path string) error {
	n := d.Name
	if t.ntfs != nil && strings.Contains(n, ":") {
		return fmt.Errorf("%w: %s has a colon, which is not part of a name on NTFS", ErrHostile, path)
	}
	if n == "" || n == "." || n == ".." || strings.ContainsAny(n, "/\x00") || !filepath.IsLocal(filepath.FromSlash(path)) {
		return fmt.Errorf("%w: name %q", ErrHostile, path)
	}
	if d.Parent.Parent == nil && slices.ContainsFunc([]string{markerName, workName, overName}, func(o string) bool { return strings.EqualFold(n, o) }) {
		return fmt.Errorf("%w: %s is a name that an unfinished apply uses; rename it before capturing", ErrHostile, path)
	}
	if d.Parent.IsReparse() && (d.Parent.ReparseTag == wim.TagSymlink || d.Parent.ReparseTag == wim.TagMountTree) {
		return fmt.Errorf("%w: %s lies below a link", ErrHostile, path)
	}
	return nil
}

func hasRaw(d *wim.Dentry) bool {
	return slices.ContainsFunc(d.Streams, func(s wim.Stream) bool { return s.Kind == wim.StreamRaw })
}
