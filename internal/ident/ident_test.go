package ident

import (
	"strings"
	"testing"
)

func TestPublicKeyIsReadAsItIsWritten(t *testing.T) {
	k := PublicKey{0: 0xab, 31: 0x01}
	if got, err := ParsePublicKey(k.String()); err != nil || got != k {
		t.Errorf("%v, %v; want %v", got, err, k)
	}
	if k.Short() != "ab000000" {
		t.Errorf("short form %q", k.Short())
	}
	for _, bad := range []string{"", k.String()[:63], k.String()[:62], k.String() + "00", strings.Repeat("g", 64)} {
		if _, err := ParsePublicKey(bad); err == nil {
			t.Errorf("%q was taken for a key", bad)
		}
	}
}

func TestRolesSayWhatTheyAre(t *testing.T) {
	for r, want := range map[Roles]string{
		RolePeer: "peer", RoleDistributionPoint: "distribution point", AllRoles: "distribution point, publisher, peer", 0: "",
	} {
		if r.String() != want {
			t.Errorf("roles %d are %q, want %q", r, r.String(), want)
		}
		if r.Valid() != (want != "") {
			t.Errorf("roles %d are valid: %v", r, r.Valid())
		}
	}
	if (AllRoles + 1).Valid() || (AllRoles + 1 | RolePeer).Valid() {
		t.Error("a role that nobody knows is valid")
	}
	if both := RolePeer | RolePublisher; !both.Has(RolePeer) || both.Has(RolePeer|RoleDistributionPoint) {
		t.Error("Has is wrong about two roles")
	}
}
