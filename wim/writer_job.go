package wim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// writeJob is one run of Finish.
//
// Everything is known before the first byte is written but the hashes of what comes from Sources. One goroutine then feeds bytes into a
// pipeline in the order in which they will stand in the file: ranges that are copied as they are stored, contents that are packed, the
// images' metadata. It also decides what has been met before, so that the file does not depend on the number of threads.
type writeJob struct {
	*Writer
	entries entryTable
	trees   []treeEntry
	runs    runTable // those the file has that is appended to, then those that are written, in order
	older   int32    // how many of them the file has that is appended to

	files   []*File          // whose resources are taken over
	copies  []taken          // those that are copied as they are stored, run by run: file by file, in order of their places
	repacks []taken          // those that are decoded and packed again, likewise
	names   map[int32]string // of entries: of a dentry that uses it; for the order of solid runs
	packs   []pack           // where contents are sorted; else the trees are walked
	slots   slotTable        // what is in streams with Sources
	sizes   map[int64]bool   // sizes of large contents: true when there are several, or one is in the file already
	total   int64            // bytes of content that will be read
	stats   WriterStats
}

// treeEntry is an image's metadata in the blob table to be.
type treeEntry struct {
	hash SHA1
	run  int32
	size int64
}

// taken is a resource of another file: entry i of file number file, as an entry here.
type taken struct {
	file, i, entry int32
}

// fileOf returns the file that a resource comes from, and resourceOf the resource.
func (j *writeJob) fileOf(t taken) *File        { return j.files[t.file] }
func (j *writeJob) resourceOf(t taken) Resource { return j.fileOf(t).Resource(int(t.i)) }

// sameRun returns how many resources at the start of the list are in one run.
func (j *writeJob) sameRun(list []taken) int {
	n, f := 1, j.fileOf(list[0])
	for n < len(list) && list[n].file == list[0].file && f.Place(int(list[n].i)).Offset == f.Place(int(list[0].i)).Offset {
		n++
	}
	return n
}

// pack is a Source and the slot for what it holds.
type pack struct {
	src  Source
	slot int
}

func (w *Writer) job() *writeJob {
	return &writeJob{Writer: w, entries: newEntryTable(), runs: newRunTable(), names: make(map[int32]string)}
}

func (j *writeJob) run(ctx context.Context) error {
	if err := j.checkImages(); err != nil {
		return err
	}
	if err := j.plan(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	out, err := newSink(j.w, j.start())
	if err != nil {
		return err
	}
	if j.old == nil {
		if err := out.write(make([]byte, HeaderSize)); err != nil {
			return err
		}
	}
	if err := j.writeContents(ctx, out); err != nil {
		return err
	}
	return j.writeTables(ctx, out)
}

// start is where the first byte goes.
func (j *writeJob) start() int64 {
	if j.old == nil {
		return 0
	}
	end := int64(HeaderSize)
	for _, t := range j.old.Header.tables() {
		if t.at.StoredSize > 0 { // what is empty may be said to be anywhere
			end = max(end, t.at.End())
		}
	}
	for from, to := range j.old.runRanges() {
		if from < j.old.volumes[0].Size {
			end = max(end, to)
		}
	}
	return end
}

// checkImages refuses names that are there twice, and what else can be told before anything is read.
func (j *writeJob) checkImages() error {
	if j.opts.BootIndex > len(j.images) {
		return fmt.Errorf("image %d is to boot, of %d", j.opts.BootIndex, len(j.images))
	}
	count := make(map[string]int)
	for i := range j.images {
		count[j.images[i].info.Name]++
	}
	for i := range j.images {
		m := &j.images[i]
		if m.named && m.info.Name != "" && count[m.info.Name] > 1 {
			return fmt.Errorf("two images would have the name %q; give one another name", m.info.Name)
		}
		info := m.info
		if _, err := info.tree(); err != nil && !m.kept {
			return wrapf(err, "describe image %d", i+1)
		}
	}
	return nil
}

// plan finds out what is to be written.
func (j *writeJob) plan() error {
	j.sizes = make(map[int64]bool)
	for _, b := range j.opts.Base {
		for i := range b.Count() {
			j.noteSize(b.SizeOf(i), true)
		}
	}
	if j.old != nil {
		j.keepOld()
		if err := j.keepTrees(); err != nil {
			return err
		}
	}
	j.older = int32(j.runs.n)
	for _, x := range j.wanted {
		if i := j.resource(x.from, x.entry, ""); i >= 0 {
			j.entries.claim(i, max(x.from.resources[x.entry].refs, 1))
		}
	}
	if j.opts.Parts == 1 {
		sources := make(map[Source]int)
		for i := range j.images {
			if err := j.planImage(&j.images[i], sources); err != nil {
				return wrapf(err, "plan image %d", i+1)
			}
			if j.slots.n > maxSlots {
				return fmt.Errorf("more than %d streams to read; capture several files", maxSlots)
			}
		}
	}
	j.split()
	for i := range j.images {
		if m := &j.images[i]; m.tree == nil && !m.kept && j.opts.Part == 1 {
			res, err := m.from.MetadataOf(m.n)
			if err != nil {
				return err
			}
			j.total += res.Size
		}
	}
	return nil
}

// keepOld enters what the file has that is appended to, with the references that it says, unless they must be counted again.
func (j *writeJob) keepOld() {
	at := make(map[int64]int32)
	for _, r := range j.old.Resources() {
		if r.IsMetadata() || r.Offset >= j.old.volumes[0].Size {
			continue // what other files lend stays with them
		}
		if _, ok := j.entries.find(r.Hash); ok {
			continue
		}
		n, ok := at[r.Offset]
		if !ok || !r.Solid {
			n = j.runs.enter(r.Run)
			if r.Solid {
				at[r.Offset] = n
			}
		}
		i := j.entries.enter(r.Hash, n, r.Start, r.Size)
		if !j.shrunk {
			j.entries.at(int(i)).refs = r.Refs
		}
		j.noteSize(r.Size, true)
	}
	j.entries.older = j.entries.n
}

// keepTrees enters the metadata of the images that stay as they are.
func (j *writeJob) keepTrees() error {
	for i := range j.images {
		m := &j.images[i]
		if !m.kept {
			continue
		}
		res, err := m.from.MetadataOf(m.n)
		if err != nil {
			return err
		}
		m.entry = int32(len(j.trees))
		j.trees = append(j.trees, treeEntry{hash: res.Hash, run: j.runs.enter(res.Run), size: res.Size})
	}
	return nil
}

// noteSize notes that there is a content of that size.
func (j *writeJob) noteSize(size int64, again bool) {
	if size > smallContent {
		_, seen := j.sizes[size]
		j.sizes[size] = seen || again
	}
}

// planImage enters the streams of an image, and counts those whose hash is known.
func (j *writeJob) planImage(m *writerImage, sources map[Source]int) error {
	if m.kept && !j.shrunk {
		return nil // the references are those that the file says
	}
	if m.tree == nil {
		tree, err := m.from.Tree(m.n)
		if err != nil {
			return err
		}
		needs := func(d *Dentry, _ At) error { return j.needs(d, m) }
		return tree.Walk(nil, func(d *Dentry, at At) error {
			if d.Parent != nil { // it comes as an entry
				return nil
			}
			return needs(d, at)
		}, needs)
	}
	m.first = j.slots.n
	links := &sourceLinks{sources: sources}
	if !inMemory(m.tree) {
		links.sources = nil
	}
	return m.tree.Visit(func(d *Dentry, _ int) error {
		if err := links.begin(d, j.slots.n); err != nil {
			return err
		}
		for i := range d.Streams {
			if s := &d.Streams[i]; s.Source != nil {
				j.source(s.Source, links)
			}
		}
		return j.needs(d, m)
	})
}

// needs enters the contents that a dentry names by their hash.
func (j *writeJob) needs(d *Dentry, m *writerImage) error {
	for i := range d.Streams {
		if s := &d.Streams[i]; s.Source == nil && !s.Hash.IsZero() {
			if err := j.need(s.Hash, m, d.Name); err != nil {
				return wrapf(err, "plan %q", d.Path())
			}
		}
	}
	return nil
}

// source enters the next Source of the dentry that links has begun.
func (j *writeJob) source(src Source, links *sourceLinks) {
	if first := links.first(src, j.slots.n); first != j.slots.n {
		j.slots.add(slotAs | slot(first))
		return
	}
	n := j.slots.add(slotUnread)
	if j.opts.Solid {
		j.packs = append(j.packs, pack{src, n})
	}
	j.noteSize(src.Size(), false)
	j.total += src.Size()
}

// sourceLinks finds the streams that hold the same because they are names of one file.
type sourceLinks struct {
	sources map[Source]int // slots, of an Image; nil: it is another ImageSource
	groups  linkGroups[int32]
	same    int // slot of what is the same as the next Source; -1: nothing
}

// begin begins a dentry, whose first Source would have slot n.
func (l *sourceLinks) begin(d *Dentry, n int) error {
	l.same = -1
	if l.sources != nil || d.HardLink == 0 {
		return nil
	}
	slot, err := l.groups.of(d)
	if err != nil {
		return err
	}
	if *slot == 0 {
		*slot = int32(n) + 1
	} else {
		l.same = int(*slot) - 1
	}
	return nil
}

// first returns the slot of the first stream that is the same as the next Source: n, if it is this one.
func (l *sourceLinks) first(src Source, n int) int {
	if l.sources == nil {
		if l.same < 0 {
			return n
		}
		l.same++
		return l.same - 1
	}
	first, known := l.sources[src]
	if !known {
		l.sources[src], first = n, n
	}
	return first
}

// linkGroups keeps something of every file with several names, by its group number.
type linkGroups[T any] []T

// of returns what is kept of the file that d is a name of.
func (g *linkGroups[T]) of(d *Dentry) (*T, error) {
	if d.HardLink > maxSlots {
		return nil, fmt.Errorf("%q is of hard link group %d, and groups of an ImageSource count from 1", d.Path(), d.HardLink)
	}
	for uint64(len(*g)) <= d.HardLink {
		*g = append(*g, *new(T))
	}
	return &(*g)[d.HardLink], nil
}

// need enters a content that an image has, and counts the reference.
func (j *writeJob) need(hash SHA1, m *writerImage, name string) error {
	i, ok := j.entries.find(hash)
	if !ok {
		if i = -1; m.from != nil {
			if n, ok := m.from.IndexOf(hash); ok {
				i = j.resource(m.from, n, name)
			}
		}
		if i < 0 && !m.kept && !j.lent(hash) {
			return fmt.Errorf("find resource %s: %w", hash, ErrMissing)
		}
	}
	if i >= 0 {
		j.entries.at(int(i)).refs++
	}
	return nil
}

// lent reports whether a content stays where it is: in a base, or in a file that the one that is appended to was opened with.
func (j *writeJob) lent(hash SHA1) bool {
	if j.old != nil {
		if _, ok := j.old.Lookup(hash); ok {
			return true
		}
	}
	return j.inBase(hash)
}

func (j *writeJob) inBase(hash SHA1) bool {
	_, ok := j.baseSize(hash)
	return ok
}

// baseSize is the size of a content that a base file holds.
func (j *writeJob) baseSize(hash SHA1) (int64, bool) {
	for _, b := range j.opts.Base {
		if r, ok := b.Lookup(hash); ok {
			return r.Size, true
		}
	}
	return 0, false
}

// resource enters entry n of a file, which a dentry of that name uses; -1: a base has it.
func (j *writeJob) resource(from *File, n int, name string) int32 {
	s := &from.resources[n]
	if i, ok := j.entries.find(s.hash); ok {
		return i
	}
	if j.inBase(s.hash) || from == j.old {
		return -1 // a base has it, or a file that the one that is appended to was opened with
	}
	size := from.sizeOf(s)
	i := j.entries.enter(s.hash, -1, s.start(), size)
	j.noteSize(size, true)
	file := slices.Index(j.files, from)
	if file < 0 {
		file, j.files = len(j.files), append(j.files, from)
	}
	j.repacks = append(j.repacks, taken{int32(file), int32(n), i})
	if j.opts.Solid {
		j.names[i] = name
	}
	j.total += size
	return i
}

// split sorts the resources of other files by where they stand, and takes those out that can be copied as they are stored.
func (j *writeJob) split() {
	slices.SortFunc(j.repacks, func(a, b taken) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.i, b.i)) })
	rest := j.repacks[:0]
	for list := j.repacks; len(list) > 0; {
		n := j.sameRun(list)
		if j.copyable(list[:n]) {
			j.copies = append(j.copies, list[:n]...)
		} else {
			rest = append(rest, list[:n]...)
		}
		list = list[n:]
	}
	j.repacks = rest
}

// copyable reports whether a run, of which those resources are wanted, can be copied as it is stored.
func (j *writeJob) copyable(group []taken) bool {
	f, run := j.fileOf(group[0]), j.resourceOf(group[0]).Run
	switch {
	case j.opts.Recompress || run.Solid != j.opts.Solid || run.Pipable:
		return false
	case run.Solid:
		wanted := int64(0)
		for _, r := range group {
			wanted += f.SizeOf(int(r.i))
		}
		return run.Compression == j.opts.SolidCompression && run.PieceSize == j.opts.SolidPieceSize && wanted >= run.Size/4*3
	case run.Compression == None: // not worth compressing, if it stands in a file with the same compression
		return f.Header.Compression == j.opts.Compression && f.Header.PieceSize == j.opts.PieceSize
	}
	return run.Compression == j.opts.Compression && run.PieceSize == j.opts.PieceSize
}
