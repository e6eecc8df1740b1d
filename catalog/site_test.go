package catalog

import (
	"path/filepath"
	"testing"
)

// testSite is a node's catalogue with the keys that go with it, a distribution point's or a client's. Package node/folder keeps
// them on disk; here they are always the same.
type testSite struct {
	Dir       string
	Catalogue *Catalogue
	Node      *Key
	Online    *Key // nil on clients
	Publisher *Key // nil on clients
}

func (s *testSite) Close() error { return s.Catalogue.Close() }

const catalogueName = "catalogue.db"

// newSiteDir makes the catalogue of a site "Lab", with the fixture's keys.
func newSiteDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	x := fixture()
	root := &Root{
		Version: 1, Site: "Lab", SiteKey: x.siteKey.Public(), Online: x.online.Public(), Publishers: []PublicKey{x.publisher.Public()},
	}
	record := NodeRecord{Key: testKey(6).Public(), Name: "dp", Roles: RoleDistributionPoint | RolePublisher | RolePeer}
	rootRaw, headRaw := must(SignRoot(root, x.siteKey)), must(SignHead(&Head{Version: 1, Epoch: 1}, x.online))
	if err := Create(filepath.Join(dir, catalogueName), rootRaw, headRaw, must(SignNodeRecord(record, x.online))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openTestSite(t *testing.T, dir string) *testSite {
	t.Helper()
	s := &testSite{Dir: dir, Node: testKey(6), Online: fixture().online, Publisher: fixture().publisher}
	s.open(t)
	return s
}

func (s *testSite) open(t *testing.T) {
	t.Helper()
	var err error
	if s.Catalogue, err = OpenCatalogue(filepath.Join(s.Dir, catalogueName), s.Online); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // the test may have closed it
}

func newTestSite(t *testing.T) *testSite {
	t.Helper()
	return openTestSite(t, newSiteDir(t))
}

// newTestClient enrols a node at s and returns its catalogue, opened.
func newTestClient(t *testing.T, s *testSite) *testSite {
	t.Helper()
	c := &testSite{Dir: t.TempDir(), Node: NewKey()}
	e, err := enrolOnce(s.Catalogue, newTestToken(t, s.Catalogue, TokenPolicy{}), c.Node, "pc", noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := Create(filepath.Join(c.Dir, catalogueName), e.RootRaw, e.HeadRaw, e.RecordRaw); err != nil {
		t.Fatal(err)
	}
	c.open(t)
	return c
}
