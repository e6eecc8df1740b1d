package transport

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// host is a machine's table of interfaces, as a test writes it.
type host []struct {
	name string
	info linkInfo // index: from 1, in order
	addr string
	via  int // metric of a default route and one; 0: none
}

const (
	ethernet = 1
	noLayer  = 65534
)

// interfaces gives what Interfaces would.
func (h host) interfaces() []Interface {
	var links []linkInfo
	var routes []route
	for i, row := range h {
		row.info.index = i + 1
		links = append(links, row.info)
		if row.via > 0 {
			routes = append(routes, route{i + 1, row.via - 1})
		}
	}
	known := classify(links, routes)
	var out []Interface
	for i, row := range h {
		if row.addr != "" {
			u := Interface{Name: row.name, Index: i + 1, facts: known[i+1]}
			u.Loopback = u.class == classLoopback
			for a := range strings.FieldsSeq(row.addr) {
				u.Addrs = append(u.Addrs, netip.MustParseAddr(a))
			}
			out = append(out, u)
		}
	}
	slices.SortStableFunc(out, byPreference)
	return out
}

var loRow = host{{"lo", linkInfo{arp: arpLoopback}, "127.0.0.1 ::1", 0}}

func with(rows ...host) host { return slices.Concat(rows...) }

// What the system made up for containers, other machines and tunnels comes after what other computers are on, whatever its name or its number.
func TestInterfacesThatOthersAreOnComeFirst(t *testing.T) {
	for name, c := range map[string]struct {
		host host
		want string // all in order
		pick string // for IPv4, with nothing else known; "": there are several
	}{
		"a docker host whose LAN came last": {
			with(loRow, host{
				{"docker0", linkInfo{kind: "bridge", arp: ethernet}, "172.17.0.1", 0},
				{"br-1", linkInfo{kind: "bridge", arp: ethernet}, "172.18.0.1", 0},
				{"veth9", linkInfo{kind: "veth", arp: ethernet, master: 2}, "169.254.1.1", 0},
				{"enp1s0", linkInfo{arp: ethernet}, "192.0.2.1", 1},
			}),
			"enp1s0 veth9 docker0 br-1 lo", "enp1s0",
		},
		"a VPN that took the default route": {
			with(loRow, host{
				{"tun0", linkInfo{kind: "tun", arp: noLayer}, "10.8.0.2", 1},
				{"wg0", linkInfo{kind: "wireguard", arp: noLayer}, "10.9.0.2", 0},
				{"zt7", linkInfo{kind: "tun", arp: ethernet}, "10.10.0.2", 0},
				{"flannel.1", linkInfo{kind: "vxlan", arp: ethernet, under: 6}, "10.11.0.0", 0},
				{"eth0", linkInfo{arp: ethernet}, "192.0.2.1", 101},
			}),
			"eth0 tun0 wg0 zt7 flannel.1 lo", "eth0",
		},
		"a host of virtual machines, bridged": {
			with(loRow, host{
				{"eno1", linkInfo{arp: ethernet, master: 4}, "", 0},
				{"virbr0", linkInfo{kind: "bridge", arp: ethernet}, "192.168.122.1", 0},
				{"vmbr0", linkInfo{kind: "bridge", arp: ethernet}, "192.0.2.1", 1},
				{"tap100", linkInfo{kind: "tun", arp: ethernet, master: 4}, "", 0},
			}),
			"vmbr0 virbr0 lo", "vmbr0",
		},
		"a VLAN on a bond, in a bridge": {
			with(loRow, host{
				{"eth0", linkInfo{arp: ethernet, master: 4}, "", 0},
				{"eth1", linkInfo{arp: ethernet, master: 4}, "", 0},
				{"bond0", linkInfo{kind: "bond", arp: ethernet}, "", 0},
				{"bond0.7", linkInfo{kind: "vlan", arp: ethernet, under: 4, master: 6}, "", 0},
				{"br7", linkInfo{kind: "bridge", arp: ethernet}, "192.0.2.1", 0},
				{"cni0", linkInfo{kind: "bridge", arp: ethernet}, "10.1.0.1", 0},
			}),
			"br7 cni0 lo", "br7",
		},
		"VMware's own": {
			with(loRow, host{
				{"vmnet1", linkInfo{arp: ethernet, noDev: true}, "172.16.1.1", 0},
				{"vmnet8", linkInfo{arp: ethernet, noDev: true}, "172.16.8.1", 0},
				{"wlan0", linkInfo{arp: ethernet}, "192.0.2.1", 601},
			}),
			"wlan0 vmnet1 vmnet8 lo", "wlan0",
		},
		"a container": {
			with(loRow, host{
				{"eth0", linkInfo{kind: "veth", arp: ethernet}, "172.17.0.5", 1},
				{"eth1", linkInfo{kind: "veth", arp: ethernet}, "172.18.0.5", 0},
			}),
			"eth0 eth1 lo", "eth0",
		},
		"a container on a macvlan whose device is elsewhere": {
			with(loRow, host{{"eth0", linkInfo{kind: "macvlan", arp: ethernet}, "192.0.2.5", 0}}),
			"eth0 lo", "eth0",
		},
		"two networks, one with the way out": {
			with(host{{"eth0", linkInfo{arp: ethernet}, "10.0.0.1", 0}, {"eth1", linkInfo{arp: ethernet}, "192.0.2.1", 1}}, loRow),
			"eth1 eth0 lo", "eth1",
		},
		"cable and Wi-Fi, both with a way out": {
			with(host{{"wlan0", linkInfo{arp: ethernet}, "192.0.2.2", 601}, {"eth0", linkInfo{arp: ethernet}, "192.0.2.1", 101}}, loRow),
			"eth0 wlan0 lo", "eth0",
		},
		"two networks without a way out": {
			with(host{{"eth0", linkInfo{arp: ethernet}, "10.0.0.1", 0}, {"eth1", linkInfo{arp: ethernet}, "192.0.2.1", 0}}, loRow),
			"eth0 eth1 lo", "",
		},
		"bridges that lie on each other": {
			with(loRow, host{
				{"a", linkInfo{kind: "vlan", arp: ethernet, under: 3}, "10.0.0.1", 0},
				{"b", linkInfo{kind: "bridge", arp: ethernet, master: 2}, "10.0.0.2", 0},
			}),
			"a b lo", "a",
		},
		"nothing but itself": {loRow, "lo", "lo"},
	} {
		all := c.host.interfaces()
		var names []string
		for _, i := range all {
			names = append(names, i.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		got, err := Want{}.choose(all, netip.MustParseAddr("239.192.0.1"))
		if got.Name != c.pick || (err == nil) != (c.pick != "") || err == nil && got.Why == "" {
			t.Errorf("%s: chose %q because %q, %v; want %q", name, got.Name, got.Why, err, c.pick)
		}
	}
}

// The group goes where the connection goes, and a name goes before all; loopback beside a network is pointed out.
func TestTheConnectionsInterfaceCarriesTheGroup(t *testing.T) {
	all := with(loRow, host{
		{"eth0", linkInfo{arp: ethernet}, "192.0.2.1 fe80::1", 1},
		{"eth1", linkInfo{arp: ethernet}, "198.18.0.1 fe80::1", 0},
		{"six", linkInfo{arp: ethernet}, "2001:db8::1 fe80::3", 0},
		{"docker0", linkInfo{kind: "bridge", arp: ethernet}, "172.17.0.1", 0},
	}).interfaces()
	v4, v6 := netip.MustParseAddr("239.192.0.1"), netip.MustParseAddr("ff15::1")
	for _, c := range []struct {
		name, local string
		group       netip.Addr
		want        string // "": an error
		beside      bool
	}{
		{"", "", v4, "eth0", false},
		{"", "198.18.0.1", v4, "eth1", false},
		{"eth0", "198.18.0.1", v4, "eth0", false},
		{"", "172.17.0.1", v4, "docker0", false},
		{"", "127.0.0.1", v4, "lo", true},
		{"", "127.0.0.53", v4, "lo", true},
		{"lo", "", v4, "lo", true},
		{"", "0.0.0.0", v4, "eth0", false},
		{"", "203.0.113.9", v4, "eth0", false}, // of an interface that carries no multicast
		{"", "2001:db8::1", v6, "six", false},
		{"", "2001:db8::1", v4, "eth0", false}, // who has only IPv6 hears no group of IPv4, and is served over QUIC
		{"", "fe80::1%eth1", v4, "eth1", false},
		{"", "fe80::1%eth0", v6, "eth0", false},
		{"", "::ffff:198.18.0.1", v4, "eth1", false},
		{"docker0", "", v6, "", false},
	} {
		w := Want{Name: c.name}
		if c.local != "" {
			w.Local = netip.MustParseAddr(c.local)
		}
		got, err := w.choose(all, c.group)
		if got.Name != c.want || (err == nil) != (c.want != "") || (got.OtherThan != "") != c.beside {
			t.Errorf("%+v: %s because %q beside %q, %v", c, got.Name, got.Why, got.OtherThan, err)
		}
	}
}
