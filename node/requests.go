package node

import (
	"github.com/wimcast/wimcast/catalog"
)

// PublishRequest says which file of this machine is to be published, and as what.
type PublishRequest struct {
	Path          string // absolute
	Name, Version string
	Kind          catalog.Kind // 0: looked up in the file
	Replace       bool         // the name may stand for other content already
}

// PublishResult says what was published.
type PublishResult struct {
	Name, Version string
	Kind          catalog.Kind
	Manifest      catalog.ManifestHash
	Bytes         int64
	Chunks        int   // positions in the manifest
	NewChunks     int   // that the store did not hold
	NewBytes      int64 // in these
	Changed       bool  // false: the catalogue had it already
}

// TokenRequest says what an enrolment token is good for.
type TokenRequest struct {
	Addresses []string // host:port; none: the node's own
	Hours     int      // 0: a week
	Uses      int      // 0: 1024
}

// TokenResult is an enrolment token, and where clients will look for the distribution point.
type TokenResult struct {
	Token     string
	Addresses []string // host:port, in the order to try
	LeftOut   []string // of this machine's own, for which a token has no room
}

// Content is one entry of the catalogue.
type Content struct {
	Name, Version string
	Kind          catalog.Kind
	Bytes         int64
	Chunks        int
	Manifest      catalog.ManifestHash
	Digest        [32]byte // BLAKE3-256 of the whole content
}

// GCResult says what a gc freed.
type GCResult struct {
	Chunks      int
	BytesBefore int64
	BytesAfter  int64
	Damaged     int
}

// VerifyResult says what a verify found.
type VerifyResult struct {
	Contents   int
	Chunks     int
	Damaged    []string // a line for each chunk
	Incomplete []string // a line for each content
}
