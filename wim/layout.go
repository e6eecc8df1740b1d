package wim

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
	Prologue  []Part     // sorted by offset
	Resources []Resource // all resources but image metadata, sorted by offset; they do not overlap
}

// Layout gives the map of the file: where the prologue is, and where each resource.
func (f *File) Layout() Layout { return Layout{} }
