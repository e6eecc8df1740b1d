package wim

import (
	"cmp"
	"iter"
	"slices"
)

// Range is a run of bytes of the WIM file.
type Range struct {
	Offset, Size int64
}

// End is the offset behind the last byte.
func (r Range) End() int64 { return r.Offset + r.Size }

// PartKind says which part of the prologue a range is.
type PartKind uint8

// The parts of the prologue.
const (
	PartHeader PartKind = iota
	PartBlobTable
	PartXML
	PartMetadata
	PartIntegrity
	PartSolid // header and piece table of a solid run
)

// Part is a range of the prologue.
type Part struct {
	Range
	Kind  PartKind
	Image int // 1-based, of PartMetadata
}

// Layout is the map of a file, or of several that are opened as one: then offsets are those of File.ReaderAt.
type Layout struct {
	Prologue  []Part     // sorted by offset; none is empty
	Runs      []*Run     // where contents are stored, sorted by offset: they neither overlap nor are empty. Image metadata is in none
	Resources []Resource // all resources but image metadata, sorted by offset; none is empty
}

// Layout returns the map of the file: where the prologue is, and where each resource. An image needs all of the prologue but the other
// images' metadata and, unless it is to be checked, the integrity table. The prologue's part of a solid run is also the beginning of that run.
func (f *File) Layout() Layout {
	l := Layout{Prologue: f.Prologue(), Runs: slices.Collect(f.Runs()), Resources: make([]Resource, 0, f.placed)}
	for i := range f.placed {
		if r := f.Resource(i); !r.IsMetadata() {
			l.Resources = append(l.Resources, r)
		}
	}
	return l
}

// Prologue is Layout's.
func (f *File) Prologue() []Part {
	parts := f.tables()
	for n, i := range f.metadata {
		if at := f.Place(i); at.StoredSize > 0 {
			parts = append(parts, Part{Range{at.Offset, at.StoredSize}, PartMetadata, n + 1})
		}
	}
	for _, r := range f.solidOrder {
		if r.Flags&ResourceMetadata == 0 {
			parts = append(parts, Part{Range{r.Offset, r.PieceTableSize()}, PartSolid, 0})
		}
	}
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(a.Offset, b.Offset) })
	return parts
}

// Runs returns Layout's runs one by one: a file may have millions.
func (f *File) Runs() iter.Seq[*Run] {
	return func(yield func(*Run) bool) {
		f.eachRun(func(s *stored, r *Run) bool {
			switch {
			case r == nil && s.metadata(), r != nil && r.Flags&ResourceMetadata != 0:
				return true
			case r == nil:
				r = f.runOf(s)
			}
			return yield(r)
		})
	}
}

// tables returns the headers, and the parts of the prologue that they locate.
func (f *File) tables() []Part {
	var parts []Part
	for i := range f.volumes {
		v := &f.volumes[i]
		parts = append(parts, Part{Range{v.base, HeaderSize}, PartHeader, 0})
		if v.header.Pipable {
			parts = append(parts, Part{Range{v.base + v.Size - HeaderSize, HeaderSize}, PartHeader, 0})
		}
		for _, t := range v.header.tables() {
			if t.kind != PartMetadata && t.at.StoredSize > 0 {
				parts = append(parts, Part{Range{v.base + t.at.Offset, t.at.StoredSize}, t.kind, 0})
			}
		}
	}
	return parts
}
