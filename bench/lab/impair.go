//go:build linux

package lab

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// nft replaces the host's table of that name with rules at the ingress of eth0.
func (h *Host) nft(table, rule string) {
	h.lab.t.Helper()
	rules := fmt.Sprintf("table netdev %[1]s\ndelete table netdev %[1]s\n", table)
	if rule != "" {
		rules += fmt.Sprintf("table netdev %s {\n chain in {\n  type filter hook ingress device \"eth0\" priority 0; policy accept;\n  %s\n }\n}\n", table, rule)
	}
	if err := runInput("ip netns exec "+h.ns+" nft -f -", rules); err != nil {
		h.lab.t.Fatalf("lab: %v", err)
	}
}

// SetLoss makes the host lose that share of the UDP datagrams it receives, each independently.
func (h *Host) SetLoss(share float64) {
	h.lab.t.Helper()
	rule := ""
	if share > 0 {
		rule = fmt.Sprintf("ip protocol udp numgen random mod 10000 < %d drop", int(share*10000+0.5))
	}
	h.nft("loss", rule)
}

// BlockMulticast drops, or no longer drops, everything the host receives for multicast groups of applications; group
// membership still works, as behind a switch that filters wrongly.
func (h *Host) BlockMulticast(block bool) {
	h.lab.t.Helper()
	rule := ""
	if block {
		rule = "ip daddr 239.0.0.0/8 drop"
	}
	h.nft("deaf", rule)
}

// SetLink pulls or plugs the host's cable, at the switch's end, as a bad plug would.
func (h *Host) SetLink(up bool) {
	h.lab.t.Helper()
	state := "down"
	if up {
		state = "up"
	}
	h.lab.must("ip -n sw link set p%s %s", strings.TrimPrefix(h.ns, "h"), state)
}

// Counters are what a host's network interface has sent and received since it was made.
type Counters struct{ TxBytes, TxPackets, RxBytes, RxPackets int64 }

// Sub returns c - d.
func (c Counters) Sub(d Counters) Counters {
	return Counters{c.TxBytes - d.TxBytes, c.TxPackets - d.TxPackets, c.RxBytes - d.RxBytes, c.RxPackets - d.RxPackets}
}

// Counters reads the host's interface counters. Bytes include Ethernet headers.
func (h *Host) Counters() Counters {
	h.lab.t.Helper()
	var text []byte
	err := h.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/dev")
		return err
	})
	if err != nil {
		h.lab.t.Fatalf("lab: read counters of %s: %v", h.ns, err)
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		f := strings.Fields(rest)
		if name != "eth0" || len(f) < 10 {
			continue
		}
		n := func(i int) int64 { v, _ := strconv.ParseInt(f[i], 10, 64); return v }
		return Counters{RxBytes: n(0), RxPackets: n(1), TxBytes: n(8), TxPackets: n(9)}
	}
	h.lab.t.Fatalf("lab: read counters of %s: no eth0 in %q", h.ns, text)
	return Counters{}
}

// Overflows returns how many UDP packets the host has dropped because the receive buffer of a socket was full: its process did not get to read
// them in time. What a program loses so is no fault of the network's.
func (h *Host) Overflows() int64 {
	h.lab.t.Helper()
	var text []byte
	err := h.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/snmp")
		return err
	})
	if err != nil {
		h.lab.t.Fatalf("lab: read counters of %s: %v", h.ns, err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch i := slices.Index(names, "RcvbufErrors"); {
		case len(f) == 0 || f[0] != "Udp:":
		case names == nil:
			names = f
		case i > 0 && i < len(f):
			n, _ := strconv.ParseInt(f[i], 10, 64)
			return n
		}
	}
	h.lab.t.Fatalf("lab: read counters of %s: no RcvbufErrors in %q", h.ns, text)
	return 0
}

// SetMTU sets the largest packet on the host's link, on both ends: longer ones to it are lost without a word.
func (h *Host) SetMTU(bytes int) {
	h.lab.t.Helper()
	h.lab.must("ip -n %s link set eth0 mtu %d", h.ns, bytes)
	h.lab.must("ip -n sw link set p%s mtu %d", strings.TrimPrefix(h.ns, "h"), bytes)
}

// SetDownRate makes the switch's port to the host carry mbit Mbit/s, as an old network card would.
func (h *Host) SetDownRate(mbit int) {
	h.lab.t.Helper()
	port := "p" + strings.TrimPrefix(h.ns, "h")
	h.lab.must("tc -n sw qdisc replace dev %s root tbf rate %dmbit burst 32k limit 128k", port, mbit)
	h.lab.must("ip netns exec sw ethtool -K %s tx-udp-segmentation off", port)
}
