package transport

import (
	"cmp"
	"fmt"
	"math"
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
	facts
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

// facts is what the system knows of an interface beside its name and addresses.
type facts struct {
	class  class
	routed bool // a default route goes over it
	metric int  // of that, the least
}

// class says what is behind an interface. The less likely it is that other computers are, the higher it is.
type class int

const (
	classHardware class = iota // a device of this machine, or a bridge, bond or VLAN of one
	classVirtual               // an Ethernet that the system made up: of a container or another machine in this one
	classBridge                // between such
	classTunnel                // to another network, which carries no multicast as a rule
	classLoopback
)

// Interfaces lists the interfaces that can carry multicast: up, and with an address. Those come first that other computers are likely to be
// on: devices before what the system made up, and of each kind the one that the default route goes over; loopback interfaces come last.
func Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	known := knownFacts(all)
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
		u := Interface{Name: i.Name, Index: i.Index, MTU: i.MTU, Loopback: loopback, facts: known[i.Index]}
		switch {
		case loopback:
			u.class = classLoopback
		case i.Flags&net.FlagPointToPoint != 0:
			u.class = classTunnel
		}
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
	slices.SortStableFunc(usable, byPreference)
	return usable, nil
}

// byPreference puts first what is likelier to have other computers on it. Interfaces between which nothing decides are equal.
func byPreference(a, b Interface) int {
	metric := func(i Interface) int {
		if !i.routed {
			return math.MaxInt
		}
		return i.metric
	}
	return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(metric(a), metric(b)))
}

// Want says which interface is to carry a group. The zero value leaves it to what the system knows.
type Want struct {
	Name  string     // as configured; "": it is not
	Local netip.Addr // of this machine, at which the others are reached or reach it; invalid or unspecified: any
}

// Choice is an interface that was chosen.
type Choice struct {
	Interface
	Why       string // for people
	OtherThan string // a loopback interface was chosen beside this one, which is none; "": not so
}

// Choose returns the interface that is to carry a group of group's family: the one called Name; or that which has the address Local; or else
// the first of Interfaces, if something tells it from the second. The error lists the usable interfaces. The interface has an address of
// group's family.
func (w Want) Choose(group netip.Addr) (Choice, error) {
	all, err := Interfaces()
	if err != nil {
		return Choice{}, err
	}
	return w.choose(all, group)
}

// PickInterface is Choose with a name, or nothing.
func PickInterface(name string, group netip.Addr) (Interface, error) {
	c, err := Want{Name: name}.Choose(group)
	return c.Interface, err
}

func (w Want) choose(all []Interface, group netip.Addr) (Choice, error) {
	c, err := w.pick(all, group)
	if err != nil || !c.Loopback {
		return c, err
	}
	for _, i := range all {
		if !i.Loopback {
			c.OtherThan = i.String()
			break
		}
	}
	return c, nil
}

func (w Want) pick(all []Interface, group netip.Addr) (Choice, error) {
	family := "IPv4"
	if !group.Is4() {
		family = "IPv6"
	}
	usable := slices.DeleteFunc(slices.Clone(all), func(i Interface) bool {
		_, ok := i.addr(group)
		return !ok
	})
	if w.Name != "" {
		for _, i := range usable {
			if i.Name == w.Name {
				return Choice{Interface: i, Why: "it is configured"}, nil
			}
		}
		return Choice{}, fmt.Errorf("use interface %q for %s multicast: it does not exist, is down, or has no %s address; usable: %s",
			w.Name, family, family, list(usable))
	}
	if at, ok := w.at(usable); ok {
		return Choice{Interface: at, Why: fmt.Sprintf("connections go over its address %s", w.Local)}, nil
	}
	switch {
	case len(usable) == 0:
		return Choice{}, fmt.Errorf("choose an interface for %s multicast: none is up with an %s address", family, family)
	case len(usable) > 1 && byPreference(usable[0], usable[1]) == 0:
		return Choice{}, fmt.Errorf("choose an interface for %s multicast: there are several, name one with --interface: %s",
			family, list(usable))
	}
	return Choice{Interface: usable[0], Why: preferred(usable)}, nil
}

// at is the usable interface that has the address Local. One of a link is told by its zone.
func (w Want) at(all []Interface) (Interface, bool) {
	if !w.Local.IsValid() || w.Local.IsUnspecified() {
		return Interface{}, false
	}
	local, zone := w.Local.Unmap().WithZone(""), w.Local.Zone()
	for _, i := range all {
		if (zone == "" || zone == i.Name || zone == fmt.Sprint(i.Index)) && (slices.Contains(i.Addrs, local) || i.Loopback && local.IsLoopback()) {
			return i, true
		}
	}
	return Interface{}, false
}

// preferred says why the first of some interfaces comes first.
func preferred(usable []Interface) string {
	first := usable[0]
	switch {
	case len(usable) == 1:
		return "it is the only one"
	case first.class == usable[1].class && first.routed:
		return "the default route goes over it"
	case usable[1].class == classLoopback:
		return "it is the only one beside the loopback"
	case first.class == classHardware:
		return fmt.Sprintf("it is a device of this machine; %s is not", usable[1].Name)
	}
	return fmt.Sprintf("other computers are likelier on it than on %s", usable[1].Name)
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

// LocalAddr is the address of this machine from which to is reached. Nothing is sent.
func LocalAddr(to netip.AddrPort) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
