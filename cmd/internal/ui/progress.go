package ui

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

// Progress shows on standard error how far several things are: a bar for each on a terminal, lines otherwise.
// Its methods and those of its trackers may be called from any goroutine.
type Progress struct {
	w    io.Writer
	bars *mpb.Progress // nil: lines
	mu   sync.Mutex    // guards w where lines are written
}

// NewProgress starts showing progress. The caller must close it.
func (u *UI) NewProgress() *Progress {
	p := &Progress{w: u.Err}
	if u.Quiet {
		p.w = io.Discard
	} else if IsTerminal(u.Err) {
		p.bars = mpb.New(mpb.WithOutput(u.Err), mpb.WithWidth(48))
	}
	return p
}

// Close ends the display; what is unfinished stays as it is.
func (p *Progress) Close() {
	if p.bars != nil {
		p.bars.Shutdown()
	}
}

// Tracker is one thing that makes progress.
type Tracker struct {
	p     *Progress
	name  string
	bar   *mpb.Bar
	start time.Time

	mu    sync.Mutex
	total int64
	last  time.Time
	note  string
	ended bool
}

// Track adds a thing of total bytes; 0 means not known yet.
func (p *Progress) Track(name string, total int64) *Tracker {
	t := &Tracker{p: p, name: name, total: total, start: time.Now()}
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

func (t *Tracker) words() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.note
}

// Set says that done of total bytes are there; note is a few words beside it ("421 Mbit/s, demoted: loss").
func (t *Tracker) Set(done, total int64, note string) {
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
		t.line(fmt.Sprintf("%3.0f %% %s of %s %s", share(done, total), FormatBytes(done), FormatBytes(total), note))
	}
}

// Finish says that the thing is complete, or why it is not going to be.
func (t *Tracker) Finish(err error) {
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
		t.line(fmt.Sprintf("done: %s in %.1f s, %s", FormatBytes(total), took.Seconds(), FormatRate(Goodput(total, took))))
	case t.bar != nil:
		t.bar.Abort(false)
	}
}

func (t *Tracker) line(text string) {
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
