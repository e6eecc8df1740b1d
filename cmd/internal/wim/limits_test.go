package wim

import (
	"strings"
	"testing"
)

// TestReadBoundedAtAndOnePast: a text of as many bytes as may be is there, and a longer one is refused, never cut.
func TestReadBoundedAtAndOnePast(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "1234": true, "12345": false, strings.Repeat("x", 100): false} {
		got, err := readBounded(strings.NewReader(text), "list", 4)
		if ok && (err != nil || string(got) != text) || !ok && (err == nil || !strings.Contains(err.Error(), "list: over 4")) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
