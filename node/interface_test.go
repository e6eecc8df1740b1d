package node

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/transport"
)

func iface(name string, loopback bool, addrs ...string) transport.Interface {
	i := transport.Interface{Name: name, Loopback: loopback}
	for _, a := range addrs {
		i.Addrs = append(i.Addrs, netip.MustParseAddr(a))
	}
	return i
}

// A token names the casts' interface first, then the others in their order; loopback only when there is nothing else.
func TestAddressesOfATokenAreInOrder(t *testing.T) {
	lo := iface("lo", true, "127.0.0.1", "::1")
	eth := iface("eth0", false, "192.0.2.1", "fe80::1", "2001:db8::1")
	docker := iface("docker0", false, "172.17.0.1", "169.254.3.3")
	for _, c := range []struct {
		all   []transport.Interface
		first string
		want  string
	}{
		{[]transport.Interface{eth, docker, lo}, "eth0", "192.0.2.1:1 [2001:db8::1]:1 172.17.0.1:1"},
		{[]transport.Interface{eth, docker, lo}, "docker0", "172.17.0.1:1 192.0.2.1:1 [2001:db8::1]:1"},
		{[]transport.Interface{eth, docker, lo}, "", "192.0.2.1:1 [2001:db8::1]:1 172.17.0.1:1"},
		{[]transport.Interface{lo}, "lo", "127.0.0.1:1 [::1]:1"},
		{[]transport.Interface{eth, lo}, "lo", "192.0.2.1:1 [2001:db8::1]:1"},
		{nil, "", ""},
	} {
		if got := strings.Join(addressesOf(c.all, c.first, "1"), " "); got != c.want {
			t.Errorf("%s first: %s, want %s", c.first, got, c.want)
		}
	}
}

func TestANetworkOfIPv6OnlyIsKnownAsThat(t *testing.T) {
	lo := transport.Choice{Interface: iface("lo", true, "127.0.0.1", "::1")}
	four := transport.Choice{Interface: iface("eth0", false, "192.0.2.1")}
	six := transport.Choice{Interface: iface("eth0", false, "fe80::1", "2001:db8::1")}
	early := transport.Choice{Interface: iface("eth0", false, "fe80::1")} // DHCP has not answered yet
	none := errors.New("none")
	for _, c := range []struct {
		four transport.Choice
		err  error
		six  transport.Choice
		want bool
	}{
		{lo, nil, six, true},
		{transport.Choice{}, none, six, true},
		{four, nil, six, false},
		{lo, nil, early, false},
		{lo, nil, lo, false},
		{transport.Choice{}, none, lo, false},
	} {
		if got := onlyIPv6(c.four, c.err, c.six); got != c.want {
			t.Errorf("%s, %v and %s: %v", c.four.Name, c.err, c.six, got)
		}
	}
}

// The token of a node that runs names the port on which it does, not the one in its configuration.
func TestATokenNamesWhereTheNodeReallyIs(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	token, err := s.Token(testContext(t), TokenRequest{})
	if err != nil || len(token.Addresses) != 1 || token.Addresses[0] != s.Addr().String() || len(token.LeftOut) > 0 {
		t.Errorf("%+v, %v; the node is at %s", token, err, s.Addr())
	}
	parsed, err := catalog.ParseToken(token.Token)
	if err != nil || parsed.Addresses[0] != s.Addr().String() {
		t.Errorf("%+v, %v", parsed, err)
	}
}

// configure adds a line to a folder's configuration.
func configure(t *testing.T, dir, line string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "wimcast.toml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(line + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// The configuration's word counts for get and deploy, and an option's before it; nobody is asked when there is no such interface.
func TestAClientsConfigurationNamesItsInterface(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	data := random(51, mib)
	s.publish("x", "1", data)
	dir := s.client()
	configure(t, dir, `interface = "nosuch7"`)
	opt := receptionOptions()
	opt.Interface = ""
	_, err := Get(testContext(t), dir, catalog.Ref{Name: "x"}, filepath.Join(t.TempDir(), "x"), false, opt)
	if err == nil || !strings.Contains(err.Error(), "nosuch7") {
		t.Errorf("get: %v", err)
	}
	_, err = Deploy(testContext(t), dir, catalog.Ref{Name: "x"}, t.TempDir(), DeployOptions{ReceptionOptions: opt})
	if err == nil || !strings.Contains(err.Error(), "nosuch7") {
		t.Errorf("deploy: %v", err)
	}
	path := filepath.Join(t.TempDir(), "x")
	if _, err := Get(testContext(t), dir, catalog.Ref{Name: "x"}, path, false, receptionOptions()); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
}

// Nothing is named: the casts go where the node listens, the group is joined where the connection is, and both say so.
func TestTheListenedAddressChoosesTheInterface(t *testing.T) {
	s := serveOn(t, testSite(t), Options{Listen: "127.0.0.1:0"})
	data := random(52, mib)
	s.publish("x", "1", data)
	opt := receptionOptions()
	opt.Interface = ""
	path := filepath.Join(t.TempDir(), "x")
	got, err := Get(testContext(t), s.client(), catalog.Ref{Name: "x"}, path, false, opt)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if got.Decoded == 0 {
		t.Error("nothing came by multicast")
	}
	for _, r := range await(t, s.Events(), "node-serving") {
		if e, ok := r.Event.(event.NodeServing); ok && (e.Interface == "" || !strings.Contains(e.Why, "127.0.0.1")) {
			t.Errorf("it serves on %q because %q", e.Interface, e.Why)
		}
	}
	if st := s.Status(); st.Interface != s.over.Name || st.Interface == "" {
		t.Errorf("status shows %q", st.Interface)
	}
}
