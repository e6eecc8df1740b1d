package content

import (
	"context"
	"io"
	"io/fs"
	"os"

	"github.com/wimcast/wimcast/catalog"
)

// kind is what there is to know of a kind of content.
type kind struct {
	code catalog.Kind
	noun string
	is   func(path string, info fs.FileInfo) bool // recognises what is published without a kind; nil: it must be said
	cut  func(ctx context.Context, path string, cfg OpenConfig) (*Source, error)
	dir  func(*Place, received) (Sink, error) // puts it into a directory; nil: it does not go there
	disk func(*Place, received) (Sink, error) // puts it on a disk; nil: it does not go there
}

// kinds is asked in this order what something is.
var kinds = []kind{
	{code: catalog.KindFolder, noun: "a folder", is: isFolder, cut: cutFolder, dir: applied},
	{code: catalog.KindDriver, noun: "a folder of drivers", cut: cutFolder, dir: applied},
	{code: catalog.KindImage, noun: "an image", is: isImage, cut: cutImage, dir: applied},
	{code: catalog.KindFile, noun: "a file", is: isAnything, cut: cutFile, dir: asFile},
	{code: catalog.KindDisk, noun: "a disk", cut: cutDisk, disk: asDisk},
}

func kindOf(code catalog.Kind) (kind, bool) {
	for _, k := range kinds {
		if k.code == code {
			return k, true
		}
	}
	return kind{}, false
}

func isFolder(_ string, info fs.FileInfo) bool { return info.IsDir() }

func isAnything(string, fs.FileInfo) bool { return true }

// isImage looks at the first bytes of a file.
func isImage(path string, info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return false // opening a pipe may take for ever
	}
	f, err := os.Open(path)
	if err != nil {
		return false // why, is told by who opens it next
	}
	defer f.Close()
	var magic [8]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && (string(magic[:]) == "MSWIM\x00\x00\x00" || string(magic[:]) == "WLPWM\x00\x00\x00")
}
