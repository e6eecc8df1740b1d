package wim

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
)

// maxVolumes bounds how many files are opened as one.
const maxVolumes = 4096

// Input is a file to open.
type Input struct {
	R    io.ReaderAt
	Size int64
	Name string // for errors
}

// Open reads header, blob table and XML of a file of that many bytes, and the piece tables of solid runs. It reads nothing else, so r may
// lack everything but the prologue ranges. One part of a split set opens, but what the other parts have is missing: see OpenSet.
func Open(r io.ReaderAt, size int64) (*File, error) {
	return openAll([]volume{{Input: Input{R: r, Size: size}}})
}

// OpenSet opens several files as one: the parts of a split set, in any order, and files that lend contents, such as the base of a delta
// or the parts of a split base; their images do not count. If first is part of a split set, that set must be there in full.
//
// Offsets then count from the start of the first of all files: those of the set by part number, and then the others as they were given. An
// error names the file by its Name.
func OpenSet(first Input, more ...Input) (*File, error) {
	if len(more) >= maxVolumes {
		return nil, unsupportedf("open %d files as one, the limit is %d", len(more)+1, maxVolumes)
	}
	var volumes []volume
	for _, in := range append([]Input{first}, more...) {
		h, err := readHeader(in.R, in.Size)
		if err != nil {
			return nil, wrapf(err, "open %s", in.Name)
		}
		volumes = append(volumes, volume{Input: in, header: h})
	}
	if len(more) > 0 {
		if err := sortVolumes(volumes); err != nil {
			return nil, err
		}
	}
	return openAll(volumes)
}

// sortVolumes puts the parts of the first one's set first, marks the others as lenders, and refuses a set that is not one.
func sortVolumes(volumes []volume) error {
	first := volumes[0].header
	seen := map[int]string{} // names of the set's parts
	parts := 0
	for i := range volumes {
		v := &volumes[i]
		h := &v.header
		// A file that was copied and then changed has the GUID of its origin, and may be its delta's base.
		same := i == 0 || first.Parts > 1 && h.GUID == first.GUID && h.Parts == first.Parts
		switch {
		case same:
			parts++
		case h.GUID == first.GUID && first.Parts > 1:
			return FaultSet.Of(corruptf("open %s: it is of a set of %d parts, %s of one of %d", v.Name, h.Parts, volumes[0].Name, first.Parts))
		case h.Parts > 1 && first.Parts > 1:
			return FaultSet.Of(corruptf("open %s: it is part %d of another split set than %s", v.Name, h.Part, volumes[0].Name))
		}
		if v.lends = !same; v.lends {
			continue
		}
		if other, ok := seen[h.Part]; ok {
			return FaultSet.Of(corruptf("open %s: it is part %d of %d, and so is %s: give each file once", v.Name, h.Part, h.Parts, other))
		}
		seen[h.Part] = v.Name
	}
	for n := 1; n <= first.Parts && parts < first.Parts; n++ {
		if _, ok := seen[n]; ok {
			continue
		}
		others := ""
		if lack := first.Parts - parts; lack > 1 {
			others = fmt.Sprintf(" (and %d others were not)", lack-1)
		}
		return fmt.Errorf("open %s: part %d of %d was not given%s: %w", volumes[0].Name, n, first.Parts, others, ErrMissing)
	}
	slices.SortStableFunc(volumes, func(a, b volume) int {
		switch {
		case a.lends != b.lends && a.lends:
			return 1
		case a.lends != b.lends:
			return -1
		case a.lends:
			return 0
		}
		return cmp.Compare(a.header.Part, b.header.Part)
	})
	return nil
}

// openAll opens volumes in their order; the first one's header may not have been read yet.
func openAll(volumes []volume) (*File, error) {
	f := &File{volumes: volumes}
	for i := range volumes {
		v := &volumes[i]
		if v.header.Parts == 0 {
			var err error
			if v.header, err = readHeader(v.R, v.Size); err != nil {
				return nil, err
			}
		}
		if v.Size > maxSize-f.size {
			return nil, unsupportedf("open files of more than 2^54 bytes together")
		}
		v.base = f.size
		f.size += v.Size
	}
	f.Header = volumes[0].header
	f.r = volumes[0].R
	if len(volumes) > 1 {
		f.r = (*joined)(f)
	}
	for i := range volumes {
		if err := f.readBlobs(&volumes[i]); err != nil {
			if len(volumes) > 1 {
				err = wrapf(err, "open %s", volumes[i].Name)
			}
			return nil, err
		}
	}
	if len(f.metadata) != f.Header.ImageCount && (len(f.metadata) > 0 || f.Header.Parts == 1) {
		return nil, FaultImages.Of(corruptf("read blob table: the metadata of %d images, the header says %d", len(f.metadata), f.Header.ImageCount))
	}
	if err := f.indexBlobs(); err != nil {
		return nil, err
	}
	if err := f.readXML(); err != nil {
		return nil, err
	}
	return f, nil
}

// lone reports whether f is a part of a split set without the others.
func (f *File) lone() bool {
	n := 0
	for i := range f.volumes {
		if !f.volumes[i].lends {
			n++
		}
	}
	return n < f.Header.Parts
}

// ReaderAt returns the bytes of all files, one after another: offsets of Layout and of runs count in it.
func (f *File) ReaderAt() io.ReaderAt { return f.r }

// Size is the number of those bytes.
func (f *File) Size() int64 { return f.size }

// Where says which file an offset of all files together is in, the file's part number, and where in it.
func (f *File) Where(off int64) (in Input, part int, at int64) {
	v := f.volumeAt(off)
	return v.Input, v.header.Part, off - v.base
}

// volumeAt returns the file that an offset of all files together is in.
func (f *File) volumeAt(off int64) *volume {
	return &f.volumes[sort.Search(len(f.volumes)-1, func(i int) bool { return off < f.volumes[i].base+f.volumes[i].Size })]
}

// joined reads the volumes of a File as one.
type joined File

// ReadAt implements io.ReaderAt.
func (j *joined) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read joined files at %d", off)
	}
	done := 0
	i := sort.Search(len(j.volumes), func(i int) bool { return off < j.volumes[i].base+j.volumes[i].Size })
	for ; i < len(j.volumes) && done < len(p); i++ {
		v := &j.volumes[i]
		at := off + int64(done) - v.base
		want := p[done:]
		want = want[:min(int64(len(want)), v.Size-at)]
		n, err := v.R.ReadAt(want, at)
		done += n
		if n < len(want) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return done, wrapf(err, "read %s", v.Name)
		}
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}
