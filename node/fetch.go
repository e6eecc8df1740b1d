package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/chunk/disk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/node/receive"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wim"
)

// FetchOptions are what Get and Deploy have in common.
type FetchOptions struct {
	receive.Options
	DropQUIC func() bool // loses received packets of QUIC, for tests and demonstrations
	Keep     bool        // also keep the chunks in the client's own store
}

// Fetched is what Get and Deploy have to tell.
type Fetched struct {
	receive.Reception
	Name, Version string
	Hash          catalog.ManifestHash
	Size          int64         // of the content
	Total         time.Duration // from the call to the end
	ApplyLag      time.Duration // from the last chunk received to the end
	Apply         *apply.Report // of Deploy
}

// fetcher is a node in its receiving role that knows what it wants. Its folder is closed again, so that several can run at a time.
type fetcher struct {
	node   *Node
	conn   *transport.Conn
	signed *catalog.SignedManifest
	layout *catalog.Layout
	files  vfs.FS
	store  *disk.Store // nil: no store, or in use by another process
	opt    FetchOptions
}

// Get receives a content into the file at path. A second call goes on where an interrupted one was.
func Get(ctx context.Context, dir string, ref catalog.Ref, path string, replace bool, opt FetchOptions) (Fetched, error) {
	start := time.Now()
	path, err := filepath.Abs(path)
	if err != nil {
		return Fetched{}, fmt.Errorf("get %s: %w", path, err)
	}
	fsys, err := vfs.OS(filepath.Dir(path))
	if err != nil {
		return Fetched{}, fmt.Errorf("get: open the folder of %s: %w", path, err)
	}
	defer fsys.Close()
	if err := mayBeOutput(fsys, path, replace); err != nil {
		return Fetched{}, err
	}
	f, err := newFetcher(ctx, dir, ref, opt)
	if err != nil {
		return Fetched{}, err
	}
	defer f.close()
	file, err := disk.OpenAssembly(fsys, filepath.Base(path), refs(f.signed.Manifest), disk.AssemblyConfig{Replace: replace})
	if err != nil {
		return Fetched{}, fmt.Errorf("get %s: %w", path, err)
	}
	defer file.Close()
	out, err := f.receive(ctx, &fileSink{file: file, manifest: f.signed.Manifest, layout: f.layout})
	if err != nil {
		return out, fmt.Errorf("get %s: %w", castName(f.signed.Manifest), err)
	}
	if err := file.Finish(); err != nil {
		return out, fmt.Errorf("get %s: %w", path, err)
	}
	out.finish(start)
	return out, nil
}

// mayBeOutput refuses an output file before anything is received that could not get its name in the end.
func mayBeOutput(fsys vfs.FS, path string, replace bool) error {
	info, err := fsys.Lstat(filepath.Base(path))
	switch {
	case err != nil:
		return nil // not there, or what is wrong shows when it is opened
	case info.IsDir():
		return fmt.Errorf("get: %s is a folder: name a file in it", path)
	case !replace:
		return fmt.Errorf("get: %s: %w", path, fs.ErrExist)
	}
	return nil
}

// DeployOptions says how to apply.
type DeployOptions struct {
	FetchOptions
	UnixXattrs bool
	Rules      wim.Rules // which names are refused; zero: all that some file system takes for something else
	Events     func(apply.Event)
}

// Deploy receives one image of a content and applies it to the folder target as it arrives. Image 0 stands for the only one. A
// second call goes on where an interrupted one was.
func Deploy(ctx context.Context, dir string, ref catalog.Ref, target string, opt DeployOptions) (out Fetched, err error) {
	start := time.Now()
	_, old := os.Stat(target)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return Fetched{}, fmt.Errorf("deploy: make target: %w", err)
	}
	if errors.Is(old, fs.ErrNotExist) {
		defer func() {
			if err != nil {
				os.Remove(target) // unless something came into it
			}
		}()
	}
	fsys, err := vfs.OS(target)
	if err != nil {
		return Fetched{}, fmt.Errorf("deploy: open target %s: %w", target, err)
	}
	defer fsys.Close()
	f, err := newFetcher(ctx, dir, ref, opt.FetchOptions)
	if err != nil {
		return Fetched{}, err
	}
	defer f.close()
	cfg := apply.Config{Target: fsys, Image: ref.Image, UnixXattrs: opt.UnixXattrs, Rules: opt.Rules, Events: opt.Events}
	sink, err := newApplySink(cfg, f.signed, f.layout)
	if err != nil {
		return Fetched{}, err
	}
	defer func() {
		if sink.plan != nil {
			sink.plan.Close()
		}
	}()
	out, err = f.receive(ctx, sink)
	if err != nil {
		return out, fmt.Errorf("deploy %s to %s: %w", castName(f.signed.Manifest), target, vanished(err))
	}
	report, err := sink.plan.Finish(ctx)
	if err != nil {
		return out, fmt.Errorf("deploy %s to %s: %w", castName(f.signed.Manifest), target, vanished(err))
	}
	out.Apply = &report
	out.finish(start)
	return out, nil
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

// refs lists a content's chunks as package chunk wants them.
func refs(m *catalog.Manifest) []chunk.Ref {
	out := make([]chunk.Ref, len(m.Chunks))
	for i, c := range m.Chunks {
		out[i] = chunk.Ref{ID: c.ID, Size: c.Size}
	}
	return out
}

func (f *Fetched) finish(start time.Time) {
	now := time.Now()
	f.Total = now.Sub(start)
	if !f.LastChunkAt.IsZero() {
		f.ApplyLag = now.Sub(f.LastChunkAt)
	}
}

// newFetcher starts a node that receives, connects, and finds the content.
func newFetcher(ctx context.Context, dir string, ref catalog.Ref, opt FetchOptions) (*fetcher, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Wait == 0 {
		opt.Wait = receive.DefaultWait
	}
	if err := checkInterface(opt.Interface); err != nil {
		return nil, err
	}
	n, err := Open(ctx, dir, catalog.RolePeer, Options{DropQUIC: opt.DropQUIC, Log: opt.Log})
	if err != nil {
		return nil, err
	}
	n.mesh.describe("receives " + ref.String())
	f := &fetcher{node: n, opt: opt}
	if err := f.find(ctx, dir, ref); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// identityIn reads who the peer of a folder is, which may be open already. A peer's folder is free again afterwards: what
// follows may wait long.
func identityIn(ctx context.Context, dir string, open *Local) (*identity, error) {
	if open != nil {
		return identityOf(open.site)
	}
	site, err := openClient(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer site.Close()
	return identityOf(site)
}

// checkInterface refuses an interface that no group could be joined on, before anybody is asked. Which family the cast's
// group will have is not known yet.
func checkInterface(name string) error {
	_, err4 := transport.PickInterface(name, netip.IPv4Unspecified())
	if err4 == nil {
		return nil
	}
	if _, err := transport.PickInterface(name, netip.IPv6Unspecified()); err == nil {
		return nil
	}
	return err4
}

// find looks the content up, and opens the client's store unless another process of this client has it.
func (f *fetcher) find(ctx context.Context, dir string, ref catalog.Ref) error {
	p := receive.Patience{Wait: f.opt.Wait, Log: f.opt.Log, Points: f.node.self.Points}
	if err := p.Try(ctx, func() error { return f.ask(ctx, dir, ref) }); err != nil {
		return err
	}
	f.layout = f.signed.Layout
	site, err := openClient(ctx, dir)
	if err != nil {
		return err
	}
	defer site.Close()
	f.files, f.store, err = openStore(site)
	if err != nil && (f.opt.Keep || !errors.Is(err, vfs.ErrLocked)) {
		return err
	}
	return nil
}

// ask connects and gets the content's manifest.
func (f *fetcher) ask(ctx context.Context, dir string, ref catalog.Ref) error {
	conn, welcome, err := f.node.connect(ctx)
	if err != nil {
		return err
	}
	site, err := openClient(ctx, dir)
	if err == nil {
		f.signed, err = findContent(ctx, conn, welcome, site.Catalogue, ref)
		site.Close()
	}
	if err == nil {
		f.conn = conn
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

// openClient opens a client's folder. Another process may have it open for the moment in which it looks a content up.
func openClient(ctx context.Context, dir string) (*catalog.Site, error) {
	for start := time.Now(); ; {
		site, err := catalog.OpenSite(dir)
		if !errors.Is(err, catalog.ErrBusy) || ctx.Err() != nil || time.Since(start) > answerTimeout {
			return site, err
		}
	}
}

func (f *fetcher) close() {
	if f.conn != nil {
		f.conn.Close("")
	}
	f.node.Close()
	if f.store != nil {
		f.store.Close()
		f.files.Close()
	}
}

func (f *fetcher) receive(ctx context.Context, sink receive.Sink) (Fetched, error) {
	m := f.signed.Manifest
	out := Fetched{Name: m.Name, Version: m.Version, Hash: f.signed.Hash, Size: int64(m.Size)}
	if f.store != nil {
		sink = &storeSink{Sink: sink, store: f.store, keep: f.opt.Keep, manifest: m}
	}
	cfg := receive.Config{Self: f.node.key.Public(), Content: f.signed, First: f.conn, Connect: func(ctx context.Context) (*transport.Conn, error) {
		conn, _, err := f.node.connect(ctx)
		return conn, err
	}}
	f.conn = nil
	var err error
	out.Reception, err = receive.Run(ctx, cfg, sink, f.opt.Options)
	return out, err
}
