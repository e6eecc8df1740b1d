package catalog

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Limits of a root.
const (
	maxPublishers = 64   // publisher keys
	MaxRoot       = 4096 // bytes of a signed root
)

// Root names a site's keys and their roles. The site key, which can stay offline, signs it.
type Root struct {
	Version    uint32      // from 1; a higher one takes the place of a lower one
	Site       string      // name of the site, for people
	SiteKey    PublicKey   // signs roots
	Online     PublicKey   // signs heads, node records and nonces
	Publishers []PublicKey // sign manifests; ascending, 1 to 64
}

// SignRoot returns the signed root; siteKey must be the one that r names.
func SignRoot(r *Root, siteKey *Key) ([]byte, error) {
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("sign root: %w", err)
	}
	if siteKey.Public() != r.SiteKey {
		return nil, errors.New("sign root: the key is not the root's site key")
	}
	return seal(fileRoot, r.append(nil), siteKey), nil
}

// VerifyRoot checks raw against siteKey, which the caller trusts (a token brought it), and parses it.
func VerifyRoot(raw []byte, siteKey PublicKey) (*Root, error) {
	body, _, err := unseal(fileRoot, raw, MaxRoot-fileOverhead, siteKey)
	if err != nil {
		return nil, fmt.Errorf("verify root: %w", err)
	}
	r, err := parseRoot(body)
	if err != nil {
		return nil, fmt.Errorf("parse root: %w", err)
	}
	if r.SiteKey != siteKey {
		return nil, fmt.Errorf("verify root: names site key %v, signed by %v", r.SiteKey, siteKey)
	}
	return r, nil
}

func (r *Root) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, r.Version)
	b = appendText(b, r.Site)
	b = append(b, r.SiteKey[:]...)
	b = append(b, r.Online[:]...)
	return appendKeys(b, r.Publishers)
}

func parseRoot(body []byte) (*Root, error) {
	p := parser{b: body}
	r := &Root{Version: p.u32(), Site: p.text(), SiteKey: p.b32(), Online: p.b32()}
	r.Publishers = p.keys(maxPublishers, "publisher keys")
	if err := p.end(); err != nil {
		return nil, err
	}
	return r, r.validate()
}

func (r *Root) validate() error {
	if r.Version == 0 {
		return errors.New("version 0: versions start at 1")
	}
	if n := len(r.Publishers); n == 0 || n > maxPublishers {
		return fmt.Errorf("%d publisher keys: want 1 to %d", n, maxPublishers)
	}
	return cmp.Or(checkKeys("publisher keys", r.Publishers), CheckLabel("site name", r.Site))
}

func compareKeys(a, b PublicKey) int { return bytes.Compare(a[:], b[:]) }

// checkKeys checks that a list of keys ascends strictly: one order, no key twice.
func checkKeys(what string, list []PublicKey) error {
	for i := 1; i < len(list); i++ {
		if compareKeys(list[i-1], list[i]) >= 0 {
			return fmt.Errorf("%s out of order", what)
		}
	}
	return nil
}

// findKey says where k is in the ascending list, or where it would be.
func findKey(list []PublicKey, k PublicKey) (int, bool) {
	return slices.BinarySearchFunc(list, k, compareKeys)
}
