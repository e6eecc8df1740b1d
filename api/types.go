package api

import (
	"encoding/hex"
	"fmt"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/ident"
	"github.com/wimcast/wimcast/node"
)

// publishRequest asks the node to publish a file of its own machine.
type publishRequest struct {
	Path    string `json:"path"` // absolute
	Name    string `json:"name"`
	Version string `json:"version"`
	Kind    string `json:"kind,omitempty"` // as catalog.Kind says it; empty: looked up in the file
	Replace bool   `json:"replace,omitempty"`
}

func fromPublish(r node.PublishRequest) publishRequest {
	out := publishRequest{Path: r.Path, Name: r.Name, Version: r.Version, Replace: r.Replace}
	if r.Kind != 0 {
		out.Kind = r.Kind.String()
	}
	return out
}

func (r publishRequest) value() (node.PublishRequest, error) {
	out := node.PublishRequest{Path: r.Path, Name: r.Name, Version: r.Version, Replace: r.Replace}
	if r.Kind == "" {
		return out, nil
	}
	var err error
	out.Kind, err = catalog.ParseKind(r.Kind)
	return out, err
}

// publishLine is one line of the answer.
type publishLine struct {
	Done   int64          `json:"done,omitempty"`
	Total  int64          `json:"total,omitempty"`
	Result *PublishResult `json:"result,omitempty"`
	Error  string         `json:"error,omitempty"`
	Cause  string         `json:"cause,omitempty"` // a name for programs, if it is one of those that tell the user what to do
}

// PublishResult is node.PublishResult in JSON.
type PublishResult struct {
	Content   string `json:"content"` // name@version
	Kind      string `json:"kind"`
	Manifest  string `json:"manifest"`
	Bytes     int64  `json:"bytes"`
	Chunks    int    `json:"chunks"`
	NewChunks int    `json:"new_chunks"`
	NewBytes  int64  `json:"new_bytes"`
	Changed   bool   `json:"changed"` // false: the catalogue had it already
}

// FromPublished makes JSON of what a node says.
func FromPublished(r node.PublishResult) PublishResult {
	return PublishResult{
		Content: r.Name + "@" + r.Version, Kind: r.Kind.String(), Manifest: r.Manifest.String(), Bytes: r.Bytes,
		Chunks: r.Chunks, NewChunks: r.NewChunks, NewBytes: r.NewBytes, Changed: r.Changed,
	}
}

func (r PublishResult) value() (out node.PublishResult, err error) {
	out = node.PublishResult{Bytes: r.Bytes, Chunks: r.Chunks, NewChunks: r.NewChunks, NewBytes: r.NewBytes, Changed: r.Changed}
	if out.Name, out.Version, err = catalog.ParseName(r.Content); err != nil {
		return out, err
	}
	if out.Kind, err = catalog.ParseKind(r.Kind); err != nil {
		return out, err
	}
	out.Manifest, err = ident.ParseManifestHash(r.Manifest)
	return out, err
}

// tokenRequest asks for an enrolment token.
type tokenRequest struct {
	Addresses []string `json:"addresses,omitempty"` // host:port; empty: the node's own
	Hours     int      `json:"hours,omitempty"`     // 0: a week
	Uses      int      `json:"uses,omitempty"`      // 0: 1024
}

// Token is node.TokenResult in JSON: one is converted to the other.
type Token struct {
	Token     string   `json:"token"`
	Addresses []string `json:"addresses"`          // host:port, in the order to try
	LeftOut   []string `json:"left_out,omitempty"` // of the machine's own, for which a token has no room
}

// Content is node.Content in JSON.
type Content struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Kind     string `json:"kind"`
	Bytes    int64  `json:"bytes"`
	Chunks   int    `json:"chunks"`
	Manifest string `json:"manifest"`
	Digest   string `json:"digest"` // BLAKE3 of the whole content
}

// FromContent makes JSON of what a node says.
func FromContent(c node.Content) Content {
	return Content{
		Name: c.Name, Version: c.Version, Kind: c.Kind.String(), Bytes: c.Bytes, Chunks: c.Chunks,
		Manifest: c.Manifest.String(), Digest: hex.EncodeToString(c.Digest[:]),
	}
}

func (c Content) value() (out node.Content, err error) {
	out = node.Content{Name: c.Name, Version: c.Version, Bytes: c.Bytes, Chunks: c.Chunks}
	if out.Kind, err = catalog.ParseKind(c.Kind); err != nil {
		return out, err
	}
	if out.Manifest, err = ident.ParseManifestHash(c.Manifest); err != nil {
		return out, err
	}
	digest, err := hex.DecodeString(c.Digest)
	if err != nil || len(digest) != len(out.Digest) {
		return out, fmt.Errorf("content %s@%s: digest %q: want %d hexadecimal digits", c.Name, c.Version, c.Digest, 2*len(out.Digest))
	}
	out.Digest = [32]byte(digest)
	return out, nil
}

// removeRequest takes a content out of the catalogue.
type removeRequest struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// GCResult is node.GCResult in JSON: one is converted to the other.
type GCResult struct {
	Chunks      int   `json:"chunks"`
	BytesBefore int64 `json:"bytes_before"`
	BytesAfter  int64 `json:"bytes_after"`
	Damaged     int   `json:"damaged"`
}

// VerifyResult is node.VerifyResult in JSON: one is converted to the other.
type VerifyResult struct {
	Contents   int      `json:"contents"`
	Chunks     int      `json:"chunks"`
	Damaged    []string `json:"damaged,omitempty"`
	Incomplete []string `json:"incomplete,omitempty"`
}
