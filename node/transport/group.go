package transport

import (
	"fmt"
	"net/netip"

	"github.com/wimcast/wimcast/internal/oserr"
)

// checkGroup says what is wrong with a multicast group: it must be a multicast address without a zone and a port, and an
// IPv4 group must not share its Ethernet address with 224.0.0.x, which switches flood to everyone (RFC 4541, section 2.1.2).
func checkGroup(group netip.AddrPort) error {
	a := group.Addr()
	switch {
	case !a.IsMulticast() || a.Is4In6() || a.Zone() != "":
		return fmt.Errorf("use group %s: not a multicast address", group)
	case group.Port() == 0:
		return fmt.Errorf("use group %s: it needs a port", group)
	case a.Is4():
		if b := a.As4(); b[1]&0x7f == 0 && b[2] == 0 {
			return fmt.Errorf("use group %s: switches flood it like 224.0.0.%d; choose another, such as 239.192.7.1", group, b[3])
		}
	}
	return nil
}

// bindError says what to do about an address that cannot be had.
func bindError(what string, at netip.AddrPort, err error) error {
	if oserr.Is(err, oserr.AddrInUse) {
		return fmt.Errorf("%s %s: UDP port %d is in use by another program: stop it or choose another port: %w", what, at, at.Port(), err)
	}
	return fmt.Errorf("%s %s: %w", what, at, err)
}
