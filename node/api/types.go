package api

// PublishRequest asks the node to publish a file of its own machine.
type PublishRequest struct {
	Path    string `json:"path"` // absolute
	Name    string `json:"name"`
	Version string `json:"version"`
	Kind    string `json:"kind,omitempty"` // image, package, driver, raw; empty: looked up in the file
	Replace bool   `json:"replace,omitempty"`
}

// PublishLine is one line of the answer.
type PublishLine struct {
	Done   int64          `json:"done,omitempty"`
	Total  int64          `json:"total,omitempty"`
	Result *PublishResult `json:"result,omitempty"`
	Error  string         `json:"error,omitempty"`
	Cause  string         `json:"cause,omitempty"` // a name for programs, if it is one of those that tell the user what to do
}

// PublishResult says what was published.
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

// TokenRequest asks for an enrolment token.
type TokenRequest struct {
	Addresses []string `json:"addresses,omitempty"` // host:port; empty: the node's own
	Hours     int      `json:"hours,omitempty"`     // 0: a week
	Uses      int      `json:"uses,omitempty"`      // 0: 1024
}

// TokenReply is the token.
type TokenReply struct {
	Token string `json:"token"`
}

// Content is one entry of the catalogue.
type Content struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Kind     string `json:"kind"`
	Bytes    int64  `json:"bytes"`
	Chunks   int    `json:"chunks"`
	Manifest string `json:"manifest"`
	Digest   string `json:"digest"` // BLAKE3 of the whole content
}

// RemoveRequest takes a content out of the catalogue.
type RemoveRequest struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// GCReply says what a gc freed.
type GCReply struct {
	Chunks      int   `json:"chunks"`
	BytesBefore int64 `json:"bytes_before"`
	BytesAfter  int64 `json:"bytes_after"`
	Damaged     int   `json:"damaged"`
}

// VerifyReply says what a verify found.
type VerifyReply struct {
	Contents   int      `json:"contents"`
	Chunks     int      `json:"chunks"`
	Damaged    []string `json:"damaged,omitempty"`
	Incomplete []string `json:"incomplete,omitempty"`
}
