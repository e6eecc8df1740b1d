package wim

import (
	"cmp"
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
)

// Part is a range of the prologue.
type Part struct {
	Range
	Kind  PartKind
	Image int // 1-based, of PartMetadata
}

// Layout is the map of a file.
type Layout struct {
	Prologue  []Part     // sorted by offset; none is empty
	Resources []Resource // all resources but image metadata, sorted by offset; none is empty, and they do not overlap
}

// Layout gives the map of the file: where the prologue is, and where each resource. An image needs all of the prologue but the other
// images' metadata and, unless it is to be checked, the integrity table.
func (f *File) Layout() Layout {
	l := Layout{Prologue: f.tables(), Resources: make([]Resource, 0, len(f.order))}
	for n, i := range f.metadata {
		at := f.resources[i].Location
		l.Prologue = append(l.Prologue, Part{Range{at.Offset, at.StoredSize}, PartMetadata, n + 1})
	}
	slices.SortStableFunc(l.Prologue, func(a, b Part) int { return cmp.Compare(a.Offset, b.Offset) })
	for _, i := range f.order {
		if r := f.resources[i]; !r.IsMetadata() {
			l.Resources = append(l.Resources, r)
		}
	}
	return l
}

// tables gives the parts of the prologue that the header locates.
func (f *File) tables() []Part {
	parts := []Part{{Range{0, HeaderSize}, PartHeader, 0}}
	h := &f.Header
	for _, p := range []struct {
		kind PartKind
		at   Location
	}{{PartBlobTable, h.BlobTable}, {PartXML, h.XML}, {PartIntegrity, h.Integrity}} {
		if p.at.StoredSize > 0 {
			parts = append(parts, Part{Range{p.at.Offset, p.at.StoredSize}, p.kind, 0})
		}
	}
	return parts
}
