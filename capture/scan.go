package capture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
	Repeatable  bool        // keep no access times, which reading a file changes: a tree that did not change makes the same image again
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
	trees, err := s.items(items)
	if err != nil {
		return nil, Stats{}, err
	}
	img, err := s.lay(trees)
	if err != nil {
		return nil, Stats{}, err
	}
	find := func(names ...string) *wim.Dentry { return findFold(img.Root, names...) }
	return img, s.stats, s.describe(&img.Info, find)
}

// ScanTree is ScanItems for a tree that is only to be written. A single directory takes some 20 bytes of memory a file.
func ScanTree(ctx context.Context, items []Item, opts Options) (wim.ImageSource, Stats, error) {
	if len(items) != 1 || strings.Trim(items[0].Target, `/\`) != "" {
		return ScanItems(ctx, items, opts)
	}
	s := newScanner(ctx, opts)
	trees, err := s.items(items)
	if err != nil {
		return nil, Stats{}, err
	}
	t := trees[0].tree
	return t, s.stats, s.describe(&t.info, t.find)
}

// scanner scans the items of one image.
type scanner struct {
	ctx   context.Context // of one scan, which is one call
	opts  Options
	park  *park
	stats Stats

	security [][]byte
	links    map[fileID]int // numbers of files with several names
	details  []detailer
	ntfs     *ntfs

	root  fs.FileInfo   // of the item being scanned, when links to it are to be fixed; else nil
	path  []string      // names from the image's root to what is being scanned
	skip  int           // how many of them are of the item's target
	above []fs.FileInfo // the directories that it is in
}

func newScanner(ctx context.Context, opts Options) *scanner {
	s := &scanner{ctx: ctx, opts: opts, links: make(map[fileID]int), details: detailersOf(opts), park: &park{shorts: make(map[int64]string)}}
	s.ntfs = newNTFS(s)
	return s
}

// describe gives an image the properties of the Windows in it, if there is one.
func (s *scanner) describe(info *wim.ImageInfo, find func(names ...string) *wim.Dentry) error {
	for _, p := range windowsProperties(find, s.warn) {
		if err := info.SetProperty(p.path, p.value); err != nil {
			return err
		}
	}
	return nil
}

// errSkip says that a file is left out.
var errSkip = errors.New("left out")

// entry adds the file name in dir, with everything below it, as the dentry as. It returns errSkip when the file is left out.
func (s *scanner) entry(dir *folder, name, as string, info fs.FileInfo) error {
	reached := info
	e := &entry{d: &wim.Dentry{Name: as, SecurityID: -1}, info: info, dir: dir, name: name}
	if s.opts.Dereference && info.Mode()&fs.ModeSymlink != 0 {
		to, err := os.Stat(e.path())
		if err != nil {
			return fmt.Errorf("follow link: %w", err)
		}
		reached = to
		e.info, e.linked = to, true
	}
	if s.opts.Output != nil && os.SameFile(s.opts.Output, reached) {
		return fmt.Errorf("%s is the output; write it outside the tree, or leave it out with a capture configuration", e.path())
	}
	onNTFS, err := s.ntfs.volume(e)
	if err != nil {
		return err
	}
	if onNTFS == nil && !s.keeps(reached) { // on NTFS they are ordinary files, in truth
		s.stats.Skipped++
		s.warn(e.path(), "is a "+describe(reached.Mode())+" and was left out")
		return errSkip
	}
	return s.fill(e)
}

// fill makes a dentry what its file is, and adds it.
func (s *scanner) fill(e *entry) error {
	id, several := linkID(e.info)
	if e.several = several && !e.info.IsDir() && e.info.Mode()&fs.ModeSymlink == 0; e.several {
		if e.link, e.again = s.links[id]; !e.again {
			e.link = len(s.park.links)
			s.links[id], s.park.links = e.link, append(s.park.links, link{})
		}
	}
	err := s.facts(e)
	if err == errSkip && e.several {
		s.park.links[e.link].dropped = true
	}
	if err == errSkip {
		return err
	}
	if err != nil {
		return fmt.Errorf("read metadata of %s: %w", e.path(), err)
	}
	if s.opts.Repeatable {
		e.d.Accessed = e.d.Modified
	}
	at := s.park.add(e)
	if e.unknown && e.several {
		s.ntfs.noteUnknown(e, at)
	}
	if e.d.IsDir() && !e.d.IsReparse() {
		s.stats.Dirs++
		return s.directory(&folder{parent: e.dir, name: e.name}, e.info)
	}
	s.stats.Files++
	return nil
}

// facts fills in what is known of a file.
func (s *scanner) facts(e *entry) error {
	v, err := s.ntfs.volume(e)
	if err != nil {
		return err
	}
	if v != nil {
		return s.ntfs.fill(v, e) // owners and modes are made up there
	}
	if e.again {
		return nil
	}
	if err := s.basics(e); err != nil {
		return err
	}
	for _, dt := range s.details {
		if err := dt.detail(e); err != nil {
			return err
		}
	}
	return nil
}

// volumeRoot reports whether what is being scanned goes to the image's root and is the root of a volume.
func (s *scanner) volumeRoot() bool { return s.root != nil && inodeOf(s.root) == rootFile }

// basics fills in what every system tells of a file.
func (s *scanner) basics(e *entry) error {
	d, mode := e.d, e.info.Mode()
	t := wim.FiletimeOf(e.info.ModTime())
	d.Created, d.Accessed, d.Modified = t, t, t
	switch {
	case mode.IsDir():
		d.Attributes = wim.AttrDirectory
		windowsFacts(d, e.info)
	case mode&fs.ModeSymlink != 0:
		return s.link(e)
	case mode.IsRegular():
		if d.Attributes = wim.AttrNormal; isSparse(e) {
			d.Attributes = wim.AttrSparse
		}
		windowsFacts(d, e.info)
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
	hash, ok, err := s.opts.Base.find(s.path, size, e.d.Modified)
	if err != nil {
		return err
	}
	if ok && !isHive(s.path) {
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

// directory adds what is in the directory that was added last.
func (s *scanner) directory(dir *folder, info fs.FileInfo) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if err := s.descend(dir, info); err != nil {
		return err
	}
	defer func() { s.above = s.above[:len(s.above)-1] }()
	path := dir.path()
	list, err := readNames(path)
	if err != nil {
		return err
	}
	s.park.enter()
	for i := range list.names {
		if err := s.child(dir, path, list.name(i)); err != nil {
			return err
		}
	}
	s.park.leave()
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

// child adds a file of a directory.
func (s *scanner) child(dir *folder, path, name string) error {
	s.path = append(s.path, name)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	if s.opts.Config.excludes(s.path[s.skip:]) {
		s.stats.Excluded++
		return nil
	}
	if err := wim.CheckName(name); err != nil {
		return fmt.Errorf("%s: %w", join(path, name), err)
	}
	info, err := os.Lstat(join(path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w; capture again when nothing writes to the tree", join(path, name), wim.ErrChanged)
	}
	if err != nil {
		return err
	}
	if err := s.entry(dir, name, name, info); err != errSkip {
		return err
	}
	return nil
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
