package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/ident"
)

func newSiteDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	if err := InitSite(dir, "Lab", "dp"); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openTestSite(t *testing.T, dir string) *Folder {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // the test may have closed it
	return s
}

func newTestSite(t *testing.T) *Folder {
	t.Helper()
	return openTestSite(t, newSiteDir(t))
}

// newTestClient enrols a node at s and returns its folder, opened.
func newTestClient(t *testing.T, s *Folder) *Folder {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "client")
	node, err := InitClient(dir)
	if err != nil {
		t.Fatal(err)
	}
	tok := newTestToken(t, s.Catalogue)
	e, err := enrolOnce(s.Catalogue, tok, node)
	if err != nil {
		t.Fatal(err)
	}
	if err := JoinSite(dir, tok, e); err != nil {
		t.Fatal(err)
	}
	return openTestSite(t, dir)
}

func TestSiteFolder(t *testing.T) {
	s := newTestSite(t)
	if !s.IsDistributionPoint() || s.Config.Listen != ":4790" || s.Config.GroupBase != "239.192.0.0/14" {
		t.Errorf("config %+v", s.Config)
	}
	if r := s.Catalogue.Record(); r.Name != "dp" || r.Roles != ident.AllRoles || r.Key != s.Node.Public() {
		t.Errorf("record %+v", r)
	}
	if root := s.Catalogue.Root(); root.Site != "Lab" || root.Online != s.Online.Public() || root.Publishers[0] != s.Publisher.Public() {
		t.Errorf("root %+v", root)
	}
	err := filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
		if strings.HasPrefix(d.Name(), ".") {
			t.Errorf("%s was left behind", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSiteOpensWithoutItsRootKey(t *testing.T) {
	dir := newSiteDir(t)
	if err := os.Remove(filepath.Join(dir, keysName, rootKeyName)); err != nil {
		t.Fatal(err)
	}
	openTestSite(t, dir)
}

func TestDistributionPointNeedsItsOnlineKey(t *testing.T) {
	dir := newSiteDir(t)
	if err := os.Remove(filepath.Join(dir, keysName, onlineKeyName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), onlineKeyName) {
		t.Errorf("open: %v", err)
	}
}

func TestInitSiteNeverTouchesAFullFolder(t *testing.T) {
	dir := newSiteDir(t)
	before := must(os.ReadFile(filepath.Join(dir, keysName, rootKeyName)))
	if err := InitSite(dir, "Other", "dp"); !errors.Is(err, ErrExists) {
		t.Errorf("init over a site: %v", err)
	}
	if _, err := InitClient(dir); !errors.Is(err, ErrExists) {
		t.Errorf("join over a site: %v", err)
	}
	if after := must(os.ReadFile(filepath.Join(dir, keysName, rootKeyName))); string(after) != string(before) {
		t.Error("the root key changed")
	}
	mine := t.TempDir()
	if err := os.WriteFile(filepath.Join(mine, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := InitSite(mine, "Lab", "dp"); err == nil || !strings.Contains(err.Error(), "thesis.txt") {
		t.Errorf("init over somebody's files: %v", err)
	}
	if err := InitSite(t.TempDir(), "Lab", "dp"); err != nil {
		t.Errorf("init in an empty folder: %v", err)
	}
	if err := InitSite(filepath.Join(t.TempDir(), "x"), "", "dp"); err == nil {
		t.Error("a site without a name")
	}
}

// TestInterruptedInitIsRefusedAndRepeated takes files away from a folder whose marker is still there, as a crash would.
func TestInterruptedInitIsRefusedAndRepeated(t *testing.T) {
	for _, missing := range []string{"", configName, catalogueName, storeName, keysName} {
		dir := newSiteDir(t)
		if missing != "" {
			if err := os.RemoveAll(filepath.Join(dir, missing)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, siteMarker), nil, filePerm); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); !errors.Is(err, ErrIncomplete) {
			t.Errorf("without %q: open: %v", missing, err)
		}
		if _, err := InitClient(dir); !errors.Is(err, ErrIncomplete) {
			t.Errorf("without %q: join: %v", missing, err)
		}
		if err := InitSite(dir, "Lab", "dp"); err != nil {
			t.Errorf("without %q: init again: %v", missing, err)
		}
		openTestSite(t, dir)
	}
}

func TestFolderThatCannotBeLookedIntoIsNotCalledEmpty(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(catalogueName, filepath.Join(dir, catalogueName)); err != nil { // looking at it fails, for root too
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || errors.Is(err, ErrNoFolder) || !strings.Contains(err.Error(), catalogueName) {
		t.Errorf("open: %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "no")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNoFolder) {
		t.Errorf("empty folder: %v", err)
	}
	dir := newSiteDir(t)
	if err := os.Rename(filepath.Join(dir, keysName, publisherKeyName), filepath.Join(dir, keysName, onlineKeyName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "online key") {
		t.Errorf("wrong online key: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, name := range []string{keysName, filepath.Join(keysName, nodeKeyName), catalogueName} {
		dir := newSiteDir(t)
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "chmod") {
			t.Errorf("%s readable by all: %v", name, err)
		}
	}
}

func TestClientFolder(t *testing.T) {
	s := newTestSite(t)
	c := newTestClient(t, s)
	if c.IsDistributionPoint() || c.Publisher != nil || c.Config.DistributionPoints[0] != "10.0.0.1:4790" {
		t.Errorf("client %+v", c)
	}
	if c.Config.DistributionKey != s.Node.Public().String() || c.Catalogue.Record().Key != c.Node.Public() {
		t.Errorf("config %+v, record %+v", c.Config, c.Catalogue.Record())
	}
	if _, err := c.Catalogue.Publish(build(testKey(3), "a", "1", "x"), false); !errors.Is(err, catalog.ErrNoOnlineKey) {
		t.Errorf("a client published: %v", err)
	}
	if _, err := InitClient(c.Dir); !errors.Is(err, ErrExists) {
		t.Errorf("joined twice: %v", err)
	}
}

func TestInterruptedJoinKeepsItsKey(t *testing.T) {
	s := newTestSite(t)
	dir := t.TempDir()
	first, err := InitClient(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrIncomplete) {
		t.Errorf("opened half-way: %v", err)
	}
	again, err := InitClient(dir)
	if err != nil || again.Public() != first.Public() {
		t.Fatalf("second key %v, %v; first %v", again, err, first)
	}
	// A crash within JoinSite leaves a part of a catalogue.
	if err := os.WriteFile(filepath.Join(dir, catalogueName), []byte("torn"), filePerm); err != nil {
		t.Fatal(err)
	}
	tok := newTestToken(t, s.Catalogue)
	e, err := enrolOnce(s.Catalogue, tok, again)
	if err != nil {
		t.Fatal(err)
	}
	if err := JoinSite(dir, tok, e); err != nil {
		t.Fatal(err)
	}
	openTestSite(t, dir)
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	k := catalog.NewKey()
	if err := saveKey(path, k); err != nil {
		t.Fatal(err)
	}
	if got, err := loadKey(path); err != nil || got.Public() != k.Public() {
		t.Errorf("loaded %v, %v; want %v", got, err, k)
	}
	if err := saveKey(path, catalog.NewKey()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("save over a key: %v", err)
	}
	if s := k.String() + k.GoString(); strings.Contains(s, string(appendKeyFile(nil, k)[14:78])) {
		t.Error("printing a key shows its seed")
	}
	data := must(os.ReadFile(path))
	for n := range data {
		if _, err := parseKeyFile(data[:n]); err == nil {
			t.Fatalf("the first %d bytes of a key file pass", n)
		}
	}
}

// TestKeyFileStaysAsItIs: what an older version wrote is read.
func TestKeyFileStaysAsItIs(t *testing.T) {
	want := must(os.ReadFile(filepath.Join("testdata", "key-file.golden")))
	if got := appendKeyFile(nil, testKey(4)); string(got) != string(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestConfigNamesTheLine(t *testing.T) {
	for in, want := range map[string]string{
		"ttl = 1\nlisen = \":1\"\n":                 `line 2: there is no setting "lisen"`,
		"\n\n[cast]\nttl = 3\n":                     "line 3: there is no setting",
		"ttl = \n":                                  "line 1",
		"ttl = \"x\"\n":                             "ttl",
		"ttl = 0\n":                                 "ttl",
		"ttl = 256\n":                               "ttl",
		"listen = \"host:1\"\n":                     "listen",
		"listen = \"1.2.3.4\"\n":                    "listen",
		"group_base = \"10.0.0.0/8\"\n":             "not a multicast",
		"group_base = \"239.0.0.0/24\"\n":           "224.0.0.x",
		"group_base = \"239.1.2.3/14\"\n":           "did you mean 239.0.0.0/14",
		"group_base = \"ff15::/64\"\n":              "104 bits",
		"group_base = \"239.1.2.0/25\"\n":           "256 addresses",
		"group_port = 0\n":                          "group_port",
		"mesh_port = 4790\n":                        "mesh_port",
		"mesh_port = 4792\n":                        "mesh_port",
		"mesh_port = 65536\n":                       "out of range",
		"rate_floor_mbps = 0\n":                     "rate_floor_mbps",
		"rate_floor_mbps = 10\nrate_cap_mbps = 5\n": "rate_cap_mbps",
		"distribution_key = \"ab\"\n":               "go together",
		"distribution_points = [\"h\"]\ndistribution_key = \"" + strings.Repeat("a", 64) + "\"\n": "HOST:PORT",
	} {
		if _, err := parseConfig([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestConfigAtAndOnePast(t *testing.T) {
	long := "# " + strings.Repeat("x", maxConfig-3) + "\n"
	rate := func(floor, top int) string {
		return fmt.Sprintf("rate_floor_mbps = %d\nrate_cap_mbps = %d\n", floor, top)
	}
	for what, c := range map[string]struct{ at, past, why string }{
		"bytes": {long, long + "\n", "more than 65536 bytes"},
		"cap":   {rate(1, maxMbps), rate(1, maxMbps+1), "rate_cap_mbps"},
		"floor": {rate(maxMbps, maxMbps), rate(maxMbps+1, 0), "rate_floor_mbps"},
	} {
		path := filepath.Join(t.TempDir(), "config")
		for past, text := range []string{c.at, c.past} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := loadConfig(path)
			if (err == nil) != (past == 0) || past == 1 && !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s, %d past the limit: %v", what, past, err)
			}
		}
	}
}

// TestConfigTextShowsTheDefaults: the commented lines of the file are settings, and say what defaultConfig says.
func TestConfigTextShowsTheDefaults(t *testing.T) {
	c, err := parseConfig([]byte(configText))
	if err != nil || c.Listen != defaultConfig().Listen {
		t.Errorf("%+v, %v", c, err)
	}
	var live strings.Builder
	for line := range strings.Lines(configText) {
		if rest, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(rest, " ") {
			live.WriteString(rest)
		}
	}
	got, err := parseConfig([]byte(live.String()))
	want := defaultConfig()
	got.DistributionPoints, want.DistributionPoints = nil, nil
	if err != nil || strings.Count(live.String(), "=") != 8 || !sameConfig(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func sameConfig(a, b Config) bool {
	return a.Listen == b.Listen && a.Interface == b.Interface && a.GroupBase == b.GroupBase && a.GroupPort == b.GroupPort && a.MeshPort == b.MeshPort &&
		a.TTL == b.TTL && a.RateCapMbps == b.RateCapMbps && a.RateFloorMbps == b.RateFloorMbps
}

func TestGroupsNeverAliasTheSystems(t *testing.T) {
	for _, base := range []string{"239.192.0.0/14", "239.0.0.0/8", "239.128.0.0/23", "239.1.0.0/24", "ff15::4200:0/104"} {
		c := defaultConfig()
		c.GroupBase = base
		if err := c.validate(); err != nil {
			t.Fatal(err)
		}
		p := netip.MustParsePrefix(base)
		for n := range uint32(100_000) {
			cast := n * 42_949 // over all of 32 bits
			g, err := c.Group(cast)
			if err != nil || !p.Contains(g.Addr()) || aliases(g.Addr()) || g.Port() != c.GroupPort {
				t.Fatalf("%s, cast %d: %v, %v", base, cast, g, err)
			}
		}
	}
}

// Groups of IPv6 take the place of the default, and of nothing that somebody chose.
func TestIPv6GroupsAreFitForUse(t *testing.T) {
	c, free := defaultConfig().IPv6Groups()
	if err := c.validate(); err != nil || !free {
		t.Errorf("%v, %v", err, free)
	}
	for _, cast := range []uint32{0, 1, 0xffff, 0xffffffff} {
		if g, err := c.Group(cast); err != nil || !g.Addr().Is6() || !g.Addr().IsMulticast() || g.Port() != c.GroupPort {
			t.Errorf("cast %d: %v, %v", cast, g, err)
		}
	}
	chosen := defaultConfig()
	chosen.GroupBase = "239.255.0.0/16"
	if c, free := chosen.IPv6Groups(); free || c.GroupBase != chosen.GroupBase {
		t.Errorf("%v, %v", c.GroupBase, free)
	}
}
