package transport

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Interface is a network interface that can carry a cast.
type Interface struct {
	Name     string
	Index    int
	MTU      int          // bytes
	Addrs    []netip.Addr // its addresses, without zones
	Loopback bool
}

// String names the interface and its addresses, for people.
func (i Interface) String() string {
	s := make([]string, len(i.Addrs))
	for n, a := range i.Addrs {
		s[n] = a.String()
	}
	return fmt.Sprintf("%s (%s)", i.Name, strings.Join(s, ", "))
}

// Addr returns the interface's first address of the group's family.
func (i Interface) addr(group netip.Addr) (netip.Addr, bool) {
	for _, a := range i.Addrs {
		if a.Is4() == group.Is4() {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Interfaces lists the interfaces that can carry multicast: up, and with an address. Loopback interfaces come last.
func Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var usable []Interface
	for _, i := range all {
		loopback := i.Flags&net.FlagLoopback != 0
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagMulticast == 0 && !loopback {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it went away while we looked
		}
		u := Interface{Name: i.Name, Index: i.Index, MTU: i.MTU, Loopback: loopback}
		for _, a := range addrs {
			if p, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(p.IP); ok {
					u.Addrs = append(u.Addrs, ip.Unmap())
				}
			}
		}
		if len(u.Addrs) > 0 {
			usable = append(usable, u)
		}
	}
	slices.SortStableFunc(usable, func(a, b Interface) int {
		switch {
		case a.Loopback == b.Loopback:
			return 0
		case b.Loopback:
			return -1
		}
		return 1
	})
	return usable, nil
}

// PickInterface returns the interface called name. An empty name stands for the only usable interface that is not a
// loopback, or for the loopback when there is no other. When there is no answer or more than one, the error lists the
// usable interfaces. The interface has an address of group's family.
func PickInterface(name string, group netip.Addr) (Interface, error) {
	all, err := Interfaces()
	if err != nil {
		return Interface{}, err
	}
	return pick(all, name, group)
}

func pick(all []Interface, name string, group netip.Addr) (Interface, error) {
	family := "IPv4"
	if !group.Is4() {
		family = "IPv6"
	}
	usable := slices.DeleteFunc(slices.Clone(all), func(i Interface) bool {
		_, ok := i.addr(group)
		return !ok
	})
	if name != "" {
		for _, i := range usable {
			if i.Name == name {
				return i, nil
			}
		}
		return Interface{}, fmt.Errorf("use interface %q for %s multicast: it does not exist, is down, or has no %s address; usable: %s",
			name, family, family, list(usable))
	}
	switch {
	case len(usable) == 0:
		return Interface{}, fmt.Errorf("choose an interface for %s multicast: none is up with an %s address", family, family)
	case len(usable) > 1 && !usable[1].Loopback:
		return Interface{}, fmt.Errorf("choose an interface for %s multicast: there are several, name one with --interface: %s",
			family, list(usable))
	}
	return usable[0], nil
}

func list(interfaces []Interface) string {
	if len(interfaces) == 0 {
		return "none"
	}
	s := make([]string, len(interfaces))
	for n, i := range interfaces {
		s[n] = i.String()
	}
	return strings.Join(s, ", ")
}
