package wim

import (
	"bytes"
	"encoding/hex"
)

// SHA1 names a resource: the SHA-1 of its uncompressed bytes. The zero value means "no bytes".
type SHA1 [20]byte

// String returns 40 hex digits.
func (h SHA1) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether h names nothing: an empty stream.
func (h SHA1) IsZero() bool { return h == SHA1{} }

func (h SHA1) compare(o SHA1) int { return bytes.Compare(h[:], o[:]) }
