package catalog

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// filePerm keeps other users out of the catalogue: on the site it has the tokens.
const filePerm = 0o600

// lockTimeout is how long OpenCatalogue waits for another process to let go of the file.
const lockTimeout = 500 * time.Millisecond

// Buckets and keys of the bbolt file.
var (
	bucketMeta      = []byte("meta")
	bucketManifests = []byte("manifests") // hash -> signed manifest
	bucketNodes     = []byte("nodes")     // node key -> signed node record (the site only)
	bucketTokens    = []byte("tokens")    // public half of a token's key -> uses left, expiry (the site only)

	metaRoot   = []byte("root")
	metaHead   = []byte("head")
	metaRecord = []byte("record") // this node's own
)

// Errors of a catalogue that callers tell apart.
var (
	ErrBusy       = errors.New("in use by another process")
	ErrDamaged    = errors.New("the file is damaged: restore it from a copy")
	ErrUnknown    = errors.New("no such content in the catalogue")
	ErrExists     = errors.New("another content has this name and version")
	ErrStale      = errors.New("older than the one known")
	ErrNotSite    = errors.New("this node does not hold the site's online key")
	ErrNoManifest = errors.New("the manifest is not here yet")
	ErrFull       = errors.New("the table is full")
)

// Catalogue is what a site offers, as one bbolt file: signed root, head and manifests, and on the site itself the nodes
// and tokens. One process has it open at a time. Safe for concurrent use; what it returns is not to be changed.
type Catalogue struct {
	path   string
	db     *bolt.DB
	online *Key // nil on clients

	broken atomic.Bool // bbolt met garbage

	mu        sync.RWMutex
	root      *Root
	rootRaw   []byte
	head      *Head
	headRaw   []byte
	headHash  HeadHash
	record    NodeRecord
	recordRaw []byte
}

// OpenCatalogue opens an existing catalogue and checks it. online is the site's online key, nil on clients, which then
// change their catalogue by Accept and AddManifest only. ErrBusy comes within a second.
func OpenCatalogue(path string, online *Key) (*Catalogue, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open catalogue: %w", err)
	}
	if info.Size() == 0 { // bbolt would begin a new one
		return nil, fmt.Errorf("open catalogue %s: %w", path, ErrDamaged)
	}
	if err := inspectDB(path); err != nil {
		return nil, err
	}
	db, err := openDB(path, false)
	if err != nil {
		return nil, err
	}
	// Who has the lock, for the message of the next who wants it. Nothing depends on it.
	_ = os.WriteFile(ownerPath(path), []byte(strconv.Itoa(os.Getpid())), filePerm)
	c := &Catalogue{path: path, db: db, online: online}
	if err := c.view(c.loadMeta); err != nil {
		return nil, errors.Join(fmt.Errorf("open catalogue %s: %w", path, err), c.Close())
	}
	return c, nil
}

// Create makes a new file with what a node knows at first: the signed root and head, and its own node record.
func Create(path string, rootRaw, headRaw, recordRaw []byte) error {
	db, err := openDB(path, false)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketManifests, bucketNodes, bucketTokens} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(bucketMeta)
		return errors.Join(meta.Put(metaRoot, rootRaw), meta.Put(metaHead, headRaw), meta.Put(metaRecord, recordRaw))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("create catalogue %s: %w", path, err)
	}
	return nil
}

// Close frees the file.
func (c *Catalogue) Close() error {
	_ = os.Remove(ownerPath(c.path)) // a hint only
	if c.broken.Load() {             // bbolt might wait for ever: the file is free when the process ends
		return fmt.Errorf("close catalogue %s: %w", c.path, ErrDamaged)
	}
	if err := c.db.Close(); err != nil {
		return fmt.Errorf("close catalogue %s: %w", c.path, err)
	}
	return nil
}

// inspectDB checks a file's pages under a reader's lock, so that no other process changes them meanwhile.
func inspectDB(path string) error {
	db, err := openDB(path, true)
	if err != nil {
		return err
	}
	err = checkPages(path)
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("open catalogue %s: %w (%w)", path, ErrDamaged, err)
	}
	return nil
}

// openDB opens or begins a bbolt file.
func openDB(path string, readOnly bool) (db *bolt.DB, err error) {
	defer func() {
		if errors.Is(err, ErrDamaged) {
			err = fmt.Errorf("open catalogue %s: %w", path, err)
		}
	}()
	defer damageToError(&err)()
	opt := *bolt.DefaultOptions
	opt.Timeout = lockTimeout
	opt.ReadOnly = readOnly
	opt.FreelistType = bolt.FreelistMapType
	db, err = bolt.Open(path, filePerm, &opt)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("open catalogue %s: %w (%s); talk to it, or stop it first", path, ErrBusy, owner(path))
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("open catalogue: %w", err)
	}
	return db, nil
}

// damageToError makes an error of the panic or memory fault with which bbolt, which maps its file into memory, meets
// pages that are garbage or missing. Use: defer damageToError(&err)(). It holds for the calling goroutine.
func damageToError(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			*err = fmt.Errorf("%w (%v)", ErrDamaged, p)
		}
	}
}

func ownerPath(path string) string { return path + ".owner" }

// owner says, for people, which process has the file at path.
func owner(path string) string {
	b, err := os.ReadFile(ownerPath(path))
	if err != nil {
		return "probably a running wimcast node"
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return "probably a running wimcast node"
	}
	return fmt.Sprintf("probably the wimcast node with process id %d", pid)
}

// view and update run a transaction. After a fault in one, bbolt's locks are in doubt: the catalogue is given up.
func (c *Catalogue) view(fn func(*bolt.Tx) error) error { return c.guard(c.db.View, fn) }

func (c *Catalogue) update(fn func(*bolt.Tx) error) error { return c.guard(c.db.Update, fn) }

func (c *Catalogue) guard(run func(func(*bolt.Tx) error) error, fn func(*bolt.Tx) error) (err error) {
	if c.broken.Load() {
		return ErrDamaged
	}
	done := false
	defer func() { c.broken.CompareAndSwap(false, !done) }()
	defer damageToError(&err)()
	err = run(fn)
	done = true
	return err
}

// loadMeta reads what is kept in memory, and checks it.
func (c *Catalogue) loadMeta(tx *bolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketManifests, bucketNodes, bucketTokens} {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("%w: it has no table %q", ErrDamaged, name)
		}
	}
	meta := tx.Bucket(bucketMeta)
	e := &Enrolment{
		RootRaw: clone(meta.Get(metaRoot)), HeadRaw: clone(meta.Get(metaHead)), RecordRaw: clone(meta.Get(metaRecord)),
	}
	site, err := siteKeyOf(e.RootRaw)
	if err != nil {
		return err
	}
	if err := e.verify(site); err != nil && !errors.Is(err, ErrRevoked) { // a revoked node may still look
		return err
	}
	c.root, c.rootRaw = e.Root, e.RootRaw
	c.record, c.recordRaw = e.Record, e.RecordRaw
	c.setHead(e.Head, e.HeadRaw)
	if c.online == nil {
		return nil
	}
	if c.online.Public() != c.root.Online {
		return errors.New("the online key in the folder is not the one that the root names")
	}
	for _, entry := range c.head.Entries {
		if tx.Bucket(bucketManifests).Get(entry.Manifest[:]) == nil {
			return fmt.Errorf("%w: the manifest of %v is missing", ErrDamaged, entry)
		}
	}
	return nil
}

// siteKeyOf reads the signer of a root in this node's own folder, which is where its trust is kept.
func siteKeyOf(rootRaw []byte) (PublicKey, error) {
	if len(rootRaw) < fileOverhead {
		return PublicKey{}, fmt.Errorf("%w: no root", ErrDamaged)
	}
	return PublicKey(rootRaw[fileHeaderLen-len(PublicKey{}) : fileHeaderLen]), nil
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

func (c *Catalogue) setHead(h *Head, raw []byte) {
	c.head, c.headRaw, c.headHash = h, raw, HashHead(raw)
}

// Root returns the site's root.
func (c *Catalogue) Root() *Root { return c.root }

// RootRaw returns the signed root.
func (c *Catalogue) RootRaw() []byte { return c.rootRaw }

// Record returns this node's own record.
func (c *Catalogue) Record() NodeRecord { return c.record }

// RecordRaw returns this node's signed record, as Hello carries it.
func (c *Catalogue) RecordRaw() []byte { return c.recordRaw }

// Head returns the head in force, its signed bytes and their hash, all of one moment.
func (c *Catalogue) Head() (h *Head, raw []byte, hash HeadHash) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.head, c.headRaw, c.headHash
}

// List returns what the catalogue offers, ascending by name, then version.
func (c *Catalogue) List() []Entry {
	h, _, _ := c.Head()
	return h.Entries
}

// Fresh answers a client's nonce with the newest head's hash, signed. On the site only.
func (c *Catalogue) Fresh(nonce Nonce) (HeadHash, [64]byte, error) {
	if c.online == nil {
		return HeadHash{}, [64]byte{}, ErrNotSite
	}
	_, _, hash := c.Head()
	return hash, SignFresh(c.online, nonce, hash), nil
}
