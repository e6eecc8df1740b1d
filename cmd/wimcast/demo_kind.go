package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
)

// demoKind is what a demo does with a kind of content.
type demoKind struct {
	kind    catalog.Kind
	tree    bool                               // made of a directory, the Go sources when none is named
	prepare func(*demo, context.Context) error // sets what is published, and the source to compare with
	disk    bool                               // goes on a disk: here a file that stands for one
	result  string                             // what is compared, below a peer's target
	compare func(want, got string) ([]apply.Difference, error)
	done    string // what peers have done in the end
}

// demoKinds are the kinds by their names.
var demoKinds = map[string]demoKind{
	"image":  {kind: catalog.KindImage, tree: true, prepare: (*demo).prepareImage, compare: compareTrees, done: "applied"},
	"folder": {kind: catalog.KindFolder, tree: true, prepare: (*demo).prepareFolder, compare: compareTrees, done: "applied"},
	"file":   {kind: catalog.KindFile, prepare: (*demo).prepareFile, result: "demo", compare: compareFiles, done: "wrote"},
	"disk":   {kind: catalog.KindDisk, prepare: (*demo).prepareDisk, disk: true, compare: compareFiles, done: "wrote and read back"},
}

// Sizes of what is made for a demo when nothing is named, in bytes.
const (
	demoData = 64 << 20
	demoDisk = 2 << 30 // nearly all of it hole
)

// target is where a peer puts the content down.
func (d *demo) target(name string, opt *node.DeployOptions) string {
	opt.Disk = d.kind.disk
	return d.sub(name + ".target")
}

// prepareFolder publishes the tree itself.
func (d *demo) prepareFolder(context.Context) error {
	d.source, d.image = d.tree, d.tree
	return nil
}

// prepareFile publishes the file that is named, or one that it makes.
func (d *demo) prepareFile(context.Context) error { return d.makeFile(demoData, 1) }

// prepareDisk publishes the disk image that is named, or one that it makes: data in some places and holes between.
func (d *demo) prepareDisk(context.Context) error { return d.makeFile(demoDisk, 16) }

// makeFile makes a file of that size with demoData bytes of data in so many places, unless one is named.
func (d *demo) makeFile(size int64, places int) error {
	if d.image != "" {
		d.source = d.image
		return nil
	}
	d.image = d.sub("demo.data")
	d.source = d.image
	f, err := os.Create(d.image)
	if err != nil {
		return err
	}
	defer f.Close()
	data := make([]byte, demoData/places)
	random := rand.NewChaCha8([32]byte{byte(d.seed)})
	for i := range places {
		random.Read(data)
		if _, err := f.WriteAt(data, int64(i)*size/int64(places)); err != nil {
			return err
		}
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	d.Notef("made a file of %s with %s of data", ui.FormatBytes(size), ui.FormatBytes(demoData))
	return f.Close()
}

func compareTrees(want, got string) ([]apply.Difference, error) {
	return apply.Compare(want, got, runtime.GOOS != "windows")
}

// compareFiles says at most where the first difference is.
func compareFiles(want, got string) ([]apply.Difference, error) {
	a, err := os.Open(want)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	b, err := os.Open(got)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	wantBuf, gotBuf := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); ; off += int64(len(wantBuf)) {
		n, errA := io.ReadFull(a, wantBuf)
		m, errB := io.ReadFull(b, gotBuf)
		if !bytes.Equal(wantBuf[:n], gotBuf[:m]) {
			what := fmt.Sprintf("differs within %d bytes from offset %d", len(wantBuf), off)
			return []apply.Difference{{Path: filepath.Base(got), What: what}}, nil
		}
		if errA != nil || errB != nil {
			return nil, notEnd(errors.Join(errA, errB))
		}
	}
}

// notEnd is err unless that says only that a file is at its end.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
