package wim

import (
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// maxThreads bounds CaptureOptions.Threads, and with it memory: each thread has up to 8 MiB in hand.
const maxThreads = 64

// CaptureOptions says how to capture. The zero value: stored, one thread a processor, no boot image, no integrity table.
type CaptureOptions struct {
	Compression Compression // None or XPRESS
	Threads     int         // 1 to 64; 0: one a processor. The bytes written do not depend on it
	Name        string      // of the image; "" takes the directory's base name. Names must differ within a file
	Description string
	BootIndex   int       // 1-based image that boots; 0: none
	UnixData    bool      // keep owner, group, mode and device of every file, and fifos and device nodes
	Check       bool      // add an integrity table; w must be an io.ReaderAt too, as an os.File made by os.Create is
	Time        time.Time // written as the images' creation time; zero: now
	Progress    func(Progress)
	Warn        func(path, what string) // told of what cannot be captured (sockets); nil: not told
}

// CaptureSource is one directory that becomes one image.
type CaptureSource struct {
	Dir         string
	Name        string // "" takes the directory's base name
	Description string
}

// CaptureStats counts what a capture wrote.
type CaptureStats struct {
	Images, Dirs, Files int
	Bytes               int64 // contents of all files, each name counted
	Resources           int   // distinct contents, image metadata not counted
	Size                int64 // of the WIM file
	Skipped             int   // files that were told to Warn
}

// Capture writes the tree below dir as a WIM of one image to w, which must be empty and at its start. A file that changes
// while it is read is an error that is ErrChanged and names the path; w then holds no valid file.
//
// Hard links stay together, symbolic links become reparse points with their target unchanged, modification times are kept to 100 ns.
// Access times are not kept (reading changes them); they are written as the modification time, and so is the creation time.
// The same tree, options and Time give the same bytes.
func Capture(ctx context.Context, w io.WriteSeeker, dir string, opts CaptureOptions) (CaptureStats, error) {
	return CaptureImages(ctx, w, []CaptureSource{{Dir: dir, Name: opts.Name, Description: opts.Description}}, opts)
}

// CaptureImages writes one image a source, in order, contents shared between them. opts.Name and opts.Description are not used.
func CaptureImages(ctx context.Context, w io.WriteSeeker, sources []CaptureSource, opts CaptureOptions) (CaptureStats, error) {
	opts, sources, err := opts.validate(w, sources)
	if err != nil {
		return CaptureStats{}, err
	}
	c := &capture{opts: opts, out: newOutput(w)}
	if f, ok := w.(*os.File); ok {
		c.self, _ = f.Stat() // without it only the check against capturing the output is lost
	}
	for _, s := range sources {
		if err := c.scan(ctx, s); err != nil {
			return CaptureStats{}, wrapf(err, "capture %s", s.Dir)
		}
	}
	if err := c.write(ctx); err != nil {
		return CaptureStats{}, wrapf(err, "capture %s", sources[0].Dir)
	}
	return c.stats, nil
}

// validate checks the options and gives them with their defaults filled in.
func (o CaptureOptions) validate(w io.Writer, sources []CaptureSource) (CaptureOptions, []CaptureSource, error) {
	fail := func(format string, args ...any) (CaptureOptions, []CaptureSource, error) {
		return o, nil, fmt.Errorf("capture: "+format, args...)
	}
	switch {
	case o.Compression != None && o.Compression != XPRESS:
		return o, nil, unsupportedf("capture: %s compression", o.Compression)
	case o.Threads < 0 || o.Threads > maxThreads:
		return fail("%d threads are not in 0 to %d", o.Threads, maxThreads)
	case len(sources) < 1 || len(sources) > MaxImages:
		return fail("%d images are not in 1 to %d", len(sources), MaxImages)
	case o.BootIndex < 0 || o.BootIndex > len(sources):
		return fail("boot image %d is not in 0 to %d", o.BootIndex, len(sources))
	}
	if _, ok := w.(io.ReaderAt); o.Check && !ok {
		return fail("an integrity table needs an output that can be read too")
	}
	if o.Threads == 0 {
		o.Threads = min(runtime.GOMAXPROCS(0), maxThreads)
	}
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	named := make([]CaptureSource, len(sources))
	seen := make(map[string]bool)
	for i, s := range sources {
		if s.Name == "" {
			abs, err := filepath.Abs(s.Dir)
			if err != nil {
				return fail("name the image of %s: %w", s.Dir, err)
			}
			s.Name = filepath.Base(abs)
		}
		if seen[s.Name] {
			return fail("two images have the name %q", s.Name)
		}
		for _, text := range []string{s.Name, s.Description} {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0xfffe || r == 0xffff }) {
				return fail("name or description %q is not plain text", text)
			}
		}
		seen[s.Name] = true
		named[i] = s
	}
	return o, named, nil
}

// capture is one run of CaptureImages.
type capture struct {
	opts   CaptureOptions
	out    *output
	self   os.FileInfo // of the output, if it is a file
	images []*captured
	sizes  map[int64]int // how many files have that size
	total  int64         // bytes that will be read
	stats  CaptureStats

	resources []Resource     // in the order written; metadata not among them
	known     map[SHA1]int32 // their indices
}

// captured is one image on its way.
type captured struct {
	source   CaptureSource
	root     *node
	inodes   []*inode
	metadata Location
	hash     SHA1
	info     ImageInfo
}

// write writes everything, once all is scanned.
func (c *capture) write(ctx context.Context) error {
	c.known = make(map[SHA1]int32)
	if err := c.out.write(make([]byte, HeaderSize)); err != nil {
		return err
	}
	if err := c.writeContents(ctx); err != nil {
		return err
	}
	for _, img := range c.images {
		if err := c.writeMetadata(img); err != nil {
			return err
		}
	}
	return c.writeTables(ctx)
}

// writeMetadata counts an image's references and writes its tree.
func (c *capture) writeMetadata(img *captured) error {
	img.count(c)
	b := buildMetadata(img.root)
	if len(b) > maxMetadata {
		return fmt.Errorf("write metadata of image %q: %d bytes are over the limit of %d", img.source.Name, len(b), maxMetadata)
	}
	img.hash = sha1.Sum(b)
	var err error
	img.metadata, err = c.out.resource(c.opts.Compression, b)
	img.metadata.Flags |= ResourceMetadata
	return err
}

// count fills in what the XML tells of the image, and the reference counts.
func (img *captured) count(c *capture) {
	info := &img.info
	info.Name, info.Description = img.source.Name, img.source.Description
	info.Created = FiletimeOf(c.opts.Time)
	info.Modified = info.Created
	counted := make(map[*inode]bool)
	img.root.walk(func(n *node) {
		if n.d.IsDir() && !n.d.IsReparse() {
			info.DirCount++
			return
		}
		info.FileCount++
		for _, s := range n.d.Streams {
			r := &c.resources[c.known[s.Hash]]
			r.Refs++
			info.TotalBytes += r.Size
			if counted[n.inode] {
				info.HardLinkBytes += r.Size
			}
		}
		counted[n.inode] = true
	})
	c.stats.Images++
	c.stats.Dirs += int(info.DirCount)
	c.stats.Files += int(info.FileCount)
	c.stats.Bytes += info.TotalBytes
}
