package wim

import (
	"bytes"
	"fmt"
	"io"
)

// PipedParts finds the parts of a split set that stand one behind the other, as pipable parts do that were put into one pipe. Of anything else it
// gives in itself. It reads all of a split set, of others the header. What is wrong with a part is left to OpenSet to tell.
func PipedParts(in Input) ([]Input, error) {
	first, err := readHeaderAt(in.R, in.Size, 0)
	if err != nil || !first.Pipable || first.Parts < 2 {
		return []Input{in}, nil
	}
	var parts []Input
	start := int64(0) // of the part
	part := func(end int64) {
		parts = append(parts, Input{io.NewSectionReader(in.R, start, end-start), end - start, fmt.Sprintf("%s from byte %d", in.Name, start)})
		start = end
	}
	buf := make([]byte, 1<<20)
	for at := int64(0); at < in.Size; {
		b := buf[:min(int64(len(buf)), in.Size-at)]
		if err := readFull(in.R, b, at); err != nil {
			return nil, wrapf(err, "look for the parts of a split set")
		}
		for i := 0; ; i++ {
			next := bytes.Index(b[i:], magicPipable)
			if next < 0 {
				break
			}
			i += next
			if end := at + int64(i) + HeaderSize; endsPart(in, first, start, end) {
				part(end)
			}
		}
		if at += int64(len(b)); at < in.Size {
			at -= int64(len(magicPipable)) - 1
		}
	}
	if start < in.Size {
		part(in.Size)
	}
	return parts, nil
}

// endsPart reports whether a part of first's set that begins at start ends at end, with a header whose tables end where that one starts.
func endsPart(in Input, first Header, start, end int64) bool {
	h, err := readHeaderAt(in.R, in.Size, end-HeaderSize)
	if err != nil || !h.Pipable || h.GUID != first.GUID || h.Parts != first.Parts {
		return false
	}
	last := h.XML
	if h.Integrity.Size > 0 {
		last = h.Integrity
	}
	return last.Offset+last.StoredSize == end-HeaderSize-start && last.Offset > 0
}
