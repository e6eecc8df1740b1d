package wim

import (
	"path/filepath"
	"testing"

	"github.com/wimcast/wimcast/internal/jsontest"
)

// TestJSONIsAsDocumented: programs read it. Fields may be added, and are then described; what a field means stays.
func TestJSONIsAsDocumented(t *testing.T) {
	jsontest.Check(t, filepath.Join("..", "..", "..", "docs", "json.md"), map[string]any{
		"blob":                    blobJSON{},
		"wim info":                wimJSON{},
		"wim info, with a change": infoEditJSON{},
		"wim dir":                 fileJSON{},
		"wim capture, wim append": captureJSON{},
		"wim export, wim delete, wim optimize, wim join": editJSON{},
		"wim update": updateJSON{},
		"wim split":  splitJSON{},
		"wim verify": verifyJSON{},
	})
}
