package folder

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/wimcast/wimcast/catalog"
)

// MeshKey returns the key of the site's gossip mesh, for the distribution point to give to enrolled nodes. It belongs to the
// head's epoch, so a node that was revoked does not know the next one. A folder made before there was a mesh gets its secret
// now. It fails on clients.
func (f *Folder) MeshKey() ([32]byte, error) {
	if !f.IsDistributionPoint() {
		return [32]byte{}, fmt.Errorf("derive mesh key in %s: only a distribution point can", f.Dir)
	}
	path := filepath.Join(f.Dir, keysName, meshKeyName)
	secret, err := loadKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret = catalog.NewKey()
		err = saveKey(path, secret)
	}
	if err != nil {
		return [32]byte{}, fmt.Errorf("derive mesh key: %w", err)
	}
	head, _, _ := f.Catalogue.Head()
	info := binary.BigEndian.AppendUint32([]byte("wimcast mesh 1"), head.Epoch)
	key, err := hkdf.Key(sha256.New, secret.Seed(), nil, string(info), 32)
	if err != nil {
		return [32]byte{}, fmt.Errorf("derive mesh key: %w", err)
	}
	return [32]byte(key), nil
}
