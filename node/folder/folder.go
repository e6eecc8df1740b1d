package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk/disk"
	"github.com/wimcast/wimcast/internal/vfs"
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
	ErrNoFolder   = errors.New("not a wimcast folder")
	ErrExists     = errors.New("it is a wimcast folder already")
	ErrIncomplete = errors.New("making the folder was interrupted")
)

// Folder is the opened folder of a node, a distribution point's or a client's. One process has it open at a time.
type Folder struct {
	Dir       string
	Config    Config
	Catalogue *catalog.Catalogue
	Node      *catalog.Key // this node's key
	Online    *catalog.Key // nil on clients
	Publisher *catalog.Key // nil on clients
}

// Open opens a node's folder and keeps other processes out of it until Close. ErrNoFolder, ErrIncomplete and catalog.ErrBusy
// tell what is wrong.
func Open(dir string) (*Folder, error) {
	if err := checkComplete(dir); err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	if err := checkPrivate(filepath.Join(dir, keysName)); err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	f := &Folder{Dir: dir}
	var err error
	if f.Config, err = loadConfig(filepath.Join(dir, configName)); err != nil {
		return nil, err
	}
	if err := f.loadKeys(); err != nil {
		return nil, err
	}
	if err := checkPrivate(filepath.Join(dir, catalogueName)); err != nil {
		return nil, fmt.Errorf("open catalogue: %w", err)
	}
	if f.Catalogue, err = catalog.OpenCatalogue(filepath.Join(dir, catalogueName), f.Online); err != nil {
		return nil, err
	}
	if err := f.checkRecord(); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", dir, err), f.Close())
	}
	return f, nil
}

// checkRecord compares what the node record says with the keys that are here.
func (f *Folder) checkRecord() error {
	switch r := f.Catalogue.Record(); {
	case r.Key != f.Node.Public():
		return errors.New("the node key is not the one in the node record")
	case f.IsDistributionPoint() && f.Online == nil:
		return fmt.Errorf("a distribution point needs %s/%s, which is missing: restore it from a copy", keysName, onlineKeyName)
	}
	return nil
}

func checkComplete(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNoFolder, err)
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
		return fmt.Errorf(`%w: make one with "wimcast site init" or "wimcast join"`, ErrNoFolder)
	}
	return nil
}

// loadKeys loads the node's key, and the site's where they are.
func (f *Folder) loadKeys() (err error) {
	folder := filepath.Join(f.Dir, keysName)
	if f.Node, err = loadKey(filepath.Join(folder, nodeKeyName)); err != nil {
		return err
	}
	for name, k := range map[string]**catalog.Key{onlineKeyName: &f.Online, publisherKeyName: &f.Publisher} {
		*k, err = loadKey(filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// IsDistributionPoint says whether the node's record has that role. If so, Online is there.
func (f *Folder) IsDistributionPoint() bool {
	return f.Catalogue.Record().Roles.Has(catalog.RoleDistributionPoint)
}

// storeDir is the directory of the chunk store.
func (f *Folder) storeDir() string { return filepath.Join(f.Dir, storeName) }

// OpenStore opens the chunk store, and makes it if need be. The caller closes the store and then the file system it is in.
func (f *Folder) OpenStore() (vfs.FS, *disk.Store, error) {
	if err := os.MkdirAll(f.storeDir(), folderPerm); err != nil {
		return nil, nil, fmt.Errorf("open store: %w", err)
	}
	files, err := vfs.OS(f.Dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open store: %w", err)
	}
	store, err := disk.OpenStore(files, storeName, disk.StoreConfig{})
	if err != nil {
		files.Close()
		return nil, nil, fmt.Errorf("open store %s: %w", f.storeDir(), err)
	}
	return files, store, nil
}

// Close frees the folder.
func (f *Folder) Close() error { return f.Catalogue.Close() }
