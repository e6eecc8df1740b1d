package apply

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// Sizes of the journal's parts in bytes.
const (
	journalMagic   = "WCAPPLY2"
	journalHeader  = len(journalMagic) + 32 + 4 + 4 + 4
	recordHeader   = 8
	maxRecord      = 1 << 30
	maxSpoolOffset = 1 << 50
)

// Flags of an apply: what else must be the same when it goes on.
const (
	flagXattrs       = 1 << iota // Config.UnixXattrs
	flagNTFS                     // the target keeps what NTFS does
	flagSmallStreams             // but only small named streams
	flagNoStreams                // but no named streams
	flagWindows                  // it is a directory on Windows
	flagNoUnix                   // Config.NoUnix
	flagRaw                      // the target keeps encrypted files
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errJournal says that a journal's header is not one.
var errJournal = errors.New("journal has no valid header")

// jobID is what a journal belongs to.
type jobID struct {
	content [32]byte
	image   uint32
	flags   uint32
}

// header returns the journal's first bytes.
func (id jobID) header() []byte {
	b := append([]byte(journalMagic), id.content[:]...)
	b = binary.BigEndian.AppendUint32(b, id.image)
	b = binary.BigEndian.AppendUint32(b, id.flags)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// headerSum is the check sum that a journal's first record goes on from.
func headerSum(header []byte) uint32 { return crc32.Checksum(header[:journalHeader-4], castagnoli) }

// recordKind says what a record does beside what it lists.
type recordKind uint8

const (
	recordCommit recordKind = iota
	recordReset             // forget all records before
	recordEnd               // the target is complete, only the journal and the work folder are still to be removed

	recordKinds
)

// record is what one commit adds to a journal.
type record struct {
	kind      recordKind
	blocks    []chunk.Block // held now, ascending
	resources []int         // complete now, ascending
	waiting   []frag
	freed     []int64 // places in the spool
}

// append encodes the record's body.
func (r *record) append(b []byte) []byte {
	b = append(b, byte(r.kind))
	b = appendAscending(b, r.blocks)
	b = appendAscending(b, r.resources)
	b = binary.AppendUvarint(b, uint64(len(r.waiting)))
	for _, f := range r.waiting {
		b = binary.AppendUvarint(b, uint64(f.run))
		b = binary.AppendUvarint(b, uint64(f.off))
		b = binary.AppendUvarint(b, uint64(f.size))
		b = binary.AppendUvarint(b, uint64(f.at))
		b = append(b, byte(f.kind))
	}
	b = binary.AppendUvarint(b, uint64(len(r.freed)))
	for _, at := range r.freed {
		b = binary.AppendUvarint(b, uint64(at))
	}
	return b
}

func appendAscending[I ~int | ~uint32](b []byte, v []I) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	var last I
	for _, x := range v {
		b = binary.AppendUvarint(b, uint64(x-last))
		last = x
	}
	return b
}

// decoder reads varints; after the first error it returns zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uint(below uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v >= below {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads a list's length, of which every entry takes at least size bytes.
func (d *decoder) count(size int) int {
	n := d.uint(maxRecord)
	if n > uint64(len(d.b)/size) {
		d.bad = true
		return 0
	}
	return int(n)
}

// ascending reads what appendAscending wrote: numbers less than below.
func ascending[I ~int | ~uint32](d *decoder, below int) []I {
	n := d.count(1)
	v := make([]I, 0, n)
	last := 0
	for i := 0; i < n && !d.bad; i++ {
		x := last + int(d.uint(uint64(below)))
		if x >= below || (i > 0 && x <= last) {
			d.bad = true
			return nil
		}
		v = append(v, I(x))
		last = x
	}
	return v
}

// parseRecord reads a body, of an apply with that many blocks and resources.
func parseRecord(b []byte, blocks, resources int) (record, bool) {
	d := &decoder{b: b}
	r := record{kind: recordKind(d.uint(uint64(recordKinds)))}
	r.blocks = ascending[chunk.Block](d, blocks)
	r.resources = ascending[int](d, resources)
	for n := d.count(5); n > 0 && !d.bad; n-- {
		f := frag{logged: true}
		f.run = int(d.uint(uint64(resources)))
		f.off = int64(d.uint(maxSpoolOffset))
		f.size = int64(d.uint(chunk.MaxSize + 1))
		f.at = int64(d.uint(maxSpoolOffset))
		f.kind = fragKind(d.uint(uint64(fragKinds)))
		r.waiting = append(r.waiting, f)
	}
	for n := d.count(1); n > 0 && !d.bad; n-- {
		r.freed = append(r.freed, int64(d.uint(maxSpoolOffset)))
	}
	return r, !d.bad && len(d.b) == 0
}

// parseJournal reads a journal as far as it is valid: whose it is, its records, the number of valid bytes, and the check sum that
// the next record goes on from.
func parseJournal(b []byte, blocks, resources int) (id jobID, recs []record, size int64, crc uint32, err error) {
	if len(b) < journalHeader || string(b[:len(journalMagic)]) != journalMagic {
		return id, nil, 0, 0, errJournal
	}
	copy(id.content[:], b[8:40])
	id.image = binary.BigEndian.Uint32(b[40:])
	id.flags = binary.BigEndian.Uint32(b[44:])
	if crc = headerSum(b[:journalHeader]); crc != binary.BigEndian.Uint32(b[48:]) {
		return id, nil, 0, 0, errJournal
	}
	size = int64(journalHeader)
	for rest := b[journalHeader:]; len(rest) >= recordHeader; {
		n := int64(binary.BigEndian.Uint32(rest))
		if n > int64(len(rest)-recordHeader) {
			break
		}
		body := rest[recordHeader : recordHeader+n]
		next := crc32.Update(crc, castagnoli, body)
		if next != binary.BigEndian.Uint32(rest[4:]) {
			break
		}
		rec, ok := parseRecord(body, blocks, resources)
		if !ok {
			break
		}
		recs, crc, size, rest = append(recs, rec), next, size+recordHeader+n, rest[recordHeader+n:]
	}
	return id, recs, size, crc, nil
}

// journal appends records.
type journal struct {
	file vfs.File
	size int64
	crc  uint32
}

// add appends a record and makes it durable.
func (j *journal) add(r *record) error {
	b := r.append(make([]byte, recordHeader, 4096))
	if len(b) > maxRecord {
		return fmt.Errorf("write journal %s: record of %d bytes", markerName, len(b))
	}
	crc := crc32.Update(j.crc, castagnoli, b[recordHeader:])
	binary.BigEndian.PutUint32(b, uint32(len(b)-recordHeader))
	binary.BigEndian.PutUint32(b[4:], crc)
	if _, err := j.file.WriteAt(b, j.size); err != nil {
		return fmt.Errorf("write journal %s: %w", markerName, err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync journal %s: %w", markerName, err)
	}
	j.size, j.crc = j.size+int64(len(b)), crc
	return nil
}
