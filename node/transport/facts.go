package transport

// linkInfo is what Linux says of an interface.
type linkInfo struct {
	index  int
	kind   string // what made it: "bridge", "veth", "tun"; "" of a device
	arp    uint16 // what its link layer is: ARPHRD_ETHER and so on
	under  int    // index of the interface that it lies on; 0: of none, or of one in another namespace
	master int    // index of the bridge or bond that it is a port of; 0: of none
	noDev  bool   // it has no kind, and yet no device of this machine: a virtualizer's own make
}

// route is a default route.
type route struct {
	index  int // of the interface
	metric int
}

// Of ARPHRD, the link layers that other computers can be on: Ethernet, Infiniband, and three of Wi-Fi.
var lans = map[uint16]bool{1: true, 32: true, 801: true, 802: true, 803: true}

// upon lists what lies on another interface of this machine and is what that is; gathers, what has ports; tunnels, what is made to lead to
// another network, also where its link layer is Ethernet.
var (
	upon    = map[string]bool{"vlan": true, "macvlan": true, "macvtap": true, "ipvlan": true, "ipvtap": true}
	gathers = map[string]bool{"bridge": true, "bond": true, "team": true, "hsr": true}
	tunnels = map[string]bool{
		"tun": true, "wireguard": true, "vxlan": true, "geneve": true, "gretap": true, "ip6gretap": true, "erspan": true, "ip6erspan": true,
		"bareudp": true, "gtp": true, "xfrm": true, "vti": true, "vti6": true, "ppp": true, "l2tpeth": true,
	}
)

// classify says of every link what is behind it.
func classify(links []linkInfo, routes []route) map[int]facts {
	byIndex := make(map[int]linkInfo, len(links))
	for _, l := range links {
		byIndex[l.index] = l
	}
	out := make(map[int]facts, len(links))
	for _, l := range links {
		f := facts{class: classVirtual}
		switch {
		case l.arp == arpLoopback:
			f.class = classLoopback
		case tunnels[l.kind] || !lans[l.arp]:
			f.class = classTunnel
		case device(l, links, byIndex, len(links)):
			f.class = classHardware
		case l.kind == "bridge":
			f.class = classBridge
		}
		for _, r := range routes {
			if r.index == l.index && (!f.routed || r.metric < f.metric) {
				f.routed, f.metric = true, r.metric
			}
		}
		out[l.index] = f
	}
	return out
}

const arpLoopback = 772

// device says whether a device of this machine is behind l, through at most depth others.
func device(l linkInfo, links []linkInfo, byIndex map[int]linkInfo, depth int) bool {
	switch {
	case !lans[l.arp] || depth < 0:
		return false
	case l.kind == "":
		return !l.noDev
	case upon[l.kind]:
		below, here := byIndex[l.under]
		return here && device(below, links, byIndex, depth-1)
	case gathers[l.kind]:
		for _, port := range links {
			if port.master == l.index && device(port, links, byIndex, depth-1) {
				return true
			}
		}
	}
	return false
}
