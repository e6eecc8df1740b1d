package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/ident"
)

// InitSite makes a site in dir, which must not exist, or be empty, or hold what an interrupted InitSite left: that is
// thrown away. site and node are names for people.
func InitSite(dir, site, node string) error {
	if err := initSite(dir, site, node); err != nil {
		return fmt.Errorf("make site in %s: %w", dir, err)
	}
	return nil
}

func initSite(dir, site, node string) error {
	if err := errors.Join(catalog.CheckLabel("site name", site), catalog.CheckLabel("node name", node)); err != nil {
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
	root := &catalog.Root{
		Version: 1, Site: site, SiteKey: rootKey.Public(), Online: online.Public(),
		Publishers: []catalog.PublicKey{publisher.Public()},
	}
	record := catalog.NodeRecord{Key: self.Public(), Name: node, Roles: ident.AllRoles}
	rootRaw, err1 := catalog.SignRoot(root, rootKey)
	headRaw, err2 := catalog.SignHead(&catalog.Head{Version: 1, Epoch: 1}, online)
	recordRaw, err3 := catalog.SignNodeRecord(record, online)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	return finish(dir, siteMarker, configText, rootRaw, headRaw, recordRaw)
}

// InitClient begins a client's folder and returns the node's key. Until JoinSite ends it, it may be called again, in
// another process too, and returns the same key: so asking the site again does not use up the token again.
func InitClient(dir string) (*catalog.Key, error) {
	k, err := initClient(dir)
	if err != nil {
		return nil, fmt.Errorf("make client in %s: %w", dir, err)
	}
	return k, nil
}

func initClient(dir string) (*catalog.Key, error) {
	if err := begin(dir, joinMarker); err != nil {
		return nil, err
	}
	k, err := loadKey(filepath.Join(dir, keysName, nodeKeyName))
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
func JoinSite(dir string, t catalog.Token, e *catalog.Enrolment) error {
	if err := joinSite(dir, t, e); err != nil {
		return fmt.Errorf("join site in %s: %w", dir, err)
	}
	return nil
}

func joinSite(dir string, t catalog.Token, e *catalog.Enrolment) error {
	if err := begin(dir, joinMarker); err != nil {
		return err
	}
	k, err := loadKey(filepath.Join(dir, keysName, nodeKeyName))
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
			return ErrExists
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
func makeKeys(dir string, names ...string) ([]*catalog.Key, error) {
	folder := filepath.Join(dir, keysName)
	if err := os.Mkdir(folder, folderPerm); err != nil {
		return nil, err
	}
	var keys []*catalog.Key
	for _, name := range names {
		k := catalog.NewKey()
		if err := saveKey(filepath.Join(folder, name), k); err != nil {
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
	if err := catalog.Create(filepath.Join(dir, catalogueName), rootRaw, headRaw, recordRaw); err != nil {
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
