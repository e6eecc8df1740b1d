package apply

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// Names in the target's root that are ours while an apply is unfinished.
const (
	markerName = ".wimcast-incomplete" // the journal
	workName   = ".wimcast-work"       // spool and part files
)

// minDentry is less than any dentry has bytes.
const minDentry = 100

// noResource is the number of the resource of something empty. Others are entries of the open file's blob table.
const noResource = -1

// spot is where a dentry stands in the metadata, and the index of its directory; rootDir for the root. A tree may have millions of files: so a
// plan holds no dentries and no paths, but reads them again when it is their turn.
type spot struct {
	at  wim.At
	dir int32
}

const rootDir = -1

// file is one file to make.
type file struct {
	spot
	bits uint32 // traits, and below them the number of its resource and one
}

// The traits of a file; late and squeezed are for where the target keeps what NTFS does.
const (
	linked   = 1 << (28 + iota) // it has further names, in links
	late                        // its metadata comes when its named streams are there
	squeezed                    // it is created in a compressed folder
	sparse                      // zeros are left out

	resourceMask = 1<<28 - 1
)

func newFile(s spot, res int32) file { return file{s, uint32(res + 1)} }
func (f *file) res() int32           { return int32(f.bits&resourceMask) - 1 }
func (f *file) is(trait uint32) bool { return f.bits&trait != 0 }
func (f *file) set(trait uint32, is bool) {
	if is {
		f.bits |= trait
	}
}

// link, symlink and stream are the other things to make.
type (
	link struct { // a further name of a file
		spot
		first wim.At // the file's
	}
	symlink struct { // where the target keeps what NTFS does: any reparse point
		spot
		res  int32 // reparse data
		data int32 // contents
	}
	stream struct { // a named stream, kept as such or as an xattr of what has it
		spot
		n   int32 // in its dentry's Streams
		res int32
	}
)

// plan is what one image makes of a target, all of it checked, and what that takes: worked out from the prologue alone, before the target is
// touched. A job carries it out; it changes nothing of it but done, before the first byte is written.
type plan struct {
	img      *wim.Tree
	wf       *wim.File
	blocks   *blockMap
	need     blockSet // blocks that hold a byte of a needed resource
	dirs     []spot   // parents before children; the first is the root
	files    []file   // sorted by resource, those without first
	links    []link   // sorted by file
	symlinks []symlink
	specials []spot   // fifos, sockets, device nodes
	streams  []stream // but for those of symlinks
	pointed  []stream // those, in their order
	report   Report   // what can be counted beforehand
	writes   int64    // bytes of contents that will take room for certain
	kept     bool     // xattrs are made
	ntfs     *limits  // the target keeps what NTFS does; nil: it does not
	squeezed bool     // some file or symlink is
	noShort  map[wim.At]bool

	// Of resources:
	needed bitset
	side   bitset // a symlink, named stream or xattr needs it too
	aside  bitset // it is in the work folder even if files hold it: a file may be no longer readable when its contents are needed
	sparse bitset // zeros are left out of the part file
	done   bitset // an earlier run of the program has completed it: nothing is to be done for it any more

	paths pathCache
}

// planner makes a plan.
type planner struct {
	*plan
	cur    int32 // the directory that is read
	above  []openDir
	linked []groupedName
	short  shortNames
}

// openDir is a directory above the one that is read.
type openDir struct {
	d     *wim.Dentry
	index int32
}

// groupedName is a dentry that says that it is one of several names of a file. Names with one group number may be of different groups yet.
type groupedName struct {
	spot
	group uint32
}

// linkName is one of the names of a file that has several.
type linkName struct {
	spot
	short bool // it has a short name
}

// newPlan checks the image and lists what to make, and what blocks of the file that takes.
func newPlan(wf *wim.File, img *wim.Tree, blocks *blockMap, rules wim.Rules, xattrs bool, ntfs *limits) (*plan, error) {
	rules.AllowPOSIXNames = rules.AllowPOSIXNames && ntfs == nil // a file system of Windows, whose names they are not
	p := &planner{plan: &plan{img: img, wf: wf, blocks: blocks, kept: xattrs && ntfs == nil, ntfs: ntfs}}
	n := wf.Placed()
	if n > resourceMask {
		return nil, fmt.Errorf("the file has %d resources, the limit is %d", n, resourceMask)
	}
	for _, b := range []*bitset{&p.needed, &p.side, &p.aside, &p.sparse, &p.done} {
		*b = newBitset(n)
	}
	p.files = make([]file, 0, max(0, min(int64(img.Places())*8/minDentry, img.Info.FileCount)))
	err := img.Walk(&rules, p.addDir, p.addEntry)
	switch {
	case errors.Is(err, wim.ErrName) && !errors.Is(err, ErrHostile):
		return nil, fmt.Errorf("%w: %w", ErrHostile, err)
	case err != nil:
		return nil, err
	}
	p.endShortNames()
	if err := p.addLinked(); err != nil {
		return nil, err
	}
	slices.SortFunc(p.files, func(a, b file) int { return cmp.Or(cmp.Compare(a.res(), b.res()), cmp.Compare(a.at, b.at)) })
	p.mapBlocks()
	return p.plan, nil
}

// addDir plans a directory, whose entries come next.
func (p *planner) addDir(d *wim.Dentry, at wim.At) error {
	p.endShortNames()
	in := int32(rootDir)
	for n := len(p.above); d.Parent != nil; n-- {
		if p.above[n-1].d == d.Parent {
			p.above, in = p.above[:n], p.above[n-1].index
			break
		}
	}
	p.cur = int32(len(p.dirs))
	p.above = append(p.above, openDir{d, p.cur})
	return p.add(d, spot{at, in}, nil)
}

// addEntry plans something that is in the directory.
func (p *planner) addEntry(d *wim.Dentry, at wim.At) error {
	s := spot{at, p.cur}
	if err := p.checkName(d); err != nil {
		return err
	}
	if p.ntfs != nil {
		p.short.add(p, d, at)
	}
	switch {
	case d.IsDir(): // comes to addDir
		return nil
	case d.HardLink != 0:
		p.linked = append(p.linked, groupedName{s, uint32(d.HardLink ^ d.HardLink>>32)})
		return nil
	}
	return p.add(d, s, nil)
}

// addLinked plans the files that may have several names. Names that share a group number but not their contents are different files.
func (p *planner) addLinked() error {
	slices.SortFunc(p.linked, func(a, b groupedName) int { return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.at, b.at)) })
	type key struct {
		group      uint64
		data       wim.SHA1
		attributes uint32
	}
	for rest := p.linked; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].group == rest[0].group {
			n++
		}
		files := map[key][]linkName{}
		var order []key
		for _, l := range rest[:n] {
			d, err := p.img.Dentry(l.at)
			if err != nil {
				return err
			}
			k := key{d.HardLink, d.Data(), d.Attributes}
			if raw := rawOf(d); !raw.IsZero() {
				k.data = raw
			}
			if files[k] == nil {
				order = append(order, k)
			}
			files[k] = append(files[k], linkName{l.spot, d.ShortName != ""})
		}
		for _, k := range order {
			if err := p.addNames(files[k]); err != nil {
				return err
			}
		}
		rest = rest[n:]
	}
	p.linked = nil
	slices.SortStableFunc(p.links, func(a, b link) int { return cmp.Compare(a.first, b.first) })
	return nil
}

// addNames plans a file of these names.
func (p *planner) addNames(names []linkName) error {
	p.orderLinks(names)
	d, err := p.img.Dentry(names[0].at)
	if err != nil {
		return err
	}
	p.report.Links += len(names) - 1
	return p.add(d, names[0].spot, names)
}

// add plans one dentry; names are all of its file when there are several.
func (p *planner) add(d *wim.Dentry, s spot, names []linkName) error {
	ud, unix := d.Unix()
	switch {
	case p.ntfs != nil && d.IsReparse() && s.dir != rootDir:
		return p.addPoint(d, s)
	case d.IsReparse() && (d.ReparseTag == wim.TagSymlink || d.ReparseTag == wim.TagMountTree):
		return p.addSymlink(d, s)
	case p.keepsRaw(d) && !d.IsDir():
		return p.addRaw(d, s, names)
	case d.IsDir():
		p.dirs = append(p.dirs, s)
		p.report.Dirs++
		if err := p.addRawDir(d, s); err != nil {
			return err
		}
	case p.ntfs == nil && unix && isSpecial(ud.Mode):
		return p.addSpecial(d, s, names)
	case unix && !isRegular(ud.Mode):
		p.report.Lost.Special++
		return nil
	case d.Data().IsZero() && !rawOf(d).IsZero():
		p.report.Lost.Encrypted++
		return nil
	default:
		if err := p.addFile(d, s, names); err != nil {
			return err
		}
	}
	if d.IsReparse() {
		p.report.Lost.Reparse++
	}
	if p.ntfs != nil {
		return p.addKept(d, s)
	}
	return p.addExtras(d, s, p.kept)
}

func (p *planner) addSymlink(d *wim.Dentry, s spot) error {
	res, size, err := p.resource(d.Reparse(), d, s)
	if err != nil {
		return err
	}
	if res == noResource || size > ntfs3g.MaxReparse {
		return fmt.Errorf("plan symlink %s: %d bytes of reparse data, want 1 to %d: %w", p.nameOf(d, s), size, ntfs3g.MaxReparse, wim.ErrCorrupt)
	}
	p.symlinks = append(p.symlinks, symlink{spot: s, res: res, data: noResource})
	p.side.set(int(res))
	p.report.Symlinks++
	return p.addExtras(d, s, false) // Linux has no user xattrs on links
}

func (p *planner) addFile(d *wim.Dentry, s spot, names []linkName) error {
	res, size, err := p.resource(d.Data(), d, s)
	if err != nil {
		return err
	}
	f := newFile(s, res)
	if len(names) > 1 {
		f.set(linked, true)
		for _, l := range names[1:] {
			p.links = append(p.links, link{l.spot, s.at})
		}
	}
	if p.ntfs != nil {
		f.set(squeezed, p.squeezes(d))
	}
	f.set(sparse, d.Attributes&wim.AttrSparse != 0)
	if res != noResource && f.is(sparse) {
		p.sparse.set(int(res))
	}
	p.files = append(p.files, f)
	p.report.Files++
	p.report.Bytes += size
	if d.Attributes&wim.AttrSparse == 0 && !f.is(squeezed) {
		p.writes += size
	}
	return nil
}

// squeezes reports whether a file or reparse point is created in a compressed folder, and notes that there is one.
func (p *planner) squeezes(d *wim.Dentry) bool {
	is := p.ntfs.squeezes(d)
	p.squeezed = p.squeezed || is
	return is
}

// addExtras counts or plans what a POSIX file system has no place for.
func (p *planner) addExtras(d *wim.Dentry, s spot, kept bool) error {
	lost := &p.report.Lost
	for n, st := range d.Streams {
		if st.Kind != wim.StreamNamed {
			continue
		}
		r, ok := p.wf.Lookup(st.Hash)
		if !kept || (ok && r.Size > vfs.MaxXattr) || !validXattrName(st.Name) {
			lost.NamedStreams++
			continue
		}
		res, _, err := p.resource(st.Hash, d, s)
		if err != nil {
			return err
		}
		if res != noResource {
			p.side.set(int(res))
		}
		p.streams = append(p.streams, stream{s, int32(n), res})
	}
	sd, has := p.securityOf(d)
	if has && (!kept || sd > vfs.MaxXattr) {
		lost.Security++
	}
	if !kept && d.ShortName != "" {
		lost.ShortNames++
	}
	if !kept && posixAttributes(d) != 0 {
		lost.Attributes++
	}
	if _, ok := d.Item(wim.TagObjectID); ok {
		lost.ObjectIDs++
	}
	lost.Xattrs += foreignXattrs(d)
	return nil
}

// securityOf returns the size of a dentry's security descriptor, if it has one.
func (p *plan) securityOf(d *wim.Dentry) (size int, ok bool) {
	id := int(d.SecurityID)
	if id < 0 || id >= p.img.Securities() {
		return 0, false
	}
	return p.img.SecuritySize(id), true
}

// resource returns the entry of the blob table with a hash, and its size.
func (p *planner) resource(hash wim.SHA1, d *wim.Dentry, s spot) (int32, int64, error) {
	if hash.IsZero() {
		return noResource, 0, nil
	}
	i, ok := p.wf.IndexOf(hash)
	if !ok {
		_, err := p.wf.Find(hash)
		return 0, 0, fmt.Errorf("plan %s: %w", p.nameOf(d, s), err)
	}
	size := p.wf.SizeOf(i)
	if size == 0 {
		return noResource, 0, nil
	}
	if !p.needed.has(i) {
		if r := p.wf.Resource(i); r.StoredSize <= 0 || r.PieceTableSize() >= r.StoredSize {
			return 0, 0, fmt.Errorf("plan %s: resource of %d stored bytes: %w", p.nameOf(d, s), r.StoredSize, wim.ErrCorrupt)
		}
		p.needed.set(i)
	}
	return int32(i), size, nil
}

// checkName refuses what wim.Tree must have refused already, and what is ours.
func (p *planner) checkName(d *wim.Dentry) error {
	n := d.Name
	if p.ntfs != nil && strings.Contains(n, ":") {
		return fmt.Errorf("%w: %s has a colon, which is not part of a name on NTFS", ErrHostile, d.Path())
	}
	if n == "" || n == "." || n == ".." || strings.ContainsAny(n, "/\x00") || !filepath.IsLocal(filepath.FromSlash(n)) {
		return fmt.Errorf("%w: name %q", ErrHostile, d.Path())
	}
	if d.Parent.Parent == nil && slices.ContainsFunc([]string{markerName, workName, overName}, func(o string) bool { return strings.EqualFold(n, o) }) {
		return fmt.Errorf("%w: %s is a name that an unfinished apply uses; rename it before capturing", ErrHostile, n)
	}
	if d.Parent.IsReparse() {
		return fmt.Errorf("%w: %s lies below a link or another reparse point", ErrHostile, d.Path())
	}
	return nil
}
