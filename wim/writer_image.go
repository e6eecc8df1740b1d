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
	case m.img == nil:
		return f.copyImage(m)
	}
	if f.opts.Parts == 1 {
		f.finishTree(m.img)
	} else if err := hasHashes(m.img); err != nil {
		return err
	}
	f.describe(m)
	e, err := newTreeEncoder(m.img)
	if err != nil {
		return err
	}
	sum := sha1.New()
	if m.entry, err = f.beginTree(SHA1{}, e.size); err != nil {
		return err
	}
	err = e.encode(func(b []byte) error {
		sum.Write(b)
		return f.put(f.runs, b)
	})
	f.entries[m.entry].hash = SHA1(sum.Sum(nil))
	return err
}

// beginTree begins the metadata of an image, which gets an entry that no content can have.
func (f *feeder) beginTree(hash SHA1, size int64) (int32, error) {
	run, start, err := f.runs.begin(size)
	f.entries = append(f.entries, writeEntry{hash: hash, run: run, start: start, size: size, refs: 1, tree: true})
	return int32(len(f.entries) - 1), err
}

// copyImage copies metadata as it is stored, if it can be.
func (f *feeder) copyImage(m *writerImage) error {
	res, err := m.from.MetadataOf(m.n)
	if err != nil {
		return err
	}
	if !f.opts.Recompress && !res.Solid && !res.Pipable && res.Compression == f.opts.Compression && (res.Compression == None || res.PieceSize == f.opts.PieceSize) {
		m.entry = int32(len(f.entries))
		f.entries = append(f.entries, writeEntry{hash: res.Hash, run: f.runs.runs, size: res.Size, refs: 1, tree: true})
		f.meter.add(res.Size)
		return f.copyStored(m.from, res.Run)
	}
	i := int32(len(f.entries))
	f.entries = append(f.entries, writeEntry{hash: res.Hash, size: res.Size, refs: 1, tree: true})
	m.entry = i
	return f.decoded(f.runs, m.from, res, &f.entries[i])
}

// finishTree gives the streams that came from Sources their hashes, and counts them.
func (f *feeder) finishTree(img *Image) {
	_ = img.Walk(func(d *Dentry) error { // it gives no error
		for i := range d.Streams {
			s := &d.Streams[i]
			if s.Source == nil {
				continue
			}
			s.Hash = f.packs[f.sources[s.Source]].hash
			if e, ok := f.known[s.Hash]; ok && !s.Hash.IsZero() {
				f.entries[e].refs++
			}
		}
		return nil
	})
}

// describe counts what the XML tells of an image.
func (f *feeder) describe(m *writerImage) {
	info := &m.info
	info.DirCount, info.FileCount, info.TotalBytes, info.HardLinkBytes = 0, 0, 0, 0
	info.Modified = FiletimeOf(f.opts.Time)
	if info.Created == 0 {
		info.Created = info.Modified
	}
	bytes := func(d *Dentry) (n int64) {
		for i := range d.Streams {
			n += f.contentSize(d.Streams[i].Hash, m)
		}
		return n
	}
	_ = m.img.Walk(func(d *Dentry) error { // it gives no error
		if d.IsDir() && !d.IsReparse() {
			info.DirCount++
		} else {
			info.FileCount++
		}
		info.TotalBytes += bytes(d)
		return nil
	})
	for _, group := range m.img.HardLinks() {
		for _, d := range group[1:] {
			info.HardLinkBytes += bytes(d)
		}
	}
}

// contentSize is the size of a content; 0 where nobody knows.
func (f *feeder) contentSize(hash SHA1, m *writerImage) int64 {
	if hash.IsZero() {
		return 0
	}
	if i, ok := f.known[hash]; ok {
		return f.entries[i].size
	}
	if n, ok := f.baseSize(hash); ok {
		return n
	}
	if m.from != nil {
		if r, ok := m.from.Lookup(hash); ok {
			return r.Size
		}
	}
	return 0
}

// hasHashes refuses a tree whose contents are still to be read.
func hasHashes(img *Image) error {
	return img.Walk(func(d *Dentry) error {
		for i := range d.Streams {
			if s := &d.Streams[i]; s.Source != nil && s.Hash.IsZero() && s.Source.Size() != 0 {
				return fmt.Errorf("%q has contents that were not read yet; write one file, and split that", d.Path())
			}
		}
		return nil
	})
}
