package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

const (
	indexName    = "index"
	indexTmpName = "index.new"
	indexMagic   = "wimcast index 1\n"
	recordSize   = 64
)

// recordKind says what a record states.
type recordKind uint8

const (
	recordHeld    recordKind = 1 // the chunk is at this place
	recordDamaged recordKind = 2 // what is at this place is not the chunk
)

// loc is where a chunk is.
type loc struct {
	pack uint32
	size uint32
	off  int64
}

func (l loc) end() int64 { return l.off + int64(l.size) }

// record is one statement of the index.
type record struct {
	kind recordKind
	id   chunk.ID
	loc  loc
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errRecord is returned for a record that was not written whole, or has rotted.
var errRecord = errors.New("damaged index record")

// seal puts the checksum of a slot at its end.
func seal(slot []byte) []byte {
	n := len(slot) - 4
	binary.BigEndian.PutUint32(slot[n:], crc32.Checksum(slot[:n], castagnoli))
	return slot
}

func sealed(slot []byte) bool {
	n := len(slot) - 4
	return binary.BigEndian.Uint32(slot[n:]) == crc32.Checksum(slot[:n], castagnoli)
}

// append appends the record's 64 bytes to b.
func (r record) append(b []byte) []byte {
	slot := make([]byte, recordSize)
	slot[0] = byte(r.kind)
	binary.BigEndian.PutUint32(slot[4:], r.loc.pack)
	binary.BigEndian.PutUint64(slot[8:], uint64(r.loc.off))
	binary.BigEndian.PutUint32(slot[16:], r.loc.size)
	copy(slot[20:], r.id[:])
	return append(b, seal(slot)...)
}

// parseRecord reads one slot.
func parseRecord(slot []byte) (record, error) {
	if len(slot) != recordSize || !sealed(slot) {
		return record{}, errRecord
	}
	r := record{kind: recordKind(slot[0]), id: chunk.ID(slot[20:52])}
	r.loc.pack = binary.BigEndian.Uint32(slot[4:])
	r.loc.off = int64(binary.BigEndian.Uint64(slot[8:]))
	r.loc.size = binary.BigEndian.Uint32(slot[16:])
	known := r.kind == recordHeld || r.kind == recordDamaged
	zero := slot[1]|slot[2]|slot[3] == 0 && bytes.Equal(slot[52:60], make([]byte, 8))
	if !known || !zero || r.loc.size == 0 || r.loc.size > chunk.MaxSize || r.loc.off < packHeader || r.loc.off > 2*maxPackSize {
		return record{}, errRecord
	}
	return r, nil
}

// indexHead is the index's first slot.
func indexHead(nextPack uint32) []byte {
	slot := make([]byte, recordSize)
	copy(slot, indexMagic)
	binary.BigEndian.PutUint32(slot[16:], nextPack)
	return seal(slot)
}

// indexScan is what reading an index found.
type indexScan struct {
	nextPack uint32
	records  int
	damaged  int   // slots that hold no record
	end      int64 // after the last record
}

// scanIndex reads an index and calls fn for each record in it. A record stands for itself: one that is damaged says
// nothing about the others, because each was written only after the bytes it names were durable.
func scanIndex(r io.Reader, name string, fn func(record)) (indexScan, error) {
	var scan indexScan
	slots := make([]byte, 1024*recordSize)
	for off := int64(0); ; {
		n, err := io.ReadFull(r, slots)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return scan, fmt.Errorf("read chunk index: %w", err)
		}
		for b := slots[:n]; len(b) > 0; off += recordSize {
			slot := b[:min(len(b), recordSize)]
			b = b[len(slot):]
			if off == 0 {
				if len(slot) < recordSize || !sealed(slot) || string(slot[:16]) != indexMagic {
					return scan, fmt.Errorf("read chunk index %s: its head is damaged or of another version; "+
						"move the store's folder away and fetch its contents again", name)
				}
				scan.nextPack = binary.BigEndian.Uint32(slot[16:])
				scan.end = recordSize
				continue
			}
			rec, perr := parseRecord(slot)
			if perr != nil {
				scan.damaged++
				continue
			}
			scan.records++
			scan.end = off + recordSize
			fn(rec)
		}
		if err != nil {
			if off == 0 {
				return scan, fmt.Errorf("read chunk index %s: it is empty; move the store's folder away", name)
			}
			return scan, nil
		}
	}
}

// writeIndex puts a new index in place of the old one, if any. It returns the open file and its length.
// Once named is true the new index may be the one found after a crash.
func writeIndex(fsys vfs.FS, dir string, nextPack uint32, held map[chunk.ID]loc) (file vfs.File, end int64, named bool, err error) {
	tmp, name := path.Join(dir, indexTmpName), path.Join(dir, indexName)
	file, err = fsys.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, 0, false, err
	}
	defer func() {
		if err != nil {
			file.Close()
			file = nil
		}
	}()
	buf := indexHead(nextPack)
	flush := func() error {
		n, err := file.Write(buf)
		end += int64(n)
		buf = buf[:0]
		return err
	}
	for id, l := range held {
		buf = record{recordHeld, id, l}.append(buf)
		if len(buf) >= 1024*recordSize {
			if err = flush(); err != nil {
				return file, 0, false, err
			}
		}
	}
	if err = flush(); err != nil {
		return file, 0, false, err
	}
	if err = file.Sync(); err != nil {
		return file, 0, false, err
	}
	if err = fsys.Rename(tmp, name); err != nil {
		return file, 0, false, err
	}
	if err = fsys.SyncDir(dir); err != nil {
		return file, 0, true, err
	}
	return file, end, true, nil
}
