package wim

import (
	"flag"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var decodeFlag = flag.String("decode", build.Default.GOROOT, "the files of BenchmarkDecodeFiles")

const sampleSize = 1024 // pieces

// BenchmarkDecodeFiles decodes a sample of the pieces of all files below a folder, and of the programs for Windows among them.
func BenchmarkDecodeFiles(b *testing.B) {
	const pieceSize = 32768
	for _, kind := range []struct {
		name  string
		wants func(name string) bool
	}{
		{"all", func(string) bool { return true }},
		{"windows", func(name string) bool {
			return slices.Contains([]string{".exe", ".dll", ".node", ".sys"}, strings.ToLower(filepath.Ext(name)))
		}},
	} {
		pieces, err := samplePieces(*decodeFlag, pieceSize, kind.wants)
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range []Compression{XPRESS, LZX} {
			b.Run(fmt.Sprint(c, "/", kind.name), func(b *testing.B) { benchmarkPieces(b, c, pieceSize, pieces) })
		}
	}
}

// samplePieces reads the first pieces of every part of the files that are wanted, in the order of their names, so that sampleSize are left at most.
func samplePieces(dir string, pieceSize int64, wants func(name string) bool) (pieces [][]byte, err error) {
	type place struct {
		name   string
		offset int64
		size   int
	}
	var places []place
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !wants(name) {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		for at := int64(0); at < info.Size(); at += pieceSize {
			places = append(places, place{name, at, int(min(pieceSize, info.Size()-at))})
		}
		return nil
	})
	for i := 0; i < len(places) && err == nil; i += (len(places)-1)/sampleSize + 1 {
		p := places[i]
		var f *os.File
		if f, err = os.Open(p.name); err == nil {
			piece := make([]byte, p.size)
			_, err = f.ReadAt(piece, p.offset)
			pieces = append(pieces, piece)
			f.Close()
		}
	}
	return pieces, err
}

// benchmarkPieces decodes all pieces that get shorter at the default level.
func benchmarkPieces(b *testing.B, c Compression, pieceSize int, pieces [][]byte) {
	enc, err := newEncoder(c, pieceSize, 0)
	if err != nil {
		b.Fatal(err)
	}
	dec, err := NewDecoder(c, pieceSize)
	if err != nil {
		b.Fatal(err)
	}
	var sizes []int
	var outs [][]byte
	total, packed := 0, 0
	for _, p := range pieces {
		if out, ok := enc.Encode(nil, p); ok {
			sizes, outs = append(sizes, len(p)), append(outs, out)
			total, packed = total+len(p), packed+len(out)
		}
	}
	if total == 0 {
		b.Skip("no such files: give a folder that has some with -decode")
	}
	got := make([]byte, pieceSize)
	b.SetBytes(int64(total))
	for b.Loop() {
		for i, out := range outs {
			if err := dec.DecodePiece(got[:sizes[i]], out); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(packed)/float64(total), "ratio")
}
