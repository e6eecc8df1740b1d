package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wimcast/wimcast/internal/ident"
)

// Names in a node's folder.
const (
	configName    = "wimcast.toml"
	catalogueName = "catalogue.db"
	keysName      = "keys"
	storeName     = "store"

	rootKeyName      = "root.key" // never opened again: move it to a safe place
	onlineKeyName    = "online.key"
	publisherKeyName = "publisher.key"
	nodeKeyName      = "node.key"
	meshKeyName      = "mesh.key"

	// A folder in the making holds one of these until all else in it is durable.
	siteMarker = ".wimcast-site-init"
	joinMarker = ".wimcast-join"
)

// Errors of a node's folder that callers tell apart.
var (
	ErrNoSite     = errors.New("not a wimcast folder")
	ErrSiteExists = errors.New("it is a wimcast folder already")
	ErrIncomplete = errors.New("making the folder was interrupted")
)

// Site is the opened folder of a node, a distribution point's or a client's. One process has it open at a time.
type Site struct {
	Dir       string
	Config    Config
	Catalogue *Catalogue
	Node      *Key // this node's key
	Online    *Key // nil on clients
	Publisher *Key // nil on clients
}

// InitSite makes a site in dir, which must not exist, or be empty, or hold what an interrupted InitSite left: that is
// thrown away. site and node are names for people.
func InitSite(dir, site, node string) error {
	if err := initSite(dir, site, node); err != nil {
		return fmt.Errorf("make site in %s: %w", dir, err)
	}
	return nil
}

func initSite(dir, site, node string) error {
	if err := errors.Join(checkLabel("site name", site), checkLabel("node name", node)); err != nil {
		return err
	}
	if err := begin(dir, siteMarker); err != nil {
		return err
	}
	if err := sweep(dir); err != nil {
		return err
	}
	keys, err := makeKeys(dir, rootKeyName, onlineKeyName, publisherKeyName, nodeKeyName, meshKeyName)
	if err != nil {
		return err
	}
	rootKey, online, publisher, self := keys[0], keys[1], keys[2], keys[3]
	root := &Root{
		Version: 1, Site: site, SiteKey: rootKey.Public(), Online: online.Public(),
		Publishers: []PublicKey{publisher.Public()},
	}
	record := NodeRecord{Key: self.Public(), Name: node, Roles: ident.AllRoles}
	rootRaw, err1 := SignRoot(root, rootKey)
	headRaw, err2 := SignHead(&Head{Version: 1, Epoch: 1}, online)
	recordRaw, err3 := SignNodeRecord(record, online)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	return finish(dir, siteMarker, configText, rootRaw, headRaw, recordRaw)
}

// InitClient begins a client's folder and returns the node's key. Until JoinSite ends it, it may be called again, in
// another process too, and returns the same key: so asking the site again does not use up the token again.
func InitClient(dir string) (*Key, error) {
	k, err := initClient(dir)
	if err != nil {
		return nil, fmt.Errorf("make client in %s: %w", dir, err)
	}
	return k, nil
}

func initClient(dir string) (*Key, error) {
	if err := begin(dir, joinMarker); err != nil {
		return nil, err
	}
	k, err := LoadKey(filepath.Join(dir, keysName, nodeKeyName))
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := sweep(dir); err != nil {
		return nil, err
	}
	keys, err := makeKeys(dir, nodeKeyName)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// JoinSite ends what InitClient began: it stores what the site gave in answer to the token.
func JoinSite(dir string, t Token, e *Enrolment) error {
	if err := joinSite(dir, t, e); err != nil {
		return fmt.Errorf("join site in %s: %w", dir, err)
	}
	return nil
}

func joinSite(dir string, t Token, e *Enrolment) error {
	if err := begin(dir, joinMarker); err != nil {
		return err
	}
	k, err := LoadKey(filepath.Join(dir, keysName, nodeKeyName))
	switch {
	case err != nil:
		return err
	case k.Public() != e.Record.Key:
		return errors.New("the node record is for another node's key")
	}
	for _, name := range []string{catalogueName, catalogueName + ".owner", configName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	config := configText + "\n# The distribution point: where to find it, in the order to try, and its key.\n" +
		"distribution_points = [" + quoteAll(t.Addresses) + "]\n" +
		"distribution_key = \"" + t.Node.String() + "\"\n"
	return finish(dir, joinMarker, config, e.RootRaw, e.HeadRaw, e.RecordRaw)
}

// quoteAll writes addresses, which have no quotes or control characters in them, as TOML strings.
func quoteAll(list []string) string { return `"` + strings.Join(list, `", "`) + `"` }

// begin makes dir if need be and puts the marker in it, unless it is there already. It refuses a folder with anything
// else in it.
func begin(dir, marker string) error {
	if err := os.MkdirAll(dir, folderPerm); err != nil {
		return err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	other := ""
	for _, n := range names {
		switch n.Name() {
		case marker:
			return nil
		case siteMarker, joinMarker:
			return fmt.Errorf("%w: it was begun by the other of \"site init\" and \"join\"; use that, or empty the folder", ErrIncomplete)
		case configName, catalogueName:
			return ErrSiteExists
		}
		other = n.Name()
	}
	if other != "" {
		return fmt.Errorf("it is not empty (%s): choose an empty folder or a new one", other)
	}
	f, err := os.OpenFile(filepath.Join(dir, marker), os.O_CREATE|os.O_WRONLY, filePerm)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// sweep removes what an interrupted run left in a folder that has a marker.
func sweep(dir string) error {
	for _, name := range []string{keysName, storeName, catalogueName, catalogueName + ".owner", configName} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// makeKeys draws keys and writes them to dir's key folder.
func makeKeys(dir string, names ...string) ([]*Key, error) {
	folder := filepath.Join(dir, keysName)
	if err := os.Mkdir(folder, folderPerm); err != nil {
		return nil, err
	}
	var keys []*Key
	for _, name := range names {
		k := NewKey()
		if err := SaveKey(filepath.Join(folder, name), k); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// finish writes the rest of a folder and then, when all of it is durable, takes the marker away.
func finish(dir, marker, config string, rootRaw, headRaw, recordRaw []byte) error {
	if err := os.MkdirAll(filepath.Join(dir, storeName), folderPerm); err != nil {
		return err
	}
	if err := createCatalogue(filepath.Join(dir, catalogueName), rootRaw, headRaw, recordRaw); err != nil {
		return err
	}
	if err := writeFileAtomic(filepath.Join(dir, configName), []byte(config)); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, marker)); err != nil {
		return err
	}
	return syncDir(dir)
}

// OpenSite opens a node's folder and keeps other processes out of it until Close. ErrNoSite, ErrIncomplete and ErrBusy
// tell what is wrong.
func OpenSite(dir string) (*Site, error) {
	if err := checkComplete(dir); err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	if err := checkPrivate(filepath.Join(dir, keysName)); err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	s := &Site{Dir: dir}
	var err error
	if s.Config, err = loadConfig(filepath.Join(dir, configName)); err != nil {
		return nil, err
	}
	if err := s.loadKeys(); err != nil {
		return nil, err
	}
	if s.Catalogue, err = OpenCatalogue(filepath.Join(dir, catalogueName), s.Online); err != nil {
		return nil, err
	}
	if s.Catalogue.Record().Key != s.Node.Public() {
		err := fmt.Errorf("open %s: the node key is not the one in the node record", dir)
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func checkComplete(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNoSite, err)
	} else if err != nil {
		return err
	}
	for marker, command := range map[string]string{siteMarker: "wimcast site init", joinMarker: "wimcast join"} {
		if _, err := os.Lstat(filepath.Join(dir, marker)); err == nil {
			return fmt.Errorf("%w: run %q again", ErrIncomplete, command)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, catalogueName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // such as: no permission to look
	} else if err != nil {
		return fmt.Errorf(`%w: make one with "wimcast site init" or "wimcast join"`, ErrNoSite)
	}
	return nil
}

// loadKeys loads the node's key, and the site's where they are.
func (s *Site) loadKeys() (err error) {
	folder := filepath.Join(s.Dir, keysName)
	if s.Node, err = LoadKey(filepath.Join(folder, nodeKeyName)); err != nil {
		return err
	}
	for name, k := range map[string]**Key{onlineKeyName: &s.Online, publisherKeyName: &s.Publisher} {
		*k, err = LoadKey(filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// IsDistributionPoint says whether this folder holds the site's online key.
func (s *Site) IsDistributionPoint() bool { return s.Online != nil }

// StoreDir is the folder of the chunk store.
func (s *Site) StoreDir() string { return filepath.Join(s.Dir, storeName) }

// Close frees the folder.
func (s *Site) Close() error { return s.Catalogue.Close() }
