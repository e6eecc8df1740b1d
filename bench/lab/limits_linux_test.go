package lab

import (
	"strings"
	"testing"
)

// TestOutputIsCutInFront: its last maxOutput bytes are kept.
func TestOutputIsCutInFront(t *testing.T) {
	var out tail
	for _, text := range []string{"ab", strings.Repeat("x", maxOutput-2), "y"} {
		if _, err := out.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"a": "ab", "x": "abx", "y": "bxx"}[text[:1]]
		if got := out.String(); !strings.HasPrefix(got, want) || len(got) > maxOutput {
			t.Errorf("%d bytes that begin with %.3q, want %q", len(got), got, want)
		}
	}
}
