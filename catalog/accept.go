package catalog

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/zeebo/blake3"
)

// ForkError is an alarm: the site's online key signed two different heads of one version. Somebody else has the key, or
// the site went back to an old copy of its folder.
type ForkError struct {
	Version uint64
	Ours    HeadHash
	Theirs  HeadHash
}

// Error says so.
func (e *ForkError) Error() string {
	return fmt.Sprintf("ALARM: the site signed two heads of version %d: %x is known here, %x was offered now; "+
		"its online key is in other hands, or its folder was set back to an old copy", e.Version, e.Ours[:8], e.Theirs[:8])
}

// Accept takes a head that came from anywhere, if the site signed it and its version is higher. The same bytes again are
// no change; a lower version is ErrStale; the same version with other bytes is a *ForkError. Manifests that are no longer
// listed are dropped.
func (c *Catalogue) Accept(raw []byte) (changed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case bytes.Equal(raw, c.headRaw):
		return false, nil
	case c.online != nil:
		return false, errors.New("accept head: this node makes the site's heads itself")
	}
	h, err := VerifyHead(raw, c.root)
	switch {
	case err != nil:
		return false, fmt.Errorf("accept head: %w", err)
	case h.Version == c.head.Version:
		return false, &ForkError{Version: h.Version, Ours: c.headHash, Theirs: hashHead(raw)}
	case h.Version < c.head.Version || h.Epoch < c.head.Epoch:
		return false, fmt.Errorf("accept head: version %d, epoch %d: %w (version %d, epoch %d)",
			h.Version, h.Epoch, ErrStale, c.head.Version, c.head.Epoch)
	}
	raw = clone(raw)
	err = c.file.update(func(t tables) error {
		if err := dropUnlisted(t.manifests, h); err != nil {
			return err
		}
		return t.meta.put(metaHead, raw)
	})
	if err != nil {
		return false, fmt.Errorf("accept head %d in %s: %w", h.Version, c.file.path, err)
	}
	c.setHead(h, raw)
	return true, nil
}

func dropUnlisted(manifests table, h *Head) error {
	listed := make(map[ManifestHash]bool, len(h.Entries))
	for _, e := range h.Entries {
		listed[e.Manifest] = true
	}
	var drop [][]byte
	err := manifests.each(func(k, _ []byte) error {
		if len(k) != len(ManifestHash{}) || !listed[ManifestHash(k)] {
			drop = append(drop, clone(k))
		}
		return nil
	})
	for _, k := range drop {
		err = errors.Join(err, manifests.remove(k))
	}
	return err
}

// Lookup finds a content in the head; an empty version means the latest published.
func (c *Catalogue) Lookup(r Ref) (Entry, error) {
	h, _, _ := c.Head()
	return h.Lookup(r)
}

// Get finds a content and its manifest, verified. On a client that does not have the manifest yet, the entry comes
// with ErrNoManifest: get it by Entry.Manifest and call AddManifest.
func (c *Catalogue) Get(r Ref) (Entry, *SignedManifest, error) {
	h, _, _ := c.Head()
	e, err := h.Lookup(r)
	if err != nil {
		return Entry{}, nil, err
	}
	var raw []byte
	err = c.file.view(func(t tables) error {
		raw = t.manifests.get(e.Manifest[:])
		return nil
	})
	switch {
	case err != nil:
		return e, nil, fmt.Errorf("get %v from %s: %w", e, c.file.path, err)
	case raw == nil:
		return e, nil, fmt.Errorf("get %v: %w", e, ErrNoManifest)
	}
	m, err := checkListed(raw, e, c.root, h)
	if err != nil {
		return e, nil, fmt.Errorf("get %v from %s: %w", e, c.file.path, err)
	}
	return e, m, nil
}

// ManifestRaw returns the signed bytes of a listed manifest, for another node; ErrNoManifest if it is not here.
func (c *Catalogue) ManifestRaw(hash ManifestHash) ([]byte, error) {
	var raw []byte
	err := c.file.view(func(t tables) error {
		raw = t.manifests.get(hash[:])
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read manifest %v from %s: %w", hash, c.file.path, err)
	case raw == nil:
		return nil, fmt.Errorf("read manifest %v: %w", hash, ErrNoManifest)
	case blake3.Sum256(raw) != hash:
		return nil, fmt.Errorf("read manifest %v from %s: %w", hash, c.file.path, ErrDamaged)
	}
	return raw, nil
}

// AddManifest stores a manifest that a client was given. The head must list it.
func (c *Catalogue) AddManifest(raw []byte) (*SignedManifest, error) {
	c.mu.Lock() // so that no other head comes between check and store
	defer c.mu.Unlock()
	if len(raw) > MaxManifest {
		return nil, fmt.Errorf("add manifest: %d bytes: at most %d", len(raw), MaxManifest)
	}
	hash := ManifestHash(blake3.Sum256(raw))
	e, found := c.head.byManifest(hash)
	if !found {
		return nil, fmt.Errorf("add manifest %v: %w", hash, ErrUnknown)
	}
	m, err := checkListed(clone(raw), e, c.root, c.head)
	if err != nil {
		return nil, fmt.Errorf("add manifest of %v: %w", e, err)
	}
	err = c.file.update(func(t tables) error { return t.manifests.put(hash[:], m.Raw) })
	if err != nil {
		return nil, fmt.Errorf("add manifest of %v to %s: %w", e, c.file.path, err)
	}
	return m, nil
}

// checkListed verifies the manifest that an entry of the head names.
func checkListed(raw []byte, e Entry, root *Root, head *Head) (*SignedManifest, error) {
	if blake3.Sum256(raw) != e.Manifest {
		return nil, ErrDamaged
	}
	m, err := VerifyManifest(raw, root, head)
	if err != nil {
		return nil, err
	}
	if m.Manifest.Name != e.Name || m.Manifest.Version != e.Version {
		return nil, fmt.Errorf("the manifest is of %s@%s", m.Manifest.Name, m.Manifest.Version)
	}
	return m, nil
}
