package api

import (
	"testing"

	"github.com/wimcast/wimcast/internal/jsontest"
)

// TestRequestsAreInSnakeCase is about what only the control interface has; cmd/wimcast holds the rest against docs/json.md.
func TestRequestsAreInSnakeCase(t *testing.T) {
	jsontest.Snake(t, publishRequest{}, publishLine{}, tokenRequest{}, removeRequest{}, failure{})
}
