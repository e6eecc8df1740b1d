package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// lineInterval is the time between two lines of one tracker where progress is written as lines.
const lineInterval = 2 * time.Second

// progress shows on standard error how far several things are: a bar for each on a terminal, lines otherwise.
// Its methods and those of its trackers may be called from any goroutine.
type progress struct {
	w    io.Writer
	bars *mpb.Progress // nil: lines
	mu   sync.Mutex    // guards w where lines are written
}

// newProgress starts showing progress. The caller must close it.
func (a *app) newProgress() *progress {
	p := &progress{w: a.err}
	if a.quiet {
		p.w = io.Discard
	} else if isTerminal(a.err) {
		p.bars = mpb.New(mpb.WithOutput(a.err), mpb.WithWidth(48))
	}
	return p
}

// close ends the display; what is unfinished stays as it is.
func (p *progress) close() {
	if p.bars != nil {
		p.bars.Shutdown()
	}
}

// tracker is one thing that makes progress.
type tracker struct {
	p     *progress
	name  string
	bar   *mpb.Bar
	start time.Time

	mu    sync.Mutex
	total int64
	last  time.Time
	note  string
	ended bool
}

// track adds a thing of total bytes; 0 means not known yet.
func (p *progress) track(name string, total int64) *tracker {
	t := &tracker{p: p, name: name, total: total, start: time.Now()}
	t.last = t.start
	if p.bars != nil {
		t.bar = p.bars.New(
			total, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
			mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR), decor.CountersKibiByte("% .1f of % .1f", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace), decor.Any(func(decor.Statistics) string { return "  " + t.words() })),
		)
	}
	return t
}

func (t *tracker) words() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.note
}

// set says that done of total bytes are there; note is a few words beside it ("421 Mbit/s, demoted: loss").
func (t *tracker) set(done, total int64, note string) {
	total = max(total, done) // what is wanted can grow while it comes
	t.mu.Lock()
	t.total, t.note = total, note
	now := time.Now()
	due := t.bar == nil && !t.ended && now.Sub(t.last) >= lineInterval
	if due {
		t.last = now
	}
	t.mu.Unlock()
	if t.bar != nil {
		t.bar.SetTotal(total, false)
		t.bar.SetCurrent(done)
		return
	}
	if due {
		t.line(fmt.Sprintf("%3.0f %% %s of %s %s", share(done, total), formatBytes(done), formatBytes(total), note))
	}
}

// finish says that the thing is complete, or why it is not going to be.
func (t *tracker) finish(err error) {
	t.mu.Lock()
	total, ended := t.total, t.ended
	t.ended = true
	t.mu.Unlock()
	switch {
	case ended:
	case err == nil && t.bar != nil:
		t.bar.SetTotal(total, true)
	case err == nil:
		took := time.Since(t.start)
		t.line(fmt.Sprintf("done: %s in %.1f s, %s", formatBytes(total), took.Seconds(), formatRate(goodput(total, took))))
	case t.bar != nil:
		t.bar.Abort(false)
	}
}

func (t *tracker) line(text string) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	fmt.Fprintf(t.p.w, "%s: %s\n", t.name, text)
}

// share is done of total in per cent.
func share(done, total int64) float64 {
	if total <= 0 {
		return 0
	}
	return 100 * float64(done) / float64(total)
}
