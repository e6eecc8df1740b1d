package disk

import (
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

const (
	packMagic   = "wimcast pack 1\n\x00"
	packHeader  = int64(len(packMagic))
	maxPackSize = 2 << 30
	// maxOpenPacks is how many pack files are kept open for reading.
	maxOpenPacks = 64
)

// packName is a pack's file name in the store's folder. Numbers are never used again.
func packName(n uint32) string { return fmt.Sprintf("pack-%08x", n) }

func parsePackName(s string) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, "pack-")
	n, err := strconv.ParseUint(digits, 16, 32)
	return uint32(n), ok && err == nil && packName(uint32(n)) == s
}

// packFiles keeps pack files open for reading, the most recently used ones.
type packFiles struct {
	fs  vfs.FS
	dir string

	mu   sync.Mutex
	open map[uint32]*packFile
	tick uint64
}

// packFile is an open pack. It is closed when it is doomed and nobody uses it.
type packFile struct {
	vfs.File
	number uint32
	users  int
	used   uint64
	doomed bool
}

// acquire opens a pack, or takes the open one. Call release after use.
func (p *packFiles) acquire(n uint32) (*packFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.open[n]
	if f == nil {
		p.evict()
		file, err := p.fs.OpenFile(path.Join(p.dir, packName(n)), os.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		f = &packFile{File: file, number: n}
		p.open[n] = f
	}
	p.tick++
	f.used = p.tick
	f.users++
	return f, nil
}

func (p *packFiles) release(f *packFile) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.users--; f.users == 0 && f.doomed {
		f.Close() // only read from
	}
}

// evict makes room for one more.
func (p *packFiles) evict() {
	for len(p.open) >= maxOpenPacks {
		var oldest *packFile
		for _, f := range p.open {
			if oldest == nil || f.used < oldest.used {
				oldest = f
			}
		}
		p.doom(oldest.number)
	}
}

// doom closes a pack as soon as nobody reads it.
func (p *packFiles) doom(n uint32) {
	f := p.open[n]
	if f == nil {
		return
	}
	delete(p.open, n)
	if f.doomed = true; f.users == 0 {
		f.Close() // only read from
	}
}

func (p *packFiles) forget(n uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doom(n)
}

func (p *packFiles) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range p.open {
		p.doom(n)
	}
}

// read returns the bytes of a chunk at a place, verified, in buf if its capacity suffices.
func (p *packFiles) read(f *packFile, id chunk.ID, l loc, buf []byte) ([]byte, error) {
	name := path.Join(p.dir, packName(l.pack))
	return readChunk(f, name, chunk.Ref{ID: id, Size: l.size}, l.off, buf)
}

// readChunk reads and verifies a chunk at an offset of a file called name.
func readChunk(f io.ReaderAt, name string, ref chunk.Ref, off int64, buf []byte) ([]byte, error) {
	if cap(buf) < int(ref.Size) {
		buf = make([]byte, ref.Size)
	}
	buf = buf[:ref.Size]
	n, err := f.ReadAt(buf, off)
	switch {
	case n == len(buf) && chunk.Sum(buf) == ref.ID:
		return buf, nil
	case n == len(buf) || err == io.EOF:
		return nil, &chunk.DamagedError{ID: ref.ID, File: name, Off: off}
	}
	return nil, fmt.Errorf("read chunk %v at offset %d: %w", ref.ID, off, err)
}
