package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/content/device"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// Errors to test for with errors.Is.
var (
	ErrWhichImage = errors.New("the content has several images, name one")
	ErrNotToDisk  = errors.New("it goes into a directory, not on a disk")
	ErrNotToDir   = errors.New("it goes on a disk, not into a directory")
	ErrReadBack   = errors.New("the disk does not give back what was written to it")
)

// Sink accepts a content's blocks as they are verified, in any order. One goroutine calls it.
type Sink interface {
	// Needs says what is still needed, ascending, and whether that is all there will ever be.
	Needs() (blocks []chunk.Block, final bool, err error)
	// Put accepts a block; its bytes are the sink's.
	Put(ctx context.Context, block chunk.Block, data []byte) error
	// Commit makes what was put durable and says which blocks became so.
	Commit() (held []chunk.Block, err error)
	// Finish ends it when nothing is needed any more. progress is told how far a disk is read back; nil: not told.
	Finish(ctx context.Context, progress func(done, total int64)) (Report, error)
	// Close lets go of it. Before Finish, what is durable stays for the next time.
	Close() error
}

// Report says what was put down.
type Report struct {
	Apply    *apply.Report // of an image; nil: it was none
	ReadBack int64         // bytes of a disk that were read back and are as they should be
}

// Target says where a content goes: to Dir or to Disk.
type Target struct {
	Dir       string // a directory, which is made if need be
	Disk      string // a block device, or a file that stands for one
	Overwrite bool   // what is on the disk, or the file of that name, may go
	State     string // a directory in which it is noted how far a disk is written; made if need be

	// Of images:
	Image      int // 1-based; 0: the only one
	UnixXattrs bool
	Rules      wim.Rules // which names are refused; zero: all that some file system takes for something else
	Events     func(apply.Event)
}

// Place is a Target that was found fit, as far as that can be told without the content.
type Place struct {
	to     Target
	fsys   vfs.FS         // of Dir
	made   bool           // Dir was not there before
	only   error          // why nothing but a file can come into Dir
	device *device.Target // of Disk; nil once the sink has it
}

// OpenPlace looks at a target before anything is received, and keeps others from it until Close.
func OpenPlace(to Target) (*Place, error) {
	if to.Disk != "" {
		return openDisk(to)
	}
	p := &Place{to: to}
	_, err := os.Stat(to.Dir)
	p.made = errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(to.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("make target: %w", err)
	}
	if p.fsys, err = vfs.OS(to.Dir); err != nil {
		return nil, fmt.Errorf("open target %s: %w", to.Dir, err)
	}
	if err := writable(p.fsys); err != nil {
		return nil, errors.Join(fmt.Errorf("write to target %s: %w", to.Dir, err), p.Close(false))
	}
	_, p.only = apply.Vacant(p.fsys)
	return p, nil
}

// OnlyFile says why nothing but a file can come here; nil: something else can.
func (p *Place) OnlyFile() error { return p.only }

// received is what is known of the content that arrives.
type received struct {
	manifest *catalog.Manifest
	hash     catalog.ManifestHash
	layout   *catalog.Layout
}

// Sink returns what puts a content into its place. It is asked for once; the sink is closed before the place.
func (p *Place) Sink(signed *catalog.SignedManifest) (Sink, error) {
	k, known := kindOf(signed.Manifest.Kind)
	if !known {
		return nil, fmt.Errorf("unknown %v", signed.Manifest.Kind)
	}
	put, refusal := k.dir, ErrNotToDir
	if p.to.Disk != "" {
		put, refusal = k.disk, ErrNotToDisk
	}
	if put == nil {
		return nil, fmt.Errorf("it is %s: %w", k.noun, refusal)
	}
	return put(p, received{signed.Manifest, signed.Hash, signed.Layout})
}

// Close lets go of the place. Unless the content is there, what OpenPlace made, and nothing came into, is taken away.
func (p *Place) Close(there bool) error {
	if p.device != nil {
		return p.device.Close()
	}
	if p.fsys == nil {
		return nil
	}
	err := p.fsys.Close()
	if p.made && !there {
		os.Remove(p.to.Dir) // unless something came into it
	}
	return err
}

// String names the place for people.
func (p *Place) String() string {
	if p.to.Disk != "" {
		return p.to.Disk
	}
	return p.to.Dir
}

// openDisk opens a disk, and refuses one that holds something which nobody said may go. One that an earlier run began to write needs
// no such word.
func openDisk(to Target) (*Place, error) {
	d, err := device.Open(to.Disk)
	if err != nil {
		return nil, err
	}
	p := &Place{to: to, device: d}
	if err := p.mayOverwrite("*"); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return p, nil
}

// mayOverwrite fails if the disk holds something that must stay. hash is the name of the content that the disk may have a part of, or *.
func (p *Place) mayOverwrite(hash string) error {
	if p.to.Overwrite || p.device.Holds() == "" {
		return nil
	}
	names, err := os.ReadDir(p.to.State)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look how far disk %s was written: %w", p.device, err)
	}
	for _, n := range names {
		if begun, _ := path.Match(journalName(p.device, hash), n.Name()); begun {
			return nil
		}
	}
	return fmt.Errorf("write to disk %s: %w: it holds %s", p.device, device.ErrHolds, p.device.Holds())
}

// journalName is the name of the file that says how far a content is written to a disk.
func journalName(d *device.Target, hash string) string { return d.Key() + "-" + hash + ".journal" }
