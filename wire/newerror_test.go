package wire

import (
	"strings"
	"testing"
)

// TestErrorOfAnyTextTravels: an error made of another error's words is never one that the other side refuses to read.
func TestErrorOfAnyTextTravels(t *testing.T) {
	for _, text := range []string{"", "two\nlines\tand a tab", "\xff not UTF-8", strings.Repeat("ä", MaxErrorText)} {
		m := NewError(CodeInternal, text)
		got, err := ParseError(m.Append(nil))
		if err != nil || got != m || len(text) > 0 && m.Text == "" {
			t.Errorf("%.20q becomes %.20q: %v", text, got.Text, err)
		}
	}
}
