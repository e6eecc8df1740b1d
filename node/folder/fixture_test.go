package folder

import (
	"bytes"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
)

// noon is the site's clock; the clients have none.
var noon = time.Unix(1_800_000_000, 0)

func testKey(n byte) *catalog.Key { return catalog.KeyFromSeed(bytes.Repeat([]byte{n}, 32)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// build makes a manifest of one chunk.
func build(key *catalog.Key, name, version, data string) *catalog.SignedManifest {
	b := must(catalog.NewBuilder(name, version, catalog.KindImage))
	if err := b.Add(chunk.Sum([]byte(data)), []byte(data), false); err != nil {
		panic(err)
	}
	return must(b.Sign(key))
}

func newTestToken(t *testing.T, c *catalog.Catalogue) catalog.Token {
	t.Helper()
	tok, err := c.NewToken([]string{"10.0.0.1:4790"}, catalog.TokenPolicy{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// enrolOnce does what client and site do, and returns the client's result.
func enrolOnce(c *catalog.Catalogue, tok catalog.Token, node *catalog.Key) (*catalog.Enrolment, error) {
	binding := catalog.EnrolBinding{7}
	req, err := catalog.NewEnrolRequest(tok, node.Public(), "pc", binding)
	if err != nil {
		return nil, err
	}
	resp, _, err := c.HandleEnrol(req, node.Public(), binding, noon)
	if err != nil {
		return nil, err
	}
	return catalog.OpenEnrolResponse(resp, tok, node.Public())
}
