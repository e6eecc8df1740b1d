package catalog

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of a head.
const (
	maxEntries = 16384 // contents in a catalogue
	maxRevoked = 4096  // revoked keys
	// MaxHead bounds a signed head in bytes: 3.0 MB.
	MaxHead = fileOverhead + 20 + maxRevoked*32 + maxEntries*(2+2*MaxName+8+32)

	entryMin = 2 + 2 + 8 + 32
)

// Head is the catalogue at one moment, signed by the site's online key.
type Head struct {
	Version uint64      // from 1; each change adds one
	Epoch   uint32      // adds one with every revocation; part of every run key
	Revoked []PublicKey // ascending
	Entries []Entry     // ascending by name, then version
}

// Entry is one content in a Head.
type Entry struct {
	Name, Version string
	Serial        uint64       // version of the head that brought it: of one name, the highest is the latest published
	Manifest      ManifestHash // hash of the signed manifest
}

// String returns name@version.
func (e Entry) String() string { return e.Name + "@" + e.Version }

// SignHead returns the signed head.
func SignHead(h *Head, online *Key) ([]byte, error) {
	if err := h.validate(); err != nil {
		return nil, fmt.Errorf("sign head %d: %w", h.Version, err)
	}
	return seal(fileHead, h.append(nil), online), nil
}

// VerifyHead checks a head against the root and parses it. Whether it is newer is for Catalogue.Accept to say.
func VerifyHead(raw []byte, root *Root) (*Head, error) {
	body, _, err := unseal(fileHead, raw, MaxHead-fileOverhead, root.Online)
	if err != nil {
		return nil, fmt.Errorf("verify head: %w", err)
	}
	h, err := parseHead(body)
	if err != nil {
		return nil, fmt.Errorf("parse head: %w", err)
	}
	return h, nil
}

// revokes says whether k is revoked. A nil head revokes nothing.
func (h *Head) revokes(k PublicKey) bool {
	if h == nil {
		return false
	}
	_, found := findKey(h.Revoked, k)
	return found
}

// Lookup finds a content: the given version, or the latest published. The error is ErrUnknown and says what there is.
func (h *Head) Lookup(r Ref) (Entry, error) {
	var best Entry
	var others []string
	for _, e := range h.Entries {
		if e.Name != r.Name {
			continue
		}
		others = append(others, e.Version)
		if (r.Version == "" || e.Version == r.Version) && e.Serial > best.Serial {
			best = e
		}
	}
	switch {
	case best.Serial > 0:
		return best, nil
	case len(others) > 0:
		const shown = 8
		list := strings.Join(others[max(0, len(others)-shown):], ", ")
		return Entry{}, fmt.Errorf("find %s@%s: %w; versions of it: %s", r.Name, r.Version, ErrUnknown, list)
	}
	return Entry{}, fmt.Errorf("find %s: %w", r.Name, ErrUnknown)
}

// find says where name@version is, or where it would be.
func (h *Head) find(name, version string) (int, bool) {
	return slices.BinarySearchFunc(h.Entries, Entry{Name: name, Version: version}, compareEntries)
}

// byManifest finds the entry whose manifest has this hash.
func (h *Head) byManifest(hash ManifestHash) (Entry, bool) {
	i := slices.IndexFunc(h.Entries, func(e Entry) bool { return e.Manifest == hash })
	if i < 0 {
		return Entry{}, false
	}
	return h.Entries[i], true
}

// next returns a copy of h with the version that follows, to be changed and signed.
func (h *Head) next() *Head {
	return &Head{
		Version: h.Version + 1, Epoch: h.Epoch,
		Revoked: slices.Clone(h.Revoked), Entries: slices.Clone(h.Entries),
	}
}

func compareEntries(a, b Entry) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version))
}

func (h *Head) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, h.Version)
	b = binary.BigEndian.AppendUint32(b, h.Epoch)
	b = appendKeys(b, h.Revoked)
	b = binary.BigEndian.AppendUint32(b, uint32(len(h.Entries)))
	for _, e := range h.Entries {
		b = appendText(appendText(b, e.Name), e.Version)
		b = binary.BigEndian.AppendUint64(b, e.Serial)
		b = append(b, e.Manifest[:]...)
	}
	return b
}

func parseHead(body []byte) (*Head, error) {
	p := parser{b: body}
	h := &Head{Version: p.u64(), Epoch: p.u32()}
	h.Revoked = p.keys(maxRevoked, "revoked keys")
	n := p.count(maxEntries, entryMin, "contents")
	h.Entries = make([]Entry, 0, n)
	for range n {
		h.Entries = append(h.Entries, Entry{Name: p.text(), Version: p.text(), Serial: p.u64(), Manifest: p.b32()})
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return h, h.validate()
}

func (h *Head) validate() error {
	if h.Version == 0 {
		return errors.New("version 0: versions start at 1")
	}
	if n := len(h.Revoked); n > maxRevoked {
		return fmt.Errorf("%d revoked keys: at most %d", n, maxRevoked)
	}
	if n := len(h.Entries); n > maxEntries {
		return fmt.Errorf("%d contents: at most %d; remove some", n, maxEntries)
	}
	return cmp.Or(checkKeys("revoked keys", h.Revoked), h.checkEntries())
}

func (h *Head) checkEntries() error {
	serials := make(map[uint64]struct{}, len(h.Entries))
	for i, e := range h.Entries {
		if err := cmp.Or(checkWord("name", e.Name), checkWord("version", e.Version)); err != nil {
			return fmt.Errorf("content %d: %w", i, err)
		}
		if i > 0 && compareEntries(h.Entries[i-1], e) >= 0 {
			return fmt.Errorf("content %d (%v): out of order", i, e)
		}
		if _, twice := serials[e.Serial]; twice || e.Serial == 0 || e.Serial > h.Version {
			return fmt.Errorf("content %d (%v): serial %d in head %d is impossible", i, e, e.Serial, h.Version)
		}
		serials[e.Serial] = struct{}{}
	}
	return nil
}
