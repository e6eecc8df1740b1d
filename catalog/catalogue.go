package catalog

import (
	"errors"
	"fmt"
	"sync"
)

// Errors of a catalogue that callers tell apart.
var (
	ErrBusy        = errors.New("in use by another process")
	ErrDamaged     = errors.New("the file is damaged: restore it from a copy")
	ErrUnknown     = errors.New("no such content in the catalogue")
	ErrExists      = errors.New("another content has this name and version")
	ErrStale       = errors.New("older than the one known")
	ErrNoOnlineKey = errors.New("this node does not hold the site's online key")
	ErrNoManifest  = errors.New("the manifest is not here yet")
	ErrFull        = errors.New("the table is full")
)

// Catalogue is what a site offers, as one bbolt file: signed root, head and manifests, and at a distribution point the nodes
// and tokens. One process has it open at a time. Safe for concurrent use; what it returns is not to be changed.
type Catalogue struct {
	file   *boltFile
	online *Key // nil on clients

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
	file, err := openBolt(path)
	if err != nil {
		return nil, err
	}
	c := &Catalogue{file: file, online: online}
	if err := file.view(c.loadMeta); err != nil {
		return nil, errors.Join(fmt.Errorf("open catalogue %s: %w", path, err), c.Close())
	}
	return c, nil
}

// Create makes the file of a new catalogue with what a node knows at first: the signed root and head, and its own node record.
func Create(path string, rootRaw, headRaw, recordRaw []byte) error {
	return createBolt(path, func(t tables) error {
		return errors.Join(t.meta.put(metaRoot, rootRaw), t.meta.put(metaHead, headRaw), t.meta.put(metaRecord, recordRaw))
	})
}

// Close frees the file.
func (c *Catalogue) Close() error { return c.file.close() }

// loadMeta reads what is kept in memory, and checks it.
func (c *Catalogue) loadMeta(t tables) error {
	e := &Enrolment{RootRaw: t.meta.get(metaRoot), HeadRaw: t.meta.get(metaHead), RecordRaw: t.meta.get(metaRecord)}
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
		if !t.manifests.has(entry.Manifest[:]) {
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

func (c *Catalogue) setHead(h *Head, raw []byte) {
	c.head, c.headRaw, c.headHash = h, raw, hashHead(raw)
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
