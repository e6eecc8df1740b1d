package folder

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/catalog"
)

// A key file is one line: "wimcast-key-1", the 32-byte seed and the first 4 bytes of the seed's BLAKE3 hash, both in
// hexadecimal, with single spaces between and a newline after.
const (
	keyFilePrefix = "wimcast-key-1"
	keyFileLen    = len(keyFilePrefix) + 1 + 64 + 1 + 8 + 1
)

// saveKey writes k to a new file with mode 0600. It never writes over a file.
func saveKey(path string, k *catalog.Key) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("save key %s: %w", path, fs.ErrExist)
	}
	if err := writeFileAtomic(path, appendKeyFile(nil, k)); err != nil {
		return fmt.Errorf("save key: %w", err)
	}
	return nil
}

// loadKey reads a key file. It refuses one that other users could read.
func loadKey(path string) (*catalog.Key, error) {
	if err := checkPrivate(path); err != nil {
		return nil, fmt.Errorf("load key: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load key: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(keyFileLen)+1))
	if err != nil {
		return nil, fmt.Errorf("load key: %w", err)
	}
	k, err := parseKeyFile(data)
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", path, err)
	}
	return k, nil
}

func appendKeyFile(b []byte, k *catalog.Key) []byte {
	seed := k.Seed()
	sum := blake3.Sum256(seed)
	return fmt.Appendf(b, "%s %x %x\n", keyFilePrefix, seed, sum[:4])
}

func parseKeyFile(data []byte) (*catalog.Key, error) {
	bad := errors.New("not a wimcast key file, or damaged: restore it from a copy")
	fields := strings.Split(string(data), " ")
	if len(data) != keyFileLen || len(fields) != 3 {
		return nil, bad
	}
	seed, err := hex.DecodeString(fields[1])
	if err != nil || len(seed) != 32 {
		return nil, bad
	}
	k := catalog.KeyFromSeed(seed)
	if !bytes.Equal(appendKeyFile(nil, k), data) {
		return nil, bad
	}
	return k, nil
}
