package chunk

import (
	"slices"
	"testing"
)

// TestOffsetsAtAndOnePast: chunks of a content, and bytes of a chunk.
func TestOffsetsAtAndOnePast(t *testing.T) {
	most := slices.Repeat([]Ref{{Size: 1}}, MaxChunks+1)
	for what, c := range map[string]struct{ at, past []Ref }{
		"chunks": {most[:MaxChunks], most},
		"bytes":  {[]Ref{{Size: MaxSize}}, []Ref{{Size: MaxSize + 1}}},
	} {
		if _, err := Offsets(c.at); err != nil {
			t.Errorf("%s at the limit: %v", what, err)
		}
		if _, err := Offsets(c.past); err == nil {
			t.Errorf("%s past the limit: accepted", what)
		}
	}
}
