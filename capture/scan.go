package capture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/wimcast/wimcast/wim"
)

// Options say what of a tree an image keeps. The zero value: contents, links as they are, modification times.
type Options struct {
	Name, Description string // of the image

	UnixData    bool        // owner, group, mode, device and extended attributes of every file, and fifos, sockets and device nodes
	Dereference bool        // capture what symbolic links lead to, in place of the links
	FixLinks    bool        // make absolute link targets in the tree relative to the image's root
	Config      *Config     // what to leave out; nil: nothing
	NoACLs      bool        // of a volume that ntfs-3g has mounted: keep no security descriptors
	Output      fs.FileInfo // of the file that is written: a tree with it in it is refused; nil: not known
	Base        *Base       // an image of this tree that was captured earlier; nil: every file is read

	Warn     func(path, what string) // told of what cannot be captured; nil: not told
	Progress func(Stats)             // told now and then how far the scan is; nil: not told
}

// Stats count what was scanned.
type Stats struct {
	Dirs, Files int   // names in the image
	Bytes       int64 // contents that will be read: each file once, whatever its number of names
	Skipped     int   // files that were told to Warn and left out
	Excluded    int   // files and directories that Config left out
	Fixed       int   // absolute link targets that were made relative to the image
	Unchanged   int   // files whose contents Base has
}

// Item is a file or directory on disk and the place that it gets in the image.
type Item struct {
	Path   string
	Target string // in the image, with slashes; "" or "/" is the root. Directories on the way are made
}

// Scan makes an image of the tree below dir. It reads names and metadata; contents are read later through the Sources of the streams.
func Scan(ctx context.Context, dir string, opts Options) (*wim.Image, Stats, error) {
	return ScanItems(ctx, []Item{{Path: dir}}, opts)
}

// ScanItems makes an image of several files and directories, laid over each other in order: directories with one target are merged, of other
// files the last one stays. FixLinks holds for what goes to the root.
func ScanItems(ctx context.Context, items []Item, opts Options) (*wim.Image, Stats, error) {
	s := newScanner(ctx, opts)
	for _, it := range items {
		if err := s.item(it); err != nil {
			return nil, Stats{}, fmt.Errorf("scan %s: %w", it.Path, err)
		}
	}
	if s.img.Root == nil {
		return nil, Stats{}, errors.New("scan: nothing to capture")
	}
	s.finish()
	return s.img, s.stats, s.describe()
}

// scanner makes one image.
type scanner struct {
	ctx   context.Context // of one scan, which is one call
	opts  Options
	img   *wim.Image
	stats Stats

	links   map[fileID]*linked // files with several names
	order   []*linked          // in the order met
	details []detailer
	ntfs    *ntfs

	root  fs.FileInfo   // of the item being scanned, when links to it are to be fixed; else nil
	path  []string      // names from the image's root to what is being scanned
	skip  int           // how many of them are of the item's target
	above []fs.FileInfo // the directories that it is in

	laid    bool                 // items were laid over each other
	dropped map[*wim.Dentry]bool // names that another item's have replaced
}

// linked is a file with several names.
type linked struct {
	first *wim.Dentry
	names []*wim.Dentry
}

func newScanner(ctx context.Context, opts Options) *scanner {
	s := &scanner{ctx: ctx, opts: opts, links: make(map[fileID]*linked), details: detailersOf(opts), dropped: make(map[*wim.Dentry]bool)}
	s.ntfs = newNTFS(s)
	s.img = &wim.Image{Info: wim.ImageInfo{Name: opts.Name, Description: opts.Description}}
	return s
}

// finish counts, and numbers the groups of names that were found.
func (s *scanner) finish() {
	if s.laid {
		s.recount()
	}
	var group uint64
	for _, l := range s.order {
		l.names = slices.DeleteFunc(l.names, func(d *wim.Dentry) bool { return s.dropped[d] })
		s.ntfs.guessShort(l.names)
		if len(l.names) < 2 {
			continue // its other names are outside
		}
		group++
		for _, d := range l.names {
			d.HardLink = group
		}
	}
}

// describe gives the image the properties of the Windows in it, if there is one.
func (s *scanner) describe() error {
	for _, p := range windowsProperties(s.img, s.warn) {
		if err := s.img.Info.SetProperty(p.path, p.value); err != nil {
			return err
		}
	}
	return nil
}

// errSkip says that a file is left out.
var errSkip = errors.New("left out")

// entry makes the dentry of the file name in dir, with everything below it. It is nil when the file is left out.
func (s *scanner) entry(parent *wim.Dentry, dir *folder, name string, info fs.FileInfo) (*wim.Dentry, error) {
	full := func() string { return join(dir.path(), name) }
	reached := info
	if s.opts.Dereference && info.Mode()&fs.ModeSymlink != 0 {
		to, err := os.Stat(full())
		if err != nil {
			return nil, fmt.Errorf("follow link: %w", err)
		}
		reached = to
	}
	if s.opts.Output != nil && os.SameFile(s.opts.Output, reached) {
		return nil, fmt.Errorf("%s is the output; write it outside the tree, or leave it out with a capture configuration", full())
	}
	onNTFS, err := s.ntfs.volume(full(), reached)
	if err != nil {
		return nil, err
	}
	if onNTFS == nil && !s.keeps(reached) { // on NTFS they are ordinary files, in truth
		s.stats.Skipped++
		s.warn(full(), "is a "+describe(reached.Mode())+" and was left out")
		return nil, errSkip
	}
	d := &wim.Dentry{Name: name, SecurityID: -1, Parent: parent}
	e := &entry{d: d, info: reached, dir: dir, name: name, linked: reached != info, img: s.img}
	return d, s.fill(e)
}

// fill makes a dentry what its file is.
func (s *scanner) fill(e *entry) error {
	id, several := linkID(e.info)
	several = several && !e.info.IsDir() && e.info.Mode()&fs.ModeSymlink == 0
	if several {
		l := s.links[id]
		if l == nil {
			l = &linked{first: e.d}
			s.links[id], s.order = l, append(s.order, l)
		} else {
			e.first = l.first
		}
		l.names = append(l.names, e.d)
	}
	v, err := s.ntfs.volume(e.path(), e.info)
	if err != nil {
		return err
	}
	if v != nil {
		err = s.ntfs.fill(v, e)
	} else {
		err = s.basics(e)
	}
	if err == errSkip {
		s.dropped[e.d] = true
		return err
	}
	if err != nil {
		return fmt.Errorf("read metadata of %s: %w", e.path(), err)
	}
	for _, dt := range s.details {
		if v != nil {
			break // owners and modes are made up there
		}
		if err := dt.detail(e); err != nil {
			return fmt.Errorf("read metadata of %s: %w", e.path(), err)
		}
	}
	if e.d.IsDir() && !e.d.IsReparse() {
		s.stats.Dirs++
		return s.directory(e.d, &folder{parent: e.dir, name: e.name}, e.info)
	}
	s.stats.Files++
	return nil
}

// volumeRoot reports whether what is being scanned goes to the image's root and is the root of a volume.
func (s *scanner) volumeRoot() bool { return s.root != nil && inodeOf(s.root) == rootFile }

// basics fills in what every system tells of a file.
func (s *scanner) basics(e *entry) error {
	d, mode := e.d, e.info.Mode()
	if e.first != nil {
		e.copyFirst()
		return nil
	}
	t := wim.FiletimeOf(e.info.ModTime())
	d.Created, d.Accessed, d.Modified = t, t, t
	switch {
	case mode.IsDir():
		d.Attributes = wim.AttrDirectory
	case mode&fs.ModeSymlink != 0:
		return s.link(e)
	case mode.IsRegular():
		if d.Attributes = wim.AttrNormal; isSparse(e.info) {
			d.Attributes = wim.AttrSparse
		}
		return s.contents(e)
	}
	return nil
}

// contents gives a regular file its stream.
func (s *scanner) contents(e *entry) error {
	size := e.info.Size()
	if size == 0 {
		return nil
	}
	if hash, ok := s.opts.Base.find(s.path, size, e.d.Modified); ok && !isHive(s.path) {
		s.stats.Unchanged++
		e.d.Streams = []wim.Stream{{Kind: wim.StreamData, Hash: hash}}
		return nil
	}
	src := &fileSource{dir: e.dir, name: e.name, was: identityOf(e.info)}
	src.was.linked = e.linked
	e.d.Streams = []wim.Stream{{Kind: wim.StreamData, Source: src}}
	s.stats.Bytes += size
	return nil
}

// directory adds what is in a directory to d.
func (s *scanner) directory(d *wim.Dentry, dir *folder, info fs.FileInfo) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if err := s.descend(dir, info); err != nil {
		return err
	}
	defer func() { s.above = s.above[:len(s.above)-1] }()
	path := dir.path()
	entries, err := readDir(path)
	if err != nil {
		return err
	}
	d.Children = make([]*wim.Dentry, 0, len(entries))
	for _, de := range entries {
		if err := s.child(d, dir, path, de); err != nil {
			return err
		}
	}
	if s.opts.Progress != nil {
		s.opts.Progress(s.stats)
	}
	return nil
}

// descend notes that dir is being scanned, and refuses what is too deep or leads back.
func (s *scanner) descend(dir *folder, info fs.FileInfo) error {
	if len(s.above) >= wim.MaxDepth {
		return fmt.Errorf("%s: directories nest deeper than %d", dir.path(), wim.MaxDepth)
	}
	if s.opts.Dereference {
		for _, a := range s.above {
			if os.SameFile(a, info) {
				return fmt.Errorf("%s leads back to a directory that it is in; capture without following links, or leave it out", dir.path())
			}
		}
	}
	s.above = append(s.above, info)
	return nil
}

// child adds one directory entry to d.
func (s *scanner) child(d *wim.Dentry, dir *folder, path string, de fs.DirEntry) error {
	name := de.Name()
	s.path = append(s.path, name)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	if s.opts.Config.excludes(s.path[s.skip:]) {
		s.stats.Excluded++
		return nil
	}
	if err := wim.CheckName(name); err != nil {
		return fmt.Errorf("%s: %w", join(path, name), err)
	}
	info, err := de.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w; capture again when nothing writes to the tree", join(path, name), wim.ErrChanged)
	}
	if err != nil {
		return err
	}
	c, err := s.entry(d, dir, name, info)
	if err == errSkip {
		return nil
	}
	if err != nil {
		return err
	}
	d.Children = append(d.Children, c)
	return nil
}

// readDir gives the entries of a directory in the order in which images have them.
func readDir(path string) ([]fs.DirEntry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return wim.CompareNames(a.Name(), b.Name()) })
	return entries, nil
}

// keeps reports whether an image can hold a file of that kind.
func (s *scanner) keeps(info fs.FileInfo) bool {
	kind := info.Mode().Type()
	if kind&fs.ModeIrregular != 0 {
		return false
	}
	_, unix := unixData(info)
	return kind&^(fs.ModeDir|fs.ModeSymlink) == 0 || unix && s.opts.UnixData
}

func (s *scanner) warn(path, what string) {
	if s.opts.Warn != nil {
		s.opts.Warn(path, what)
	}
}

func describe(kind fs.FileMode) string {
	switch {
	case kind&fs.ModeSocket != 0:
		return "socket"
	case kind&fs.ModeNamedPipe != 0:
		return "fifo"
	case kind&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

// defaultName is the name of an image of dir: its last name.
func defaultName(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("name the image of %s: %w", dir, err)
	}
	return filepath.Base(abs), nil
}
