package wim

import (
	"crypto/sha1"
	"fmt"
)

// image stores the tree of an image, once all contents are known.
func (f *feeder) image(m *writerImage) error {
	switch {
	case f.opts.Part > 1 || m.kept:
		return nil
	case m.tree == nil:
		return f.copyImage(m)
	}
	hashes := f.giveHashes
	if f.opts.Parts > 1 {
		if err := hasHashes(m.tree); err != nil {
			return err
		}
		hashes = nil
	}
	c := f.counting(m)
	e, err := newTreeEncoder(m.tree, hashes, m.first, c.dentry)
	if err != nil {
		return err
	}
	sum := sha1.New()
	run, _, err := f.runs.begin(e.size)
	if err != nil {
		return err
	}
	err = e.encode(func(b []byte) error {
		sum.Write(b)
		return f.put(f.runs, b)
	})
	f.enterTree(m, treeEntry{SHA1(sum.Sum(nil)), run, e.size})
	return err
}

// enterTree enters the metadata of an image.
func (f *feeder) enterTree(m *writerImage, t treeEntry) {
	m.entry = int32(len(f.trees))
	f.trees = append(f.trees, t)
}

// copyImage copies metadata as it is stored, if it can be.
func (f *feeder) copyImage(m *writerImage) error {
	res, err := m.from.MetadataOf(m.n)
	if err != nil {
		return err
	}
	if !f.opts.Recompress && !res.Solid && !res.Pipable && res.Compression == f.opts.Compression && (res.Compression == None || res.PieceSize == f.opts.PieceSize) {
		f.enterTree(m, treeEntry{res.Hash, f.runs.runs, res.Size})
		f.meter.add(res.Size)
		return f.copyStored(m.from, res.Run)
	}
	run, _, err := f.decoded(f.runs, m.from, res)
	f.enterTree(m, treeEntry{res.Hash, run, res.Size})
	return err
}

// counting counts what the XML tells of an image, and the references to contents that were read.
type counting struct {
	*feeder
	m    *writerImage
	info *ImageInfo
	// Files with several names that were met: of an Image, of another ImageSource.
	files  map[linkedFile]struct{}
	groups linkGroups[bool]
}

// linkedFile is a file with several names. Those that share a group number but not their contents are different files.
type linkedFile struct {
	group      uint64
	data       SHA1
	attributes uint32
}

func (f *feeder) counting(m *writerImage) *counting {
	info := &m.info
	info.DirCount, info.FileCount, info.TotalBytes, info.HardLinkBytes = 0, 0, 0, 0
	info.Modified = FiletimeOf(f.opts.Time)
	if info.Created == 0 {
		info.Created = info.Modified
	}
	return &counting{feeder: f, m: m, info: info, files: make(map[linkedFile]struct{})}
}

func (c *counting) dentry(d *Dentry) {
	if d.IsDir() && !d.IsReparse() {
		c.info.DirCount++
	} else {
		c.info.FileCount++
	}
	n := int64(0)
	for i := range d.Streams {
		s := &d.Streams[i]
		entry, known := c.entries.find(s.Hash)
		switch {
		case s.Hash.IsZero():
		case known:
			n += c.entries.sizeOf(entry)
			if s.Source != nil && c.opts.Parts == 1 {
				c.entries.at(int(entry)).refs++
			}
		default:
			n += c.lentSize(s.Hash)
		}
	}
	c.info.TotalBytes += n
	if d.HardLink == 0 || d.IsDir() {
		return
	}
	if c.again(d) {
		c.info.HardLinkBytes += n
	}
}

// again reports whether a dentry is of a file with several names of which one was met.
func (c *counting) again(d *Dentry) bool {
	if inMemory(c.m.tree) {
		file := linkedFile{d.HardLink, d.Data(), d.Attributes}
		_, again := c.files[file]
		c.files[file] = struct{}{}
		return again
	}
	met, err := c.groups.of(d)
	if err != nil { // planImage refuses it
		return false
	}
	again := *met
	*met = true
	return again
}

// lentSize is the size of a content that this file does not have; 0 where nobody knows.
func (c *counting) lentSize(hash SHA1) int64 {
	if n, ok := c.baseSize(hash); ok {
		return n
	}
	if c.m.from != nil {
		if r, ok := c.m.from.Lookup(hash); ok {
			return r.Size
		}
	}
	return 0
}

// hasHashes refuses a tree whose contents are still to be read.
func hasHashes(tree ImageSource) error {
	return tree.Visit(func(d *Dentry, _ int) error {
		for i := range d.Streams {
			if s := &d.Streams[i]; s.Source != nil && s.Hash.IsZero() && s.Source.Size() != 0 {
				return fmt.Errorf("%q has contents that were not read yet; write one file, and split that", d.Path())
			}
		}
		return nil
	})
}
