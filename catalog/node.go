package catalog

import (
	"errors"
	"fmt"

	"github.com/wimcast/wimcast/internal/ident"
)

// MaxNodeRecord bounds a signed node record in bytes.
const MaxNodeRecord = fileOverhead + 32 + 1 + 1 + MaxName

// Roles is a set of roles of a node.
type Roles = ident.Roles

// Roles of a node.
const (
	RoleDistributionPoint = ident.RoleDistributionPoint
	RolePublisher         = ident.RolePublisher
	RolePeer              = ident.RolePeer
)

// NodeRecord is the site's word that a node belongs to it. A node shows it in Hello.
type NodeRecord struct {
	Key   NodeID
	Name  string // for people
	Roles Roles  // at least one
}

// SignNodeRecord returns the signed record.
func SignNodeRecord(r NodeRecord, online *Key) ([]byte, error) {
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("sign node record: %w", err)
	}
	return seal(fileNode, r.append(nil), online), nil
}

// VerifyNodeRecord checks a record. A key that head revokes is refused with ErrRevoked; head is nil only where none is
// known. That the other end really has the record's key is for TLS to show: compare Key.
func VerifyNodeRecord(raw []byte, root *Root, head *Head) (NodeRecord, error) {
	body, _, err := unseal(fileNode, raw, MaxNodeRecord-fileOverhead, root.Online)
	if err != nil {
		return NodeRecord{}, fmt.Errorf("verify node record: %w", err)
	}
	r, err := parseNodeRecord(body)
	if err != nil {
		return NodeRecord{}, fmt.Errorf("parse node record: %w", err)
	}
	if head.revokes(r.Key) {
		return NodeRecord{}, fmt.Errorf("verify node record of %q (%v): %w", r.Name, r.Key, ErrRevoked)
	}
	return r, nil
}

func (r NodeRecord) append(b []byte) []byte {
	b = append(b, r.Key[:]...)
	b = append(b, byte(r.Roles))
	return appendText(b, r.Name)
}

func parseNodeRecord(body []byte) (NodeRecord, error) {
	p := parser{b: body}
	r := NodeRecord{Key: p.b32(), Roles: Roles(p.u8()), Name: p.text()}
	if err := p.end(); err != nil {
		return NodeRecord{}, err
	}
	return r, r.validate()
}

func (r NodeRecord) validate() error {
	if !r.Roles.Valid() {
		return errors.New("no role, or one that this program does not know")
	}
	return CheckLabel("node name", r.Name)
}
