package ntfs3g

import (
	"slices"
	"testing"
)

func TestStreamListedTwice(t *testing.T) {
	if got := parseStreams([]byte("a\x00b\x00a\x00A\x00")); !slices.Equal(got, []string{"a", "b", "A"}) {
		t.Errorf("%q", got)
	}
}
