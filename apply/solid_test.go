package apply

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/xpress"
)

// solidOf puts the contents of an image of one group into that many solid runs. Pieces are XPRESS, or LZMS that is stored raw.
func solidOf(t testing.TB, image []byte, c wim.Compression, pieceSize, runs int) []byte {
	t.Helper()
	f := openWIM(t, image)
	le := binary.LittleEndian
	out := bytes.Clone(image[:wim.HeaderSize])
	le.PutUint32(out[12:], 0xe00)
	var blobs, members []byte
	all := f.Layout().Resources
	at := int64(0)
	for i := range runs {
		var content []byte
		for _, res := range all[len(all)*i/runs : len(all)*(i+1)/runs] {
			r, err := f.Open(res)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			members = blobEntry(members, int64(len(b)), wim.ResourceSolid, at+int64(len(content)), int64(len(b)), res.Hash)
			content = append(content, b...)
		}
		run := solidRun(t, content, c, pieceSize)
		blobs = blobEntry(blobs, int64(len(run)), wim.ResourceSolid, int64(len(out)), 1<<32, wim.SHA1{})
		out = append(out, run...)
		at += int64(len(content))
	}
	blobs = append(blobs, members...)
	meta, err := f.MetadataOf(1)
	if err != nil {
		t.Fatal(err)
	}
	blobs = blobEntry(blobs, meta.StoredSize, meta.Flags, int64(len(out)), meta.Size, meta.Hash)
	out = append(out, image[meta.Offset:meta.End()]...)
	table := len(out)
	out = append(out, blobs...)
	xml := f.Header.XML
	copy(out[48:], reshdr(nil, table, len(blobs), 0))
	copy(out[72:], reshdr(nil, len(out), int(xml.StoredSize), 0))
	clear(out[96:148]) // no boot image, no integrity table
	return append(out, image[xml.Offset:xml.End()]...)
}

func blobEntry(b []byte, stored int64, flags wim.ResourceFlags, off, size int64, hash wim.SHA1) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(stored)|uint64(flags)<<56)
	b = binary.LittleEndian.AppendUint64(b, uint64(off))
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	b = append(b, 1, 0, 1, 0, 0, 0)
	return append(b, hash[:]...)
}

func solidRun(t testing.TB, content []byte, c wim.Compression, pieceSize int) []byte {
	t.Helper()
	le := binary.LittleEndian
	head := le.AppendUint64(nil, uint64(len(content)))
	head = le.AppendUint32(head, uint32(pieceSize))
	head = le.AppendUint32(head, uint32(c))
	enc, err := xpress.NewEncoder(1)
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	for len(content) > 0 {
		piece := content[:min(pieceSize, len(content))]
		content = content[len(piece):]
		stored := piece
		if c == wim.XPRESS {
			if b, ok := enc.Encode(nil, piece); ok {
				stored = b
			}
		}
		head = le.AppendUint32(head, uint32(len(stored)))
		body = append(body, stored...)
	}
	return append(head, body...)
}

// solidCase is an image in a solid form, and how it is cut for a cast.
type solidCase struct {
	name      string
	c         wim.Compression
	pieceSize int
	runs      int
	large     int // bytes of the large files
	low, high int // of chunks
}

var solidCases = []solidCase{
	{"pieces smaller than chunks", wim.XPRESS, 4096, 1, 600_000, 10_000, 50_000},
	{"pieces of 64 KiB", wim.XPRESS, 65536, 2, 600_000, 5_000, 30_000},
	{"big pieces", wim.LZMS, 4 << 20, 2, 4_000_000, 100_000, chunk.MaxSize},
}

func (s solidCase) image(t testing.TB) (dir string, image []byte) {
	dir = t.TempDir()
	sampleTree(t, dir, 11, s.large)
	return dir, solidOf(t, wimOf(t, dir, wim.XPRESS), s.c, s.pieceSize, s.runs)
}

func TestSolidEveryOrderGivesTheSameTree(t *testing.T) {
	t.Parallel()
	for _, s := range solidCases {
		src, image := s.image(t)
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%s/seed=%d", s.name, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 2))
				c := cutRandom(image, rng, s.low, s.high)
				fsys, dir := osTarget(t)
				p, err := New(bg, Config{Target: fsys, Image: 1, Content: c, Workers: 1 + int(seed%3)}, prologueOf(t, image))
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if err := putShuffled(p, c, image, rng); err != nil {
					t.Fatal(err)
				}
				if _, err := p.Finish(bg); err != nil {
					t.Fatal(err)
				}
				wantSame(t, src, dir)
			})
		}
		t.Run(s.name+"/file", func(t *testing.T) {
			fsys, dir := osTarget(t)
			if _, err := fileOf(image, 1, fsys, FileOptions{}); err != nil {
				t.Fatal(err)
			}
			wantSame(t, src, dir)
		})
	}
}

// TestSolidCrashThenRestart is TestCrashAtEveryCallThenRestart of solid images.
func TestSolidCrashThenRestart(t *testing.T) {
	t.Parallel()
	for _, s := range solidCases {
		_, image := s.image(t)
		crashes := 100
		if s.large > 1_000_000 {
			crashes = 10
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := cutRandom(image, rand.New(rand.NewPCG(4, 4)), s.low, s.high)
			crashEverywhere(t, image, c, crashes)
		})
	}
}

// TestPieceLargerThanSpool puts the blocks of a solid run of big pieces in an order by which every piece is begun before one is complete.
func TestPieceLargerThanSpool(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	sampleTree(t, src, 5, 9_000_000)
	image := solidOf(t, wimOf(t, src, wim.XPRESS), wim.LZMS, 8<<20, 1)
	c := cutRandom(image, rand.New(rand.NewPCG(9, 9)), 200_000, chunk.MaxSize)
	fsys, dir := osTarget(t)
	p, err := New(bg, Config{Target: fsys, Image: 1, Content: c, Spool: minSpool}, prologueOf(t, image))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	needs, put, full := p.Needs(), map[chunk.Block]bool{}, 0
	var spread []chunk.Block
	for i := range 16 {
		for j := i; j < len(needs); j += 16 {
			spread = append(spread, needs[j])
		}
	}
	offer := func(b chunk.Block) {
		if put[b] {
			return
		}
		switch err := p.Put(b, blockData(c, image, b)); {
		case errors.Is(err, ErrSpoolFull):
			full++
		case err != nil:
			t.Fatal(err)
		default:
			put[b] = true
		}
	}
	for len(put) < len(needs) {
		before := len(put)
		for _, b := range spread {
			if urgent := p.Urgent(1); len(urgent) > 0 && full > 0 {
				offer(urgent[0])
			}
			offer(b)
		}
		if len(put) == before {
			t.Fatalf("stuck with %d of %d blocks", before, len(needs))
		}
	}
	rep, err := p.Finish(bg)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, src, dir)
	if full == 0 || rep.SpoolPeak < 8<<20 || rep.SpoolPeak > 20<<20 {
		t.Errorf("spool was full %d times, peak %d", full, rep.SpoolPeak)
	}
}

// TestSolidWrongContent damages one byte of a solid run: no file that holds it may come to stand under its name.
func TestSolidWrongContent(t *testing.T) {
	t.Parallel()
	s := solidCases[1]
	_, image := s.image(t)
	run := openWIM(t, image).Layout().Runs[0]
	pt, _ := run.Table()
	pc := pt.Piece(pt.Count() / 2)
	bad := bytes.Clone(image)
	bad[run.Offset+pc.StoredOffset+pc.StoredSize/2] ^= 4
	mem := vfs.NewMem()
	if _, err := fileOf(bad, 1, mem, FileOptions{}); !errors.Is(err, wim.ErrCorrupt) && !errors.Is(err, wim.ErrHash) {
		t.Fatalf("apply of a damaged image: %v", err)
	}
	good := vfs.NewMem()
	if _, err := fileOf(image, 1, good, FileOptions{}); err != nil {
		t.Fatal(err)
	}
	want := dump(t, good)
	for name, what := range dump(t, mem) {
		if w, ok := want[name]; ok && what[0] == 'f' && what != w {
			t.Errorf("%s is %s, want %s", name, what, w)
		}
	}
}
