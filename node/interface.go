package node

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/transport"
)

// castsOver chooses the interface of the casts that the node will send. Where the network has IPv6 only, and the configuration leaves the
// groups to the program, they become groups of IPv6.
func (l *Local) castsOver(want transport.Want) (transport.Choice, error) {
	cfg := &l.folder.Config
	group, err := cfg.Group(1)
	if err != nil {
		return transport.Choice{}, err
	}
	over, err := want.Choose(group.Addr())
	other, free := cfg.IPv6Groups()
	if !free {
		return over, err
	}
	six, err6 := want.Choose(netip.IPv6Unspecified())
	if err6 != nil || !onlyIPv6(over, err, six) {
		return over, err
	}
	*cfg = other
	six.Why += "; groups are of IPv6, since it has no IPv4 address"
	return six, nil
}

// onlyIPv6 says that the network has IPv6 only: what was chosen for IPv4 is nothing, or a loopback, and what was chosen for IPv6 is neither.
func onlyIPv6(four transport.Choice, err error, six transport.Choice) bool {
	return (err != nil || four.Loopback) && !six.Loopback && slices.ContainsFunc(six.Addrs, reachesOut)
}

// reachesOut says whether others reach an address of IPv6 without naming an interface.
func reachesOut(a netip.Addr) bool { return a.Is6() && !a.IsLinkLocalUnicast() }

// wanted is the interface that opt asks for: by name, or by the address to listen on.
func wanted(opt Options) transport.Want {
	w := transport.Want{Name: opt.Interface}
	if at, err := resolveListen(opt.Listen); err == nil {
		w.Local = at.Addr()
	}
	return w
}

// serving tells where the node answers and sends.
func (n *Node) serving() {
	n.events.Put("", event.NodeServing{
		Address: n.Addr().String(), Folder: n.folder.Dir, Node: n.key.Public().Short(), Interface: n.over.Name, Why: n.over.Why,
	})
	if n.over.OtherThan != "" {
		n.events.Put("", event.LoopbackTaken{Interface: n.over.Name, Beside: n.over.OtherThan})
	}
}

// checkInterface refuses a named interface that no group could be joined on, before anybody is asked. Which family the cast's
// group will have is not known yet.
func checkInterface(name string) error {
	if name == "" {
		return nil // the connection will tell
	}
	_, err4 := transport.PickInterface(name, netip.IPv4Unspecified())
	if err4 == nil {
		return nil
	}
	if _, err := transport.PickInterface(name, netip.IPv6Unspecified()); err == nil {
		return nil
	}
	return err4
}

// addresses lists where this machine can be reached: at which address the node listens; or, when that is every one, those of the casts'
// interface first, and then of the others as transport.Interfaces has them. What is more than a token has room for is left out.
func (l *Local) addresses() (out, left []string, err error) {
	listen, want := l.listen, l.want
	if listen == "" { // no node runs
		listen = l.folder.Config.Listen
		want = wanted(Options{Listen: listen, Interface: l.folder.Config.Interface})
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, nil, fmt.Errorf("configuration: listen address %q: %w", listen, err)
	}
	if ip, err := netip.ParseAddr(host); err == nil && !ip.IsUnspecified() || err != nil && host != "" {
		return []string{listen}, nil, nil
	}
	all, err := transport.Interfaces()
	if err != nil {
		return nil, nil, err
	}
	out = addressesOf(all, l.castInterface(want), port)
	if len(out) == 0 {
		return nil, nil, errors.New("this machine has no network address that clients could use; name one with --address HOST:PORT")
	}
	most := min(len(out), catalog.MaxAddresses)
	return out[:most], out[most:], nil
}

// castInterface is the name of the interface that casts are sent on; "" when that cannot be told.
func (l *Local) castInterface(want transport.Want) string {
	group, err := l.folder.Config.Group(1)
	if err != nil {
		return want.Name
	}
	over, err := want.Choose(group.Addr())
	if err != nil {
		return want.Name
	}
	return over.Name
}

// addressesOf lists the addresses of interfaces, those of the one called first before all others. Those that only this machine reaches come
// only when there are no others.
func addressesOf(all []transport.Interface, first, port string) (out []string) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b transport.Interface) int {
		switch {
		case (a.Name == first) == (b.Name == first):
			return 0
		case a.Name == first:
			return -1
		}
		return 1
	})
	for _, loopback := range []bool{false, true} {
		for _, i := range all {
			for _, a := range i.Addrs {
				if i.Loopback == loopback && !a.IsLinkLocalUnicast() {
					out = append(out, net.JoinHostPort(a.String(), port))
				}
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return out
}
