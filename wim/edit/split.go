package edit

import (
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// Sizes of what a part has beside resources, in bytes.
const (
	entrySize     = 50       // of the blob table, a resource
	pipeSize      = 40       // before a resource or table of a pipable file
	integritySize = 20       // of the integrity table, every 10 MiB
	integrityStep = 10 << 20 // bytes
	spareSize     = 64       // for numbers in the XML that get longer
)

// Split writes the file at path as a set of parts, and returns their names: first, and first with 2, 3, ... before its extension. Every part has at
// most size bytes where what it holds allows it: a run of bytes that is stored as one thing, such as a large file or a solid run, is not cut, and the
// images' metadata is all in part 1. Files that have the parts' names are replaced, all of them once all parts are written.
func Split(ctx context.Context, path, first string, size int64, opts Options) ([]string, error) {
	names, err := splitFile(ctx, path, first, size, opts)
	return names, wrap(err, "split", path)
}

func splitFile(ctx context.Context, path, first string, size int64, opts Options) ([]string, error) {
	if size < 1 {
		return nil, fmt.Errorf("parts of %d bytes: want at least 1", size)
	}
	in, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer in.close()
	if err := opts.verify(ctx, in.File); err != nil {
		return nil, err
	}
	s := &splitter{in: in, opts: opts, size: size}
	parts, err := s.plan()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(parts))
	for i := range parts {
		names[i] = partName(first, i+1)
		if in.is(names[i]) {
			return nil, fmt.Errorf("write %s: %w", names[i], errSame)
		}
	}
	return names, s.write(ctx, names, parts)
}

// partName returns the name of part n: "install.swm", "install2.swm", ...
func partName(first string, n int) string {
	if n == 1 {
		return first
	}
	dir, base := filepath.Split(first)
	ext := filepath.Ext(base)
	if ext == base {
		ext = ""
	}
	return dir + strings.TrimSuffix(base, ext) + strconv.Itoa(n) + ext
}

// splitter is one run of Split.
type splitter struct {
	in    *input
	opts  Options
	size  int64
	guid  [16]byte
	done  int64 // bytes of the parts that are written
	total int64
}

// plan shares the entries out: in stored order, each part as full as it can be.
func (s *splitter) plan() ([][]int, error) {
	f := s.in.File
	header := int64(wim.HeaderSize) + f.Header.XML.StoredSize + spareSize
	blob := int64(entrySize)
	if s.pipes() {
		header += header + 3*pipeSize
		blob += pipeSize
	}
	used := header
	for i := range f.Images() {
		m, err := f.MetadataOf(i + 1)
		if err != nil {
			return nil, err
		}
		used += m.StoredSize + blob
	}
	var layout []int // entries by place
	for i := range f.Placed() {
		if !f.Resource(i).IsMetadata() {
			layout = append(layout, i)
		}
	}
	parts := [][]int{nil}
	for i := 0; i < len(layout); {
		n, first := i+1, f.Resource(layout[i])
		for n < len(layout) && f.Place(layout[n]).Offset == first.Offset {
			n++
		}
		run := layout[i:n]
		need := first.StoredSize + blob*int64(len(run))
		if first.Solid {
			need += entrySize
		}
		if last := len(parts) - 1; s.over(used+need) && (len(parts[last]) > 0 || last == 0 && s.over(used)) {
			parts = append(parts, nil)
			used = header
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], run...)
		used += need
		i = n
	}
	if len(parts) > wim.MaxParts {
		return nil, fmt.Errorf("it would have %d parts of up to %d bytes, the limit is %d: make them larger", len(parts), s.size, wim.MaxParts)
	}
	return parts, nil
}

// pipes says whether the parts are pipable files.
func (s *splitter) pipes() bool {
	return s.in.Header.Pipable && s.opts.Piping != NotPipable
}

// over says whether a part with so many bytes would be too large.
func (s *splitter) over(bytes int64) bool {
	if s.opts.Integrity == AddIntegrity || s.opts.Integrity == KeepIntegrity && s.in.Header.Integrity.Size > 0 {
		bytes += 12 + integritySize*(bytes/integrityStep+1)
	}
	return bytes > s.size
}

// write writes all parts, and then gives them their names.
func (s *splitter) write(ctx context.Context, names []string, parts [][]int) (err error) {
	for _, p := range parts {
		for _, i := range p {
			s.total += s.in.SizeOf(i)
		}
	}
	s.guid = s.setGUID(len(parts))
	var batch batch
	defer func() {
		if err != nil {
			batch.drop()
		}
	}()
	for i, p := range parts {
		if err := batch.add(ctx, names[i], s.pipes(), func(f *os.File) (wim.WriterStats, error) { return s.part(ctx, f, i+1, len(parts), p) }); err != nil {
			return fmt.Errorf("write %s: %w", names[i], err)
		}
	}
	return batch.finish()
}

// setGUID makes the GUID that all parts have. It is made from the file and how it is cut, so that parts of two sets are told apart, and
// doing the same again gives the same bytes.
func (s *splitter) setGUID(parts int) (guid [16]byte) {
	sum := sha1.New()
	fmt.Fprintf(sum, "%x %d %d ", s.in.Header.GUID, s.size, parts)
	sum.Write(s.in.RawXML())
	copy(guid[:], sum.Sum(nil))
	return guid
}

// part writes one part, with those entries.
func (s *splitter) part(ctx context.Context, out *os.File, n, of int, entries []int) (stats wim.WriterStats, err error) {
	o := s.opts.writer(s.in.File, Storage{})
	o.Part, o.Parts, o.GUID = n, of, s.guid
	o.BootIndex = s.in.Header.BootIndex
	if s.opts.Progress != nil {
		before := s.done
		o.Progress = func(p wim.Progress) { s.opts.Progress(wim.Progress{Done: before + p.Done, Total: s.total}) }
	}
	w, err := wim.Create(out, o)
	if err != nil {
		return stats, err
	}
	for _, i := range entries {
		if err := w.Resource(s.in.File, i); err != nil {
			return stats, err
		}
		s.done += s.in.SizeOf(i)
	}
	if err := copyImages(w, s.in.File, nil); err != nil {
		return stats, err
	}
	return w.Finish(ctx)
}
