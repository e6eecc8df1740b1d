package api

import (
	"path/filepath"
	"testing"

	"github.com/wimcast/wimcast/internal/jsontest"
)

// TestJSONIsAsDocumented is about what only the control interface has; cmd/wimcast holds the rest against docs/json.md.
func TestJSONIsAsDocumented(t *testing.T) {
	jsontest.Check(t, filepath.Join("..", "docs", "events.md"), map[string]any{"answer": Events{}})
	jsontest.Snake(t, publishRequest{}, publishLine{}, tokenRequest{}, removeRequest{}, failure{})
}
