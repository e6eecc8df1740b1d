package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	wimverbs "github.com/wimcast/wimcast/cmd/internal/wim"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/folder"
	"github.com/wimcast/wimcast/node/receive"
	"github.com/wimcast/wimcast/wim"
)

// demoListen is where the demo's distribution point listens. So its casts go over the loopback interface, and reach every socket of this
// machine only.
const demoListen = "127.0.0.1:0"

// demo is one run of the demo.
type demo struct {
	*app
	demoPlan
	dir   string
	log   *slog.Logger
	quiet bool

	source string // the tree that every applied one must equal
}

// demoResult is what a demo found out. Times are in seconds.
type demoResult struct {
	Peers         int        `json:"peers"`
	Applied       int        `json:"applied"`
	Mismatches    int        `json:"mismatches"`
	ImageBytes    int64      `json:"image_bytes"` // of the WIM that each peer needed
	Files         int        `json:"files"`
	Seconds       float64    `json:"seconds"`      // from the first peer's start to the last one's end
	GoodputMbps   float64    `json:"goodput_mbps"` // image bytes in that time
	WireBytes     int64      `json:"wire_bytes"`   // multicast with all headers, and chunks over QUIC
	WireRatio     float64    `json:"wire_ratio"`
	ParityRepairs uint64     `json:"parity_repairs"`    // blocks, all peers
	QuicRepairs   uint64     `json:"quic_blocks"`       // blocks, all peers
	ApplyLag      float64    `json:"apply_lag_seconds"` // of the slowest peer
	LossPercent   float64    `json:"loss_percent"`
	Members       []demoPeer `json:"members"`
}

// demoPeer is one peer's part.
type demoPeer struct {
	Name          string  `json:"name"`
	Seconds       float64 `json:"seconds"`
	GoodputMbps   float64 `json:"goodput_mbps"`
	ParityRepairs uint64  `json:"parity_repairs"`
	QuicRepairs   uint64  `json:"quic_blocks"`
	ApplyLag      float64 `json:"apply_lag_seconds"`
	Mismatches    int     `json:"mismatches"`
	Error         string  `json:"error,omitempty"`

	bytes, quic int64
	files       int
	first       []apply.Difference
}

// sub is a path in the demo's folder.
func (d *demo) sub(name string) string { return filepath.Join(d.dir, name) }

func (d *demo) run(ctx context.Context) (demoResult, error) {
	if err := d.kind.prepare(d, ctx); err != nil {
		return demoResult{}, err
	}
	point, stop, err := d.serve(ctx)
	if err != nil {
		return demoResult{}, err
	}
	defer stop()
	if err := d.publish(ctx, point); err != nil {
		return demoResult{}, err
	}
	token, err := point.Token(ctx, node.TokenRequest{Addresses: []string{point.Addr().String()}})
	if err != nil {
		return demoResult{}, err
	}
	parsed, err := catalog.ParseToken(token.Token)
	if err != nil {
		return demoResult{}, err
	}
	for i := range d.peers {
		if err := node.Join(ctx, d.sub(peerName(i)), peerName(i), parsed, node.JoinOptions{}); err != nil {
			return demoResult{}, err
		}
	}
	result, err := d.deploy(ctx)
	if err != nil {
		return result, err
	}
	for _, c := range point.Status().Casts {
		result.WireBytes += int64(c.WireBytes)
	}
	d.compare(&result)
	return result, nil
}

func peerName(i int) string { return fmt.Sprintf("peer%d", i+1) }

// prepareImage makes the WIM, or the tree that a given WIM's image should become.
func (d *demo) prepareImage(ctx context.Context) error {
	if d.image != "" {
		d.source = d.sub("source")
		w, err := wimverbs.Open(d.image)
		if err != nil {
			return err
		}
		defer w.Close()
		d.Notef("applying image %d of %s here, to compare with", d.number, d.image)
		_, err = wimverbs.Apply(ctx, d.UI, w, d.number, d.source, apply.FileOptions{Rules: d.rules})
		return err
	}
	d.source, d.image = d.tree, d.sub("demo.wim")
	out, err := os.Create(d.image)
	if err != nil {
		return err
	}
	start := time.Now()
	stats, err := capture.Write(ctx, out, []capture.Source{{Dir: d.tree, Name: "demo"}}, capture.WriteOptions{
		Scan: capture.Options{UnixData: true}, Writer: wim.WriterOptions{Compression: wim.XPRESS},
	})
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("capture %s: %w", d.tree, err)
	}
	d.Notef("captured %s: %d files, %s, in a WIM of %s, %.1f s", d.tree, stats.Files, ui.FormatBytes(stats.Bytes), ui.FormatBytes(stats.File.Size), time.Since(start).Seconds())
	return nil
}

// serve starts the distribution point; stop ends it.
func (d *demo) serve(ctx context.Context) (point *node.Node, stop func(), err error) {
	dir := d.sub("distribution-point")
	if err := folder.InitSite(dir, "demo", "distribution-point"); err != nil {
		return nil, nil, err
	}
	opt := node.Options{Listen: demoListen, RateMax: d.rate, Log: d.logOf("distribution-point")}
	if point, err = node.Open(ctx, dir, catalog.RoleDistributionPoint, opt); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		point.Run(ctx)
	}()
	return point, func() {
		cancel()
		<-done
		point.Close()
	}, nil
}

func (d *demo) logOf(name string) *slog.Logger {
	if d.quiet {
		return slog.New(slog.DiscardHandler)
	}
	return d.log.With("node", name)
}

func (d *demo) publish(ctx context.Context, point *node.Node) error {
	path, err := filepath.Abs(d.image)
	if err != nil {
		return err
	}
	res, err := point.Publish(ctx, node.PublishRequest{Path: path, Name: "demo", Version: "1", Kind: d.kind.kind}, nil)
	if err != nil {
		return err
	}
	d.Notef("published %s in %d chunks; %d peers join, each losing %s of what it should receive", ui.FormatBytes(res.Bytes), res.Chunks, d.peers, ui.FormatPercent(d.loss))
	return nil
}

// deploy runs all peers at once.
func (d *demo) deploy(ctx context.Context) (demoResult, error) {
	show := d.NewProgress()
	defer show.Close()
	members := make([]demoPeer, d.peers)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range members {
		wg.Go(func() { members[i] = d.peer(ctx, i, show) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return demoResult{}, err
	}
	r := demoResult{Peers: d.peers, Seconds: time.Since(start).Seconds(), LossPercent: 100 * d.loss, Members: members}
	for _, m := range members {
		r.ImageBytes, r.Files = max(r.ImageBytes, m.bytes), max(r.Files, m.files)
		r.ParityRepairs += m.ParityRepairs
		r.QuicRepairs += m.QuicRepairs
		r.WireBytes += m.quic
		r.ApplyLag = max(r.ApplyLag, m.ApplyLag)
		if m.Error == "" {
			r.Applied++
		}
	}
	r.GoodputMbps = float64(r.ImageBytes) * 8 / r.Seconds / 1e6
	return r, nil
}

func (d *demo) peer(ctx context.Context, i int, show *ui.Progress) demoPeer {
	name := peerName(i)
	bar := show.Track(name, 0)
	opt := node.DeployOptions{Rules: d.rules}
	opt.Log, opt.Wait = d.logOf(name), time.Minute
	opt.Drop, opt.DropQUIC = loses(d.seed, uint64(2*i), d.loss), loses(d.seed, uint64(2*i+1), d.loss)
	opt.Progress = func(p receive.Progress) { bar.Set(p.Done, p.Total, progressWords(p)) }
	ref := catalog.Ref{Name: "demo", Version: "1", Image: d.number}
	target := d.target(name, &opt)
	out, err := node.Deploy(ctx, d.sub(name), ref, target, opt)
	bar.Finish(err)
	m := demoPeer{
		Name: name, Seconds: out.Total.Seconds(), GoodputMbps: ui.Goodput(out.Bytes, out.Total) / 1e6, ParityRepairs: out.Repaired,
		QuicRepairs: out.Fetched, ApplyLag: out.ApplyLag.Seconds(), bytes: out.Bytes, quic: out.QuicBytes,
	}
	if err != nil {
		m.Error = err.Error()
	} else if out.Apply != nil {
		m.files = out.Apply.Files
	}
	return m
}

// loses returns a function that says yes in a share of its calls, by a generator of its own.
func loses(seed, stream uint64, share float64) func() bool {
	if share == 0 {
		return nil
	}
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, stream))
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return r.Float64() < share
	}
}

// compare holds every applied tree against the source.
func (d *demo) compare(r *demoResult) {
	if r.ImageBytes > 0 {
		r.WireRatio = float64(r.WireBytes) / float64(r.ImageBytes)
	}
	for i := range r.Members {
		m := &r.Members[i]
		if m.Error != "" {
			continue
		}
		diff, err := d.kind.compare(d.source, filepath.Join(d.sub(m.Name+".target"), d.kind.result))
		if err != nil {
			m.Error = err.Error()
			r.Applied--
			continue
		}
		m.Mismatches, m.first = len(diff), slices.Clone(diff[:min(len(diff), 5)])
		r.Mismatches += len(diff)
	}
}

// what says what the peers have.
func (d *demo) what(r demoResult) string {
	if d.kind.tree {
		return fmt.Sprintf("%d files", r.Files)
	}
	return "the " + d.kind.kind.String()
}

// report prints the result for people.
func (d *demo) report(r demoResult) error {
	d.Printf("\n%d of %d peers %s %s (%s of it sent) in %.1f s: %s to each peer\n",
		r.Applied, r.Peers, d.kind.done, d.what(r), ui.FormatBytes(r.ImageBytes), r.Seconds, ui.FormatRate(r.GoodputMbps*1e6))
	d.Printf("on the wire %s, %.3f times that; sent %d times it would be %.3f\n\n",
		ui.FormatBytes(r.WireBytes), r.WireRatio, r.Peers, 1.058*float64(r.Peers))
	d.Printf("%-8s %9s %14s %15s %13s %10s %s\n", "peer", "time", "goodput", "parity repairs", "QUIC repairs", "apply lag", "compared with the source")
	for _, m := range r.Members {
		verdict := "equal"
		if m.Mismatches > 0 {
			verdict = fmt.Sprintf("%d differences", m.Mismatches)
		}
		if m.Error != "" {
			verdict = m.Error
		}
		d.Printf("%-8s %7.1f s %14s %15d %13d %8.2f s %s\n", m.Name, m.Seconds, ui.FormatRate(m.GoodputMbps*1e6), m.ParityRepairs, m.QuicRepairs, m.ApplyLag, verdict)
		for _, diff := range m.first {
			d.Printf("         %s: %s\n", diff.Path, diff.What)
		}
	}
	return nil
}
