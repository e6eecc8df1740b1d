package event

import "time"

// Events of a node, beside those of its machines.

// NodeServing says that a node answers others.
type NodeServing struct {
	Address string
	Folder  string
	Node    string // first digits of its key

	Interface string // of its casts
	Why       string // that one
}

// Kind implements Event.
func (NodeServing) Kind() string { return "node-serving" }

// LoopbackTaken says that casts are sent or received on a loopback interface although there is another.
type LoopbackTaken struct {
	Interface string
	Beside    string // the other, with its addresses
}

// Kind implements Event.
func (LoopbackTaken) Kind() string { return "loopback-taken" }

// CastStarted says that a node sends a content.
type CastStarted struct {
	Group     string
	Interface string
	Why       string // that one
}

// Kind implements Event.
func (CastStarted) Kind() string { return "cast-started" }

// CastEnded says that it does so no more.
type CastEnded struct{}

// Kind implements Event.
func (CastEnded) Kind() string { return "cast-ended" }

// SendFailed says that a cast could not read, make or send something. It is told at most once per second.
type SendFailed struct {
	What string // "read block", "make symbol", "seal", "send"
	Why  string
}

// Kind implements Event.
func (SendFailed) Kind() string { return "send-failed" }

// ClientConnected says that a client is let in.
type ClientConnected struct {
	Name    string
	Key     string // first digits
	Address string
}

// Kind implements Event.
func (ClientConnected) Kind() string { return "client-connected" }

// ClientGone says that a client's connection has ended.
type ClientGone struct{ Name, Address, Why string }

// Kind implements Event.
func (ClientGone) Kind() string { return "client-gone" }

// ClientWaits says that a client wants a content for which there is no place now. It is told once, however often the client asks.
type ClientWaits struct {
	Name    string
	Key     string // first digits
	Address string
}

// Kind implements Event.
func (ClientWaits) Kind() string { return "client-waits" }

// ClientRefused says that somebody is not let in.
type ClientRefused struct{ Address, Why string }

// Kind implements Event.
func (ClientRefused) Kind() string { return "client-refused" }

// ClientEnrolled says that a client has got its record for a token.
type ClientEnrolled struct {
	Name    string
	Key     string // first digits
	Address string
}

// Kind implements Event.
func (ClientEnrolled) Kind() string { return "client-enrolled" }

// NameTaken says that a client has enrolled under the name of another one.
type NameTaken struct {
	Name  string
	Key   string // first digits
	Other string // of the one that has had the name before
}

// Kind implements Event.
func (NameTaken) Kind() string { return "name-taken" }

// ChunkRefused says that a client asked for a chunk that the node cannot give.
type ChunkRefused struct{ Name, Why string }

// Kind implements Event.
func (ChunkRefused) Kind() string { return "chunk-refused" }

// Published says that a content is in the catalogue, or was already.
type Published struct {
	Type      string // of content: catalog.Kind
	Bytes     int64
	Chunks    int
	NewChunks int
	NewBytes  int64
	Changed   bool // false: the catalogue had exactly this
}

// Kind implements Event.
func (Published) Kind() string { return "published" }

// Removed says that a content was taken out of the catalogue.
type Removed struct{}

// Kind implements Event.
func (Removed) Kind() string { return "removed" }

// MeshMissing says that a distribution point has no part in the mesh.
type MeshMissing struct{ Why string }

// Kind implements Event.
func (MeshMissing) Kind() string { return "mesh-missing" }

// MeshUnjoined says that a peer has no part in the mesh.
type MeshUnjoined struct{ Why string }

// Kind implements Event.
func (MeshUnjoined) Kind() string { return "mesh-unjoined" }

// CastJoined says that a reception takes part in a cast.
type CastJoined struct {
	Group       string
	Interface   string
	Why         string // that one
	BufferBytes int64  // of the group's socket, as the system gave it
}

// Kind implements Event.
func (CastJoined) Kind() string { return "cast-joined" }

// MeshUntold says that the mesh could not be told what the node does.
type MeshUntold struct{ Why string }

// Kind implements Event.
func (MeshUntold) Kind() string { return "mesh-untold" }

// GroupFailed says that a member could not join (again) or leave its group.
type GroupFailed struct {
	Join bool
	Why  string
}

// Kind implements Event.
func (GroupFailed) Kind() string { return "group-failed" }

// FetchFailed says that a fetch came to nothing.
type FetchFailed struct {
	Block uint32
	Why   string
}

// Kind implements Event.
func (FetchFailed) Kind() string { return "fetch-failed" }

// Waiting says that the distribution point does not answer yet. It is told every few seconds.
type Waiting struct {
	Points string // host:port, separated by commas
	Limit  time.Duration
	Why    string
}

// Kind implements Event.
func (Waiting) Kind() string { return "waiting" }

// ReceptionDone says that a get or deploy has all its blocks.
type ReceptionDone struct {
	Bytes     int64 // of blocks received
	Blocks    int
	QuicBytes int64 // of these
	Took      time.Duration
}

// Kind implements Event.
func (ReceptionDone) Kind() string { return "reception-done" }
