package api

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// A request is read up to bodyMax, and one byte longer it is refused.
func TestRequestsAtAndOnePast(t *testing.T) {
	const head, tail = `{"name":"`, `"}`
	for past, want := range []string{"", "request body too large"} {
		text := head + strings.Repeat("x", bodyMax+past-len(head)-len(tail)) + tail
		req, err := body[removeRequest](httptest.NewRecorder(), httptest.NewRequest("POST", "/remove", strings.NewReader(text)))
		if want == "" && (err != nil || len(head+req.Name+tail) != bodyMax) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("a request of %d bytes: %v, want %q", len(text), err, want)
		}
	}
}
