package catalog

import (
	"errors"
	"time"

	"github.com/wimcast/wimcast/chunk"
)

var errSoon = errors.New("catalog: not there yet")

// LoadKey reads a key file, refusing one that others may read. SaveKey writes one (0600, atomic, never over another).
func LoadKey(path string) (*Key, error) { return nil, errSoon }

// SaveKey writes k to a new file.
func SaveKey(path string, k *Key) error { return errSoon }

// Root names a site's keys and their roles. It is signed by the site key, which stays offline.
type Root struct {
	Version    uint32
	Site       string      // name of the site, for people
	SiteKey    PublicKey   // signs roots
	Online     PublicKey   // signs heads, node records and nonces
	Publishers []PublicKey // sign manifests; ascending
}

// Entry is one content in a Head.
type Entry struct {
	Name, Version string
	Serial        uint64   // version of the head that brought it: the highest is the latest published
	Manifest      chunk.ID // hash of the signed manifest
}

// Head is the catalogue at one moment, signed by the site's online key.
type Head struct {
	Version uint64
	Epoch   uint32
	Revoked []PublicKey // ascending
	Entries []Entry     // ascending by name, then version
}

// Roles is a set of roles of a node.
type Roles uint8

// Roles of a node.
const (
	RoleDistributionPoint Roles = 1 << iota
	RolePublisher
	RolePeer
)

// NodeRecord is the site's word that a key belongs to it.
type NodeRecord struct {
	Key   NodeID
	Name  string
	Roles Roles
}

// SignRoot, SignHead, SignNodeRecord and SignManifest return the signed file.
func SignRoot(r *Root, siteKey *Key) ([]byte, error)                    { return nil, errSoon }
func SignHead(h *Head, online *Key) ([]byte, error)                     { return nil, errSoon }
func SignNodeRecord(r NodeRecord, online *Key) ([]byte, error)          { return nil, errSoon }
func SignManifest(m *Manifest, publisher *Key) (*SignedManifest, error) { return nil, errSoon }

// VerifyRoot checks raw against the site key that the caller trusts (from the token) and parses it. The others check
// against the root; head may be nil where no revocation is known yet.
func VerifyRoot(raw []byte, siteKey PublicKey) (*Root, error)                    { return nil, errSoon }
func VerifyHead(raw []byte, root *Root) (*Head, error)                           { return nil, errSoon }
func VerifyManifest(raw []byte, root *Root, head *Head) (*SignedManifest, error) { return nil, errSoon }
func VerifyNodeRecord(raw []byte, root *Root, head *Head) (NodeRecord, error) {
	return NodeRecord{}, errSoon
}

// Nonce is what a client sends to learn whether its head is the newest.
type Nonce [32]byte

// HeadHash is the BLAKE3-256 hash of a signed head.
type HeadHash [32]byte

// SignFresh answers a nonce: headHash is the newest head.
func SignFresh(online *Key, nonce Nonce, headHash HeadHash) [64]byte { return [64]byte{} }

// VerifyFresh checks SignFresh's answer.
func VerifyFresh(root *Root, nonce Nonce, headHash HeadHash, sig [64]byte) error { return errSoon }

// Ref names a content on the command line: NAME[@VERSION][:IMAGE].
type Ref struct {
	Name    string
	Version string // empty: the latest published
	Image   int    // 0: not said
}

// ParseRef parses a Ref; ParseName wants name@version with neither left out and no image.
func ParseRef(s string) (Ref, error) { return Ref{}, errSoon }

// ParseName parses "name@version".
func ParseName(s string) (name, version string, err error) { return "", "", errSoon }

// Builder makes a manifest from chunks in content order.
type Builder struct{}

// NewBuilder starts a manifest.
func NewBuilder(name, version string, kind Kind) (*Builder, error) { return nil, errSoon }

// Add appends one chunk: data is its bytes, id their name (the builder digests data, and does not keep it).
func (b *Builder) Add(id chunk.ID, data []byte, prologue bool) error { return errSoon }

// Sign ends the manifest.
func (b *Builder) Sign(publisher *Key) (*SignedManifest, error) { return nil, errSoon }

// Layout is the arithmetic of a chunk list: offsets, first occurrences, blocks.
type Layout struct{}

// Layout computes it: 16 bytes a chunk.
func (m *Manifest) Layout() *Layout { return nil }

// Len is the number of positions; First the position at which the chunk at position i first occurs (its block index);
// Offset the content offset of position i, Offset(Len()) the size; At the position that holds content offset off.
func (l *Layout) Len() int               { return 0 }
func (l *Layout) First(i uint32) uint32  { return 0 }
func (l *Layout) Offset(i uint32) uint64 { return 0 }
func (l *Layout) At(off uint64) uint32   { return 0 }

// Positions lists, ascending, every position at which block b's chunk occurs: the first is b itself.
func (l *Layout) Positions(b uint32) []uint32 { return nil }

// IsBlock says whether position i is a first occurrence. Prologue says whether any occurrence of block b is marked so.
func (l *Layout) IsBlock(i uint32) bool  { return false }
func (l *Layout) Prologue(b uint32) bool { return false }

// Find returns the block whose chunk is id.
func (l *Layout) Find(id chunk.ID) (b uint32, ok bool) { return 0, false }

// Token is what an administrator pastes into a new client.
type Token struct {
	Site      PublicKey // the site key
	Node      NodeID    // the distribution point's key
	Addresses []string  // host:port of the distribution point, 1..8
	Secret    [16]byte
}

// String returns the token as one line; ParseToken reads it.
func (t Token) String() string           { return "" }
func ParseToken(s string) (Token, error) { return Token{}, errSoon }

// EnrolBinding ties a proof to one TLS connection: 32 bytes of exported keying material (label EnrolLabel, no context).
type EnrolBinding [32]byte

// EnrolLabel is the label for tls.ConnectionState.ExportKeyingMaterial(EnrolLabel, nil, 32).
const EnrolLabel = "EXPORTER-wimcast-enrol-1"

// NewEnrolRequest returns the body of an Enrol message.
func NewEnrolRequest(t Token, node *Key, name string, binding EnrolBinding) ([]byte, error) {
	return nil, errSoon
}

// HandleEnrol checks a request that came over a connection of peer and returns the response's body.
func (c *Catalogue) HandleEnrol(req []byte, peer NodeID, binding EnrolBinding, now time.Time) (resp []byte, rec NodeRecord, err error) {
	return nil, NodeRecord{}, errSoon
}

// NewToken draws a token's secret and keeps what is needed to check it.
func (c *Catalogue) NewToken(addrs []string, node NodeID, policy TokenPolicy) (Token, error) {
	return Token{}, errSoon
}

// TokenPolicy bounds a token's use. The zero value is 24 hours by the site's clock and 1024 nodes.
type TokenPolicy struct {
	Uses    uint32
	Expires time.Time // by the site's own clock
}

// Enrolment is what a client gets: all verified.
type Enrolment struct {
	Root      *Root
	Head      *Head
	Record    NodeRecord
	RootRaw   []byte
	HeadRaw   []byte
	RecordRaw []byte
}

// OpenEnrolResponse verifies a response against the token and the client's own key.
func OpenEnrolResponse(resp []byte, t Token, self NodeID) (*Enrolment, error) { return nil, errSoon }

// Catalogue is a site's or client's set of signed files in one bbolt file. Safe for concurrent use.
type Catalogue struct{}

// Options of OpenCatalogue.
type Options struct {
	Online *Key // the site's online key; nil on clients, which then cannot change the catalogue but by Accept
}

// OpenCatalogue opens path; a file held by another process gives ErrBusy within a second.
func OpenCatalogue(path string, opt Options) (*Catalogue, error) { return nil, errSoon }

// Close frees the file.
func (c *Catalogue) Close() error { return nil }

// Errors that callers tell apart.
var (
	ErrBusy    = errors.New("in use by another process")
	ErrUnknown = errors.New("no such content")
	ErrExists  = errors.New("another content has this name and version")
	ErrStale   = errors.New("older than what is known")
	ErrRevoked = errors.New("key is revoked")
	ErrNotSite = errors.New("this node does not hold the site's online key")
)

// Root, Head return the current ones; HeadRaw and RootRaw the signed bytes.
func (c *Catalogue) Root() *Root        { return nil }
func (c *Catalogue) RootRaw() []byte    { return nil }
func (c *Catalogue) Head() *Head        { return nil }
func (c *Catalogue) HeadRaw() []byte    { return nil }
func (c *Catalogue) HeadHash() HeadHash { return HeadHash{} }

// Published says what Publish did.
type Published struct {
	Entry   Entry
	Changed bool // false: the catalogue had the same content under this name already
}

// Publish adds a manifest whose chunks are all durable.
func (c *Catalogue) Publish(m *SignedManifest, replace bool) (Published, error) {
	return Published{}, errSoon
}

// Remove takes name@version out.
func (c *Catalogue) Remove(name, version string) error { return errSoon }

// Lookup finds a content in the head; an empty version means the latest published.
func (c *Catalogue) Lookup(r Ref) (Entry, error) { return Entry{}, errSoon }

// Get is Lookup and the manifest. On a client that has not the manifest yet: ErrNoManifest with the entry.
func (c *Catalogue) Get(r Ref) (Entry, *SignedManifest, error) { return Entry{}, nil, errSoon }

// ManifestRaw returns the signed bytes of the manifest with this hash.
func (c *Catalogue) ManifestRaw(hash chunk.ID) ([]byte, error) { return nil, errSoon }

// ErrNoManifest says that the head lists a manifest which this node has not fetched.
var ErrNoManifest = errors.New("manifest not fetched yet")

// AddManifest stores a manifest that a client fetched; it must be listed in the head.
func (c *Catalogue) AddManifest(raw []byte) (*SignedManifest, error) { return nil, errSoon }

// Accept takes a head from the site if its version is higher. The same bytes again are no change; a lower version is
// ErrStale; the same version with other bytes is a *ForkError.
func (c *Catalogue) Accept(raw []byte) (changed bool, err error) { return false, errSoon }

// ForkError is an alarm: the site's key signed two different heads of one version.
type ForkError struct {
	Version uint64
	Ours    HeadHash
	Theirs  HeadHash
}

func (e *ForkError) Error() string { return "" }

// Revoke takes a key out of the site: its node record or manifests are refused from the next head on.
func (c *Catalogue) Revoke(k PublicKey) error { return errSoon }

// LiveChunks returns every chunk that a listed content needs.
func (c *Catalogue) LiveChunks() (*ChunkSet, error) { return nil, errSoon }

// ChunkSet is a set of chunks, 32 bytes each.
type ChunkSet struct{}

// Has says whether id is in the set; Len how many are.
func (s *ChunkSet) Has(id chunk.ID) bool { return false }
func (s *ChunkSet) Len() int             { return 0 }

// Site is an opened folder of a node: a distribution point's or a client's.
type Site struct {
	Dir       string
	Config    Config
	Catalogue *Catalogue
	Node      *Key       // this node's key
	Record    NodeRecord // this node's record
	RecordRaw []byte
	Online    *Key // nil on clients
	Publisher *Key // nil on clients
}

// Config is wimcast.toml.
type Config struct {
	Listen             string // address and UDP port
	GroupBase          string // prefix that casts draw their groups from
	GroupPort          int    // UDP port of the groups
	Interface          string // empty: the one usable one
	TTL                int    // of multicast datagrams
	RateCapMbps        int    // 0: none
	RateFloorMbps      int
	DistributionPoints []string // clients: host:port
	DistributionKey    string   // clients: the distribution point's node key
}

// InitSite makes a site in dir, which must be empty or not exist, or hold what an interrupted InitSite left.
func InitSite(dir, name string) error { return errSoon }

// OpenSite opens dir; Close frees it.
func OpenSite(dir string) (*Site, error) { return nil, errSoon }
func (s *Site) Close() error             { return nil }

// StoreDir is the folder of the chunk store.
func (s *Site) StoreDir() string { return "" }

// InitClient makes dir and the node's key; called again before JoinSite it returns the same key.
func InitClient(dir string) (*Key, error) { return nil, errSoon }

// JoinSite ends what InitClient began: it stores what the site gave.
func JoinSite(dir string, t Token, e *Enrolment) error { return errSoon }
