package capture

import (
	"strings"
	"testing"
)

// TestXattrsAtAndOnePast: bytes of a name, of a value, and of all attributes of a file.
func TestXattrsAtAndOnePast(t *testing.T) {
	for past, ok := range []bool{true, false} {
		for what, c := range map[string]struct{ before, name, value int }{
			"name":  {8, 255 + past, 0},
			"value": {8, 1, 0xffff + past},
			"all":   {maxXattrs - 4 - 2 - 1 - 100 + past, 2, 100},
		} {
			item, err := appendXattr(make([]byte, c.before), strings.Repeat("n", c.name), make([]byte, c.value))
			if (err == nil) != ok || ok && (len(item) > maxXattrs || len(item) != c.before+4+c.name+1+c.value) {
				t.Errorf("%s, %d past the limit: %d bytes, %v", what, past, len(item), err)
			}
		}
	}
}
