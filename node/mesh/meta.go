package mesh

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/wimcast/wimcast/internal/ident"
)

// Limits of what a node says of itself, in bytes.
const (
	nameMax = 64
	WhatMax = 128
)

const (
	metaVersion = 1
	metaMax     = 4 + nameMax + WhatMax // well below memberlist's 512
)

// How version 1 writes a role. It says one: that of a distribution point, or that of a peer.
const (
	roleDistributionPoint = 1
	rolePeer              = 2
)

// Meta is what a node says of itself.
type Meta struct {
	Roles ident.Roles // RoleDistributionPoint or RolePeer
	Name  string      // for people, 1 to 64 bytes
	What  string      // what it holds or does, in a few words; at most WhatMax bytes
}

func (m Meta) validate() error {
	switch {
	case m.Roles != ident.RoleDistributionPoint && m.Roles != ident.RolePeer:
		return fmt.Errorf("roles %q: want distribution point or peer", m.Roles)
	case m.Name == "" || len(m.Name) > nameMax:
		return fmt.Errorf("name of %d bytes: want 1 to %d", len(m.Name), nameMax)
	case len(m.What) > WhatMax:
		return fmt.Errorf("what of %d bytes: want at most %d", len(m.What), WhatMax)
	case !printable(m.Name) || !printable(m.What):
		return errors.New("name or what has characters that are not for people")
	}
	return nil
}

// printable keeps control and direction characters off the terminals of others. What package catalog takes for a node's name
// passes.
func printable(s string) bool {
	for _, r := range s {
		direction := r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x2069 || r == 0xfeff
		if unicode.IsControl(r) || direction {
			return false
		}
	}
	return utf8.ValidString(s)
}

func (m Meta) append(dst []byte) []byte {
	role := byte(rolePeer)
	if m.Roles.Has(ident.RoleDistributionPoint) {
		role = roleDistributionPoint
	}
	dst = append(dst, metaVersion, role, byte(len(m.Name)))
	dst = append(dst, m.Name...)
	dst = append(dst, byte(len(m.What)))
	return append(dst, m.What...)
}

func parseMeta(b []byte) (Meta, error) {
	bad := errors.New("parse metadata: malformed")
	if len(b) < 4 || len(b) > metaMax {
		return Meta{}, bad
	}
	if b[0] != metaVersion {
		return Meta{}, fmt.Errorf("parse metadata: version %d", b[0])
	}
	var m Meta
	switch b[1] {
	case roleDistributionPoint:
		m.Roles = ident.RoleDistributionPoint
	case rolePeer:
		m.Roles = ident.RolePeer
	default:
		return Meta{}, fmt.Errorf("parse metadata: there is no role %d", b[1])
	}
	name, rest, ok := text(b[2:])
	what, rest, ok2 := text(rest)
	if !ok || !ok2 || len(rest) > 0 {
		return Meta{}, bad
	}
	m.Name, m.What = name, what
	if err := m.validate(); err != nil {
		return Meta{}, fmt.Errorf("parse metadata: %w", err)
	}
	return m, nil
}

// text reads a byte of length and so many bytes.
func text(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 || len(b)-1 < int(b[0]) {
		return "", nil, false
	}
	n := int(b[0])
	return string(b[1 : 1+n]), b[1+n:], true
}
