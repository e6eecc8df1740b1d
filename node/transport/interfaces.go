package transport

import "net/netip"

// Interface is a network interface that can carry a cast.
type Interface struct {
	Name     string
	Index    int
	MTU      int          // bytes
	Addrs    []netip.Addr // its addresses, without zones
	Loopback bool
}

// Interfaces lists the interfaces that can carry multicast: up, and with an address. Loopback interfaces come last.
func Interfaces() ([]Interface, error) { return nil, nil }

// PickInterface returns the interface called name. An empty name stands for the only usable interface that is not a
// loopback, or for the loopback when there is no other. When there is no answer or more than one, the error lists the
// usable interfaces. The interface has an address of group's family.
func PickInterface(name string, group netip.Addr) (Interface, error) { return Interface{}, nil }
