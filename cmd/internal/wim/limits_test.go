package wim

import (
	"strings"
	"testing"

	"github.com/wimcast/wimcast/cmd/internal/ui"
)

func TestReadUpToAtAndOnePast(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "1234": true, "12345": false, strings.Repeat("x", 100): false} {
		got, err := readUpTo(strings.NewReader(text), 4)
		if ok && (err != nil || string(got) != text) || !ok && (err == nil || !strings.Contains(err.Error(), "longer than 4")) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// TestSourceListAtAndOnePast: the last source of a list of maxSourceList bytes is there, whatever ends its lines,
// and a list one byte longer is refused, never cut.
func TestSourceListAtAndOnePast(t *testing.T) {
	for _, end := range []string{"\n", "\r\n"} {
		line := "#" + strings.Repeat("x", 1023-len(end)) + end
		lines := strings.Repeat(line, maxSourceList/len(line)-1)
		for past, want := range []string{"", "longer than"} {
			last := "b" + end + strings.Repeat(" ", len(line)+past-len(end)-2) + "c"
			r := &captureRun{app: &app{&ui.UI{In: strings.NewReader("a" + lines[1:] + last)}}}
			r.source = "-"
			items, err := r.readSourceList()
			if want == "" && (err != nil || len(items) != 3 || items[2].Path != "c") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("a list of %d bytes with %d sources: %v, want %q", len(lines)+len(last), len(items), err, want)
			}
		}
	}
}
