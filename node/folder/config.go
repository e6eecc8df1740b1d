package folder

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/wimcast/wimcast/catalog"
)

const maxConfig = 64 << 10

// Config is wimcast.toml, the settings of one node. The file that InitSite writes shows the defaults.
type Config struct {
	Listen             string   `toml:"listen"`              // address and UDP port of QUIC; no host: every address
	Interface          string   `toml:"interface"`           // multicast interface; empty: chosen by what is known of them
	GroupBase          string   `toml:"group_base"`          // prefix from which casts draw their groups
	GroupPort          uint16   `toml:"group_port"`          // UDP port of the groups; not that of Listen
	MeshPort           uint16   `toml:"mesh_port"`           // UDP and TCP port of the mesh; clients take any; 0: no mesh
	TTL                int      `toml:"ttl"`                 // of multicast datagrams, 1..255
	RateCapMbps        int      `toml:"rate_cap_mbps"`       // 0: none, the rate is found
	RateFloorMbps      int      `toml:"rate_floor_mbps"`     // never below this
	DistributionPoints []string `toml:"distribution_points"` // clients: host:port, in the order to try
	DistributionKey    string   `toml:"distribution_key"`    // clients: node key of the distribution point
}

// defaultConfig returns the settings of a node whose file says nothing.
func defaultConfig() Config {
	return Config{Listen: ":4790", GroupBase: "239.192.0.0/14", GroupPort: 4792, MeshPort: 4793, TTL: 1, RateFloorMbps: 1}
}

// groupBase6 is the prefix of the groups where the network has IPv6 only, unless one is configured.
const groupBase6 = "ff15::4200:0/104"

// IPv6Groups is c with groups of IPv6; false: the groups are configured.
func (c Config) IPv6Groups() (Config, bool) {
	if c.GroupBase != defaultConfig().GroupBase {
		return c, false
	}
	c.GroupBase = groupBase6
	return c, true
}

const configText = `# Settings of this wimcast node. Lines that begin with # show the defaults.

# Address and UDP port that the node listens on (QUIC). Without a host: every address.
#listen = ":4790"

# Network interface for multicast. Empty: a client takes that over which it reaches the distribution point; the distribution point takes the
# likeliest, devices before bridges and tunnels and of several that of the default route, and says which. --interface goes before this.
#interface = ""

# Prefix from which casts draw their group addresses, and the UDP port of the groups. Where the network has IPv6 only, the default prefix is
# ff15::4200:0/104.
#group_base = "239.192.0.0/14"
#group_port = 4792

# UDP and TCP port at which nodes tell each other who is there; clients take any port. 0: this node keeps out of it.
#mesh_port = 4793

# Hops that multicast may travel: 1 stays on the local network.
#ttl = 1

# The rate of a cast in Mbit/s is found. A cap (0: none) and a floor below which it never falls:
#rate_cap_mbps = 0
#rate_floor_mbps = 1
`

// loadConfig reads a config file. A key that does not exist is an error that names its line.
func loadConfig(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("load config: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return Config{}, fmt.Errorf("load config: %w", err)
	}
	c, err := parseConfig(text)
	if err != nil {
		return Config{}, fmt.Errorf("load config %s: %w", path, err)
	}
	return c, nil
}

func parseConfig(text []byte) (Config, error) {
	if len(text) > maxConfig {
		return Config{}, fmt.Errorf("it has more than %d bytes", maxConfig)
	}
	c := defaultConfig()
	md, err := toml.Decode(string(text), &c)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		return Config{}, fmt.Errorf("line %d: %s", syntax.Position.Line, syntax.Message)
	case err != nil:
		return Config{}, err
	}
	if unknown := md.Undecoded(); len(unknown) > 0 {
		return Config{}, fmt.Errorf("line %d: there is no setting %q", lineOf(string(text), unknown[0]), unknown[0])
	}
	return c, c.validate()
}

// lineOf finds the line of a key, which the decoder does not tell.
func lineOf(text string, key toml.Key) int {
	n := 0
	for line := range strings.Lines(text) {
		n++
		word := strings.TrimLeft(strings.TrimSpace(line), "[\"' ")
		rest, ok := strings.CutPrefix(word, key[0])
		if ok && strings.ContainsAny(rest[:min(1, len(rest))], "=.]\"' \t") {
			return n
		}
	}
	return n
}

func (c Config) validate() error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen = %q: want ADDRESS:PORT or :PORT", c.Listen)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		return fmt.Errorf("listen = %q: want an IP address, not a name", c.Listen)
	}
	listen, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("listen = %q: want a port from 0 to 65535", c.Listen)
	}
	if _, err := c.groups(); err != nil {
		return err
	}
	switch {
	case c.GroupPort == 0:
		return errors.New("group_port = 0: want 1 to 65535")
	case c.MeshPort != 0 && (uint64(c.MeshPort) == listen || c.MeshPort == c.GroupPort):
		return fmt.Errorf("mesh_port = %d: listen or group_port has it already; choose another, or 0 for no mesh", c.MeshPort)
	case c.TTL < 1 || c.TTL > 255:
		return fmt.Errorf("ttl = %d: want 1 to 255", c.TTL)
	case c.RateFloorMbps < 1 || c.RateFloorMbps > maxMbps:
		return fmt.Errorf("rate_floor_mbps = %d: want 1 to %d", c.RateFloorMbps, maxMbps)
	case c.RateCapMbps != 0 && (c.RateCapMbps < c.RateFloorMbps || c.RateCapMbps > maxMbps):
		return fmt.Errorf("rate_cap_mbps = %d: want 0 (none), or %d (the floor) to %d", c.RateCapMbps, c.RateFloorMbps, maxMbps)
	}
	return c.validateClient()
}

const maxMbps = 400_000

func (c Config) validateClient() error {
	if (len(c.DistributionPoints) == 0) != (c.DistributionKey == "") {
		return errors.New("distribution_points and distribution_key go together: one without the other is no use")
	}
	if c.DistributionKey == "" {
		return nil
	}
	if b, err := hex.DecodeString(c.DistributionKey); err != nil || len(b) != len(catalog.PublicKey{}) {
		return fmt.Errorf("distribution_key = %q: want 64 hexadecimal digits", c.DistributionKey)
	}
	if err := catalog.CheckAddresses(c.DistributionPoints); err != nil {
		return fmt.Errorf("distribution_points: %w", err)
	}
	return nil
}

// groups returns the prefix of the groups, of which at least one address must be fit for use.
func (c Config) groups() (netip.Prefix, error) {
	p, err := netip.ParsePrefix(c.GroupBase)
	if err != nil {
		return p, fmt.Errorf("group_base = %q: want ADDRESS/BITS, as 239.192.0.0/14", c.GroupBase)
	}
	first := p.Addr()
	switch {
	case p.Masked() != p:
		return p, fmt.Errorf("group_base = %q: did you mean %v?", c.GroupBase, p.Masked())
	case !first.IsMulticast():
		return p, fmt.Errorf("group_base = %q: not a multicast address", c.GroupBase)
	case first.Is6() && (p.Bits() < 104 || first.As16()[12] == 0 || first.As16()[12] == 0xff):
		return p, fmt.Errorf("group_base = %q: want at least 104 bits, whose 13th byte is not 00 or ff, as in "+
			"ff15::4200:0/104: switches take other groups for the system's own", c.GroupBase)
	case p.Bits() > first.BitLen()-8:
		return p, fmt.Errorf("group_base = %q: want at least 256 addresses", c.GroupBase)
	}
	if _, ok := pickGroup(p, 0); !ok {
		return p, fmt.Errorf("group_base = %q: switches take these groups for 224.0.0.x and flood them", c.GroupBase)
	}
	return p, nil
}

// Group returns the multicast group and port of a cast: the cast's number folded into the prefix, but never a group
// that looks like 224.0.0.x to a switch (x.0.0.y and x.128.0.y share its Ethernet address).
func (c Config) Group(cast uint32) (netip.AddrPort, error) {
	p, err := c.groups()
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("choose group: %w", err)
	}
	a, _ := pickGroup(p, cast)
	return netip.AddrPortFrom(a, c.GroupPort), nil
}

// pickGroup steps on from an aliasing IPv4 group by 256 addresses, once: the next 256 do not alias.
func pickGroup(p netip.Prefix, cast uint32) (netip.Addr, bool) {
	a := groupAt(p, cast)
	if aliases(a) {
		a = groupAt(p, cast+256)
	}
	return a, !aliases(a)
}

// groupAt puts the low bits of n behind the prefix.
func groupAt(p netip.Prefix, n uint32) netip.Addr {
	b := p.Addr().AsSlice()
	free := p.Addr().BitLen() - p.Bits()
	for i := range min(free, 32) {
		bit := byte(n>>i&1) << (i % 8)
		b[len(b)-1-i/8] |= bit
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func aliases(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b[1]&0x7f == 0 && b[2] == 0
}
