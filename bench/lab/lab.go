//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
)

// maxHosts is the most hosts a lab can have: they share a /24.
const maxHosts = 250

// Config describes a lab. The zero value is two hosts on an unlimited network without loss.
type Config struct {
	Hosts int     // hosts, 2 to 250; 0: 2
	Rate  int     // Mbit/s each host may send; 0: unlimited
	Loss  float64 // share of UDP datagrams each host loses on receipt, 0..1
	MTU   int     // bytes; 0: 1500
}

// Lab is a running network. It ends with the test that made it.
type Lab struct {
	t     testing.TB
	hosts []*Host
}

// Host is one host of a lab.
type Host struct {
	lab  *Lab
	ns   string
	Addr netip.Addr
}

// New builds a lab, or skips the test, saying what is missing (in CI: fails).
func New(t testing.TB, cfg Config) *Lab {
	t.Helper()
	if err := missing(); err != nil {
		skip(t, err.Error())
	}
	if cfg.Hosts == 0 {
		cfg.Hosts = 2
	}
	if cfg.Hosts < 2 || cfg.Hosts > maxHosts {
		t.Fatalf("lab: %d hosts: want 2 to %d", cfg.Hosts, maxHosts)
	}
	l := &Lab{t: t}
	t.Cleanup(l.close)
	l.must("ip netns add sw")
	l.must("ip -n sw link set lo up")
	l.must("ip -n sw link add br0 type bridge mcast_snooping 1 mcast_query_response_interval 10")
	// A switch floods until its first query has had time for answers: a tenth of a second here, as set above, not ten.
	l.must("ip -n sw link set br0 type bridge mcast_querier 1")
	l.must("ip -n sw link set br0 up")
	for i := range cfg.Hosts {
		l.addHost(i, cfg)
	}
	return l
}

func (l *Lab) addHost(i int, cfg Config) {
	l.t.Helper()
	h := &Host{lab: l, ns: fmt.Sprintf("h%d", i), Addr: netip.AddrFrom4([4]byte{198, 18, 0, byte(i + 1)})}
	l.must("ip netns add %s", h.ns)
	l.hosts = append(l.hosts, h)
	l.must("ip link add eth0 netns %s type veth peer name p%d netns sw", h.ns, i)
	if cfg.MTU != 0 {
		l.must("ip -n %s link set eth0 mtu %d", h.ns, cfg.MTU)
		l.must("ip -n sw link set p%d mtu %d", i, cfg.MTU)
	}
	l.must("ip -n sw link set p%d master br0 up", i)
	l.must("ip -n %s addr add %s/24 brd + dev eth0", h.ns, h.Addr)
	l.must("ip -n %s link set lo up", h.ns)
	l.must("ip -n %s link set eth0 up", h.ns)
	l.must("ip -n %s route add 224.0.0.0/4 dev eth0", h.ns)
	if cfg.Rate > 0 {
		l.must("tc -n %s qdisc add dev eth0 root tbf rate %dmbit burst 256k latency 20ms", h.ns, cfg.Rate)
	}
	if cfg.Rate > 0 || cfg.Loss > 0 || cfg.MTU != 0 {
		// As on a NIC without UDP offload: single packets, not 64 KiB bursts, are queued and lost.
		l.must("ip netns exec %s ethtool -K eth0 tx-udp-segmentation off gro off", h.ns)
	}
	if cfg.Loss > 0 {
		h.SetLoss(cfg.Loss)
	}
}

// Host returns host i, from 0.
func (l *Lab) Host(i int) *Host { return l.hosts[i] }

// Hosts returns all hosts.
func (l *Lab) Hosts() []*Host { return l.hosts }

// close removes the namespaces: what runs in them is killed first by whoever started it (Process).
func (l *Lab) close() {
	for _, h := range l.hosts {
		if err := run(fmt.Sprintf("ip netns del %s", h.ns)); err != nil {
			l.t.Errorf("lab: %v", err)
		}
	}
	if err := run("ip netns del sw"); err != nil {
		l.t.Errorf("lab: %v", err)
	}
}

func (l *Lab) must(format string, args ...any) {
	l.t.Helper()
	if err := run(fmt.Sprintf(format, args...)); err != nil {
		l.t.Fatalf("lab: %v", err)
	}
}

// run runs a command line of words without quoting.
func run(line string) error { return runInput(line, "") }

func runInput(line, input string) error {
	words := strings.Fields(line)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// missing says what a lab lacks on this machine, or nil.
func missing() error {
	var names []string
	for _, need := range []struct{ program, pkg string }{{"ip", "iproute2"}, {"tc", "iproute2"}, {"nft", "nftables"}, {"ethtool", "ethtool"}} {
		if _, err := exec.LookPath(need.program); err != nil {
			names = append(names, need.program+" (Debian package "+need.pkg+")")
		}
	}
	if len(names) > 0 {
		return errors.New("the network lab needs " + strings.Join(names, ", "))
	}
	return errNoLab
}
