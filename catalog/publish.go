package catalog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/chunk"
)

// Published says what Publish did.
type Published struct {
	Entry   Entry
	Changed bool // false: this content was there under this name already
}

// Publish adds a manifest, whose chunks must all be durable by now. The same content under the same name and version is
// no change; another content there is ErrExists unless replace is set, and then takes the old one's place.
func (c *Catalogue) Publish(m *SignedManifest, replace bool) (Published, error) {
	name, version := m.Manifest.Name, m.Manifest.Version
	var out Published
	err := c.change(func(h *Head, t tables) (bool, error) {
		if _, err := VerifyManifest(m.Raw, c.root, h); err != nil {
			return false, err
		}
		entry := Entry{Name: name, Version: version, Serial: h.Version, Manifest: m.Hash}
		i, found := h.find(name, version)
		if !found {
			if len(h.Entries) >= maxEntries {
				return false, fmt.Errorf("%w: %d contents; remove some", ErrFull, len(h.Entries))
			}
			h.Entries = slices.Insert(h.Entries, i, entry)
		} else {
			same, err := c.samePublished(t, h.Entries[i], m, replace)
			if err != nil || same {
				out = Published{Entry: h.Entries[i]}
				return false, err
			}
			if err := t.manifests.remove(h.Entries[i].Manifest[:]); err != nil {
				return false, err
			}
			h.Entries[i] = entry
		}
		out = Published{Entry: entry, Changed: true}
		return true, t.manifests.put(m.Hash[:], m.Raw)
	})
	if err != nil {
		return Published{}, fmt.Errorf("publish %s@%s in %s: %w", name, version, c.file.path, err)
	}
	return out, nil
}

// samePublished says whether publishing m over the entry old would change nothing. Without replace, equal content is
// enough; with it the manifests must be equal, so that replace can bring a new cut of the same bytes.
func (c *Catalogue) samePublished(t tables, old Entry, m *SignedManifest, replace bool) (bool, error) {
	if old.Manifest == m.Hash || replace {
		return old.Manifest == m.Hash, nil
	}
	stored, err := loadManifest(t, old)
	if err != nil {
		return false, err
	}
	if !stored.sameContent(m.Manifest) {
		return false, fmt.Errorf("%w (%d bytes, digest %x); choose another version or replace it",
			ErrExists, stored.Size, stored.Digest[:4])
	}
	return true, nil
}

// Remove takes name@version out of the catalogue. Its chunks go with the store's next gc, those that nothing else needs.
func (c *Catalogue) Remove(name, version string) error {
	err := c.change(func(h *Head, t tables) (bool, error) {
		i, found := h.find(name, version)
		if !found {
			return false, ErrUnknown
		}
		hash := h.Entries[i].Manifest
		h.Entries = slices.Delete(h.Entries, i, i+1)
		return true, t.manifests.remove(hash[:])
	})
	if err != nil {
		return fmt.Errorf("remove %s@%s from %s: %w", name, version, c.file.path, err)
	}
	return nil
}

// Revoke takes a node's or publisher's key out of the site: from the next head on, its node record and its manifests
// are refused. The epoch grows, so that casts draw new keys.
func (c *Catalogue) Revoke(k PublicKey) error {
	err := c.change(func(h *Head, t tables) (bool, error) {
		i, found := findKey(h.Revoked, k)
		switch {
		case found:
			return false, nil
		case k == c.root.SiteKey, k == c.root.Online, k == c.record.Key:
			return false, errors.New("the site itself needs it; a new root is the way to change it")
		case len(h.Revoked) >= maxRevoked:
			return false, fmt.Errorf("%w: %d revoked keys", ErrFull, len(h.Revoked))
		}
		h.Revoked = slices.Insert(h.Revoked, i, k)
		h.Epoch++
		return true, t.nodes.remove(k[:])
	})
	if err != nil {
		return fmt.Errorf("revoke %v in %s: %w", k, c.file.path, err)
	}
	return nil
}

// change makes the next head: edit changes it and the tables, all in one transaction, or says that nothing is to change.
func (c *Catalogue) change(edit func(*Head, tables) (bool, error)) error {
	if c.online == nil {
		return ErrNoOnlineKey
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.head.next()
	var raw []byte
	err := c.file.update(func(t tables) error {
		changed, err := edit(h, t)
		if err == nil && !changed {
			err = errUnchanged
		}
		if err != nil {
			return err // rolls back
		}
		if raw, err = SignHead(h, c.online); err != nil {
			return err
		}
		return t.meta.put(metaHead, raw)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return err
	}
	c.setHead(h, raw)
	return nil
}

var errUnchanged = errors.New("unchanged")

// loadManifest reads the manifest of a listed content. That the signed head names its hash vouches for it.
func loadManifest(t tables, e Entry) (*Manifest, error) {
	raw := t.manifests.get(e.Manifest[:])
	if raw == nil {
		return nil, fmt.Errorf("load manifest of %v: %w", e, ErrNoManifest)
	}
	if blake3.Sum256(raw) != e.Manifest || len(raw) < fileOverhead {
		return nil, fmt.Errorf("load manifest of %v: %w", e, ErrDamaged)
	}
	m, err := parseManifest(raw[fileHeaderLen : len(raw)-64])
	if err != nil {
		return nil, fmt.Errorf("load manifest of %v: %w", e, err)
	}
	return m, nil
}

// LiveChunks returns every chunk that a listed content needs. Whoever collects garbage must keep publishers from
// storing between this call and the end of the collection, since what they store is not listed yet.
func (c *Catalogue) LiveChunks() (*ChunkSet, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	set := &ChunkSet{}
	for _, e := range c.head.Entries {
		err := c.file.view(func(t tables) error {
			m, err := loadManifest(t, e)
			if err != nil {
				return err
			}
			set.add(m.Chunks)
			return nil
		})
		if errors.Is(err, ErrNoManifest) && c.online == nil {
			continue // a client has nothing of a content that it never asked for
		}
		if err != nil {
			return nil, fmt.Errorf("list live chunks of %s: %w", c.file.path, err)
		}
	}
	set.compact()
	return set, nil
}

// ChunkSet is a set of chunks: 32 bytes each.
type ChunkSet struct {
	ids  []chunk.ID // sorted up to uniq
	uniq int
}

// Has says whether id is in the set.
func (s *ChunkSet) Has(id chunk.ID) bool {
	_, found := slices.BinarySearchFunc(s.ids, id, compareIDs)
	return found
}

// Len returns how many chunks are in the set.
func (s *ChunkSet) Len() int { return len(s.ids) }

// add appends chunks, and drops repeats whenever the list has doubled: so memory stays in proportion to the set.
func (s *ChunkSet) add(chunks []ManifestChunk) {
	for _, c := range chunks {
		s.ids = append(s.ids, c.ID)
	}
	if len(s.ids) > 2*s.uniq+1<<16 {
		s.compact()
	}
}

func (s *ChunkSet) compact() {
	slices.SortFunc(s.ids, compareIDs)
	s.ids = slices.Compact(s.ids)
	s.uniq = len(s.ids)
}
