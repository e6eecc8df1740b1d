package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk/disk"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/node/folder"
	"github.com/wimcast/wimcast/node/receive"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wire"
)

// ReceptionOptions are what Get and Deploy have in common.
type ReceptionOptions struct {
	receive.Options
	Log      *slog.Logger // nil: nobody
	DropQUIC func() bool  // loses received packets of QUIC, for tests and demonstrations
	Keep     bool         // also keep the chunks in the client's own store

	hurry bool // what is wrong here is likelier than that somebody answers late: ask once
}

// Reception is what a whole Get or Deploy has to tell.
type Reception struct {
	receive.Received
	Name, Version  string
	Hash           catalog.ManifestHash
	Size           int64         // of the content
	Total          time.Duration // from the call to the end
	ApplyLag       time.Duration // from the last chunk received to the end
	content.Report               // of Deploy
}

// reception is one under way: a node in its receiving role that knows what it wants. Its folder is closed again, so that several
// can run at a time.
type reception struct {
	node   *Node
	conn   *transport.Conn
	signed *catalog.SignedManifest
	layout *catalog.Layout
	files  vfs.FS
	store  *disk.Store // nil: no store, or in use by another process
	opt    ReceptionOptions
}

// Get receives a content into the file at path. A second call goes on where an interrupted one was.
func Get(ctx context.Context, dir string, ref catalog.Ref, path string, replace bool, opt ReceptionOptions) (Reception, error) {
	start := time.Now()
	to, err := content.OpenOutput(path, replace)
	if err != nil {
		return Reception{}, fmt.Errorf("get: %w", err)
	}
	defer to.Close()
	r, err := newReception(ctx, dir, ref, opt)
	if err != nil {
		return Reception{}, err
	}
	defer r.close()
	sink, err := to.Sink(r.signed)
	if err != nil {
		return Reception{}, fmt.Errorf("get %s: %w", path, err)
	}
	defer sink.Close()
	out, err := r.receive(ctx, sink)
	if err != nil {
		return out, fmt.Errorf("get %s: %w", castName(r.signed.Manifest), err)
	}
	if _, err := sink.Finish(ctx, nil); err != nil {
		return out, fmt.Errorf("get %s: %w", path, err)
	}
	out.finish(start)
	return out, nil
}

// DeployOptions says how a content is put down.
type DeployOptions struct {
	ReceptionOptions
	Disk       bool // the target is a block device, or a file that stands for one
	Overwrite  bool // what is on the disk, or the file that the content's name has in the target, may go
	UnixXattrs bool
	Rules      wim.Rules // which names are refused; zero: all that some file system takes for something else
	Events     func(apply.Event)
	ReadBack   func(done, total int64) // called with how far a disk is read back; may be nil
}

// Deploy receives a content and puts it down at target as it arrives: an image is applied to that directory, a file comes into it, a
// disk image is written over the device. Image 0 stands for the only one. The target is looked at before the network is asked. A second
// call goes on where an interrupted one was.
func Deploy(ctx context.Context, dir string, ref catalog.Ref, target string, opt DeployOptions) (out Reception, err error) {
	start := time.Now()
	to := content.Target{
		Dir: target, Overwrite: opt.Overwrite, State: filepath.Join(dir, "disks"),
		Image: ref.Image, UnixXattrs: opt.UnixXattrs, Rules: opt.Rules, Events: opt.Events,
	}
	if opt.Disk {
		to.Dir, to.Disk = "", target
	}
	place, err := content.OpenPlace(to)
	if err != nil {
		return Reception{}, fmt.Errorf("deploy %s: %w", ref, err)
	}
	defer func() { place.Close(err == nil) }()
	only := place.OnlyFile()
	opt.hurry = only != nil && !opt.Overwrite
	r, err := newReception(ctx, dir, ref, opt.ReceptionOptions)
	if errors.Is(err, errHurry) {
		err = fmt.Errorf("deploy %s to %s: %w; only a file could come there, and the distribution point does not say whether it is one: %w", ref, target, only, err)
	}
	if err != nil {
		return Reception{}, err
	}
	defer r.close()
	out, err = r.deploy(ctx, place, opt)
	if err != nil {
		return out, fmt.Errorf("deploy %s to %s: %w", castName(r.signed.Manifest), target, vanished(err))
	}
	out.finish(start)
	return out, nil
}

func (r *reception) deploy(ctx context.Context, place *content.Place, opt DeployOptions) (Reception, error) {
	sink, err := place.Sink(r.signed)
	if err != nil {
		return Reception{}, err
	}
	defer sink.Close()
	out, err := r.receive(ctx, sink)
	if err != nil {
		return out, err
	}
	out.Report, err = sink.Finish(ctx, opt.ReadBack)
	return out, err
}

// ErrVanished says that something was taken out of the target while it was written.
var ErrVanished = errors.New("something else removes files in the target")

// vanished says so where a file is missing that apply itself made.
func vanished(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrVanished, err)
	}
	return err
}

func (r *Reception) finish(start time.Time) {
	now := time.Now()
	r.Total = now.Sub(start)
	if !r.LastChunkAt.IsZero() {
		r.ApplyLag = now.Sub(r.LastChunkAt)
	}
}

// newReception starts a node that receives, connects, and finds the content.
func newReception(ctx context.Context, dir string, ref catalog.Ref, opt ReceptionOptions) (*reception, error) {
	if opt.Wait == 0 {
		opt.Wait = receive.DefaultWait
	}
	n, err := Open(ctx, dir, catalog.RolePeer, Options{DropQUIC: opt.DropQUIC, Log: opt.Log})
	if err != nil {
		return nil, err
	}
	if opt.Interface == "" {
		opt.Interface = n.self.Interface
	}
	if err := checkInterface(opt.Interface); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.mesh.describe("receives " + ref.String())
	r := &reception{node: n, opt: opt}
	if err := r.find(ctx, dir, ref); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// identityIn reads who the peer of a folder is, which may be open already. A peer's folder is free again afterwards: what
// follows may wait long.
func identityIn(ctx context.Context, dir string, open *Local) (*identity, error) {
	if open != nil {
		return identityOf(open.folder)
	}
	own, err := openClient(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	return identityOf(own)
}

// find looks the content up, and opens the client's store unless another process of this client has it.
func (r *reception) find(ctx context.Context, dir string, ref catalog.Ref) error {
	p := receive.Patience{Wait: r.opt.Wait, Events: r.node.events.About(""), Points: r.node.self.Points}
	if err := p.Try(ctx, func() error { return r.ask(ctx, dir, ref) }); err != nil {
		return err
	}
	r.layout = r.signed.Layout
	own, err := openClient(ctx, dir)
	if err != nil {
		return err
	}
	defer own.Close()
	r.files, r.store, err = own.OpenStore()
	if err != nil && (r.opt.Keep || !errors.Is(err, vfs.ErrLocked)) {
		return err
	}
	return nil
}

// ask connects and gets the content's manifest.
func (r *reception) ask(ctx context.Context, dir string, ref catalog.Ref) error {
	conn, welcome, err := r.connect(ctx)
	if err != nil {
		return err
	}
	own, err := openClient(ctx, dir)
	if err == nil {
		r.signed, err = findContent(ctx, conn, welcome, own.Catalogue, ref)
		own.Close()
	}
	if err == nil {
		r.conn = conn
		return nil
	}
	select {
	case <-conn.Done():
	default:
		if !errors.Is(err, context.DeadlineExceeded) {
			err = receive.Settled(err) // it did answer
		}
	}
	conn.Close("")
	return err
}

// hurryFor is how long is waited for an answer that only tells whether something else is wrong.
const hurryFor = 1500 * time.Millisecond

var errHurry = errors.New("nobody answers at once")

// connect connects for the first time.
func (r *reception) connect(ctx context.Context) (*transport.Conn, wire.Welcome, error) {
	if !r.opt.hurry {
		return r.node.connect(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, hurryFor)
	defer cancel()
	conn, welcome, err := r.node.connect(ctx)
	if err != nil {
		err = receive.Settled(fmt.Errorf("%w: %w", errHurry, err))
	}
	return conn, welcome, err
}

// openClient opens a client's folder. Another process may have it open for the moment in which it looks a content up.
func openClient(ctx context.Context, dir string) (*folder.Folder, error) {
	for start := time.Now(); ; {
		own, err := folder.Open(dir)
		if !errors.Is(err, catalog.ErrBusy) || ctx.Err() != nil || time.Since(start) > answerTimeout {
			return own, err
		}
	}
}

func (r *reception) close() {
	if r.conn != nil {
		r.conn.Close("")
	}
	r.node.Close()
	if r.store != nil {
		r.store.Close()
		r.files.Close()
	}
}

// keepFits fails when the client's store has no room for what it is to keep.
func (r *reception) keepFits() error {
	if !r.opt.Keep {
		return nil
	}
	var need int64
	for i, c := range r.signed.Manifest.Chunks {
		if r.layout.IsBlock(uint32(i)) && !r.store.Has(c.ID) {
			need += int64(c.Size)
		}
	}
	if err := vfs.Fits(r.files, need); err != nil {
		return fmt.Errorf("keep it in the store: %w", err)
	}
	return nil
}

func (r *reception) receive(ctx context.Context, sink receive.Sink) (Reception, error) {
	m := r.signed.Manifest
	if err := r.keepFits(); err != nil {
		return Reception{}, err
	}
	out := Reception{Name: m.Name, Version: m.Version, Hash: r.signed.Hash, Size: int64(m.Size)}
	if r.store != nil {
		sink = &storeSink{Sink: sink, store: r.store, keep: r.opt.Keep, manifest: m}
	}
	cfg := receive.Config{Self: r.node.key.Public(), Content: r.signed, First: r.conn, Connect: func(ctx context.Context) (*transport.Conn, error) {
		conn, _, err := r.node.connect(ctx)
		return conn, err
	}}
	r.conn = nil
	var err error
	opt := r.opt.Options
	opt.Events = r.node.events.About(castName(m))
	out.Received, err = receive.Run(ctx, cfg, sink, opt)
	return out, err
}
