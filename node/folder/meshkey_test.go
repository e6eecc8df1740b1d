package folder

import (
	"os"
	"path/filepath"
	"testing"
)

func mustMeshKey(t *testing.T, s *Folder) [32]byte {
	t.Helper()
	k, err := s.MeshKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestMeshKeyIsTheSitesAndStays(t *testing.T) {
	dir := newSiteDir(t)
	s := openTestSite(t, dir)
	key := mustMeshKey(t, s)
	if other := mustMeshKey(t, newTestSite(t)); key == other || key == [32]byte{} {
		t.Errorf("two sites have the keys %x and %x", key, other)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := mustMeshKey(t, openTestSite(t, dir)); again != key {
		t.Error("the key changed when the site was opened again")
	}
	if _, err := newTestClient(t, newTestSite(t)).MeshKey(); err == nil {
		t.Error("a client has a mesh key of its own")
	}
}

// TestMeshKeyOfAnOlderFolder: the secret is made when it is first needed, and kept.
func TestMeshKeyOfAnOlderFolder(t *testing.T) {
	dir := newSiteDir(t)
	path := filepath.Join(dir, keysName, meshKeyName)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s := openTestSite(t, dir)
	key := mustMeshKey(t, s)
	if again := mustMeshKey(t, s); again != key {
		t.Error("the key is another each time")
	}
	if err := checkPrivate(path); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("damaged"), filePerm); err != nil {
		t.Fatal(err)
	}
	if _, err := s.MeshKey(); err == nil {
		t.Error("a damaged secret makes a key")
	}
}

func TestMeshKeyChangesWithTheEpoch(t *testing.T) {
	s := newTestSite(t)
	before := mustMeshKey(t, s)
	if err := s.Catalogue.Revoke(testKey(9).Public()); err != nil {
		t.Fatal(err)
	}
	if mustMeshKey(t, s) == before {
		t.Error("a revoked node knows the next key")
	}
}
