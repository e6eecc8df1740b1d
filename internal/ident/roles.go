package ident

import "strings"

// Roles is a set of roles of a node: what its record lets it do, and what it says of itself in the mesh.
type Roles uint8

// Roles of a node.
const (
	RoleDistributionPoint Roles = 1 << iota // keeps whole contents and offers them
	RolePublisher                           // may publish
	RolePeer                                // may join casts

	AllRoles = RoleDistributionPoint | RolePublisher | RolePeer
)

var roleNames = [...]string{"distribution point", "publisher", "peer"}

// Has says whether all of want are in the set.
func (r Roles) Has(want Roles) bool { return r&want == want }

// Valid says whether there is a role in the set, and none that this program does not know.
func (r Roles) Valid() bool { return r != 0 && r&^AllRoles == 0 }

// String lists the roles, for people.
func (r Roles) String() string {
	var out []string
	for bit, name := range roleNames {
		if r.Has(1 << bit) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}
