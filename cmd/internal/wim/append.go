package wim

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

func (a *app) appendCommand() *cli.Command {
	var o captureOptions
	return &cli.Command{
		Name:      "append",
		Usage:     "add a directory as one more image to a WIM file",
		ArgsUsage: "SOURCE WIMFILE [IMAGE_NAME [IMAGE_DESC]]",
		Flags: append(
			o.flags(),
			&cli.BoolFlag{Name: "create", Usage: "make WIMFILE if it is not there", Destination: &o.mayCreate},
			rebuildFlag(&o.rebuild, "write the whole file anew: slower, and leaves no holes"),
			compactFlag(&o.unsafeCompact, "as --rebuild, which is safe"),
		),
		Action: o.action(a.append),
	}
}

func (a *app) append(ctx context.Context, o captureOptions) error {
	r, err := a.newCaptureRun("append", o)
	if err != nil {
		return err
	}
	defer r.close()
	if _, err := os.Stat(r.target); errors.Is(err, fs.ErrNotExist) {
		if o.mayCreate {
			r.scan.FixLinks = !o.norpfix
			return r.create(ctx)
		}
		return withStatus(statusOpen, ui.WithHint(fmt.Errorf("append to %s: %w", r.target, err), "say --create to make it, or use capture"))
	}
	if err := r.append(ctx); err != nil {
		return captureHint(editHint(r.verb, err))
	}
	return nil
}

// append adds the source to the file that is there.
func (r *captureRun) append(ctx context.Context) error {
	opts := edit.AppendOptions{Rebuild: r.rebuild || r.unsafeCompact}
	var err error
	if opts.Options, err = r.editing(); err != nil {
		return err
	}
	if opts.Storage, err = r.storage(wim.LZX); err != nil {
		return err
	}
	if opts.Storage.Compression != nil && !opts.Rebuild {
		r.Warnf("%s keeps its compression; --rebuild changes it", r.target)
	}
	show := r.NewProgress()
	bar := show.Track("append", 0)
	opts.Progress = func(p wim.Progress) { bar.Set(p.Done, p.Total, "") }
	var stats capture.Stats
	written, err := edit.Append(ctx, r.target, opts, func(f *wim.File, info fs.FileInfo) (add edit.Addition, err error) {
		add, stats, err = r.addition(ctx, f, info)
		return add, err
	})
	bar.Finish(err)
	show.Close()
	if err != nil {
		return err
	}
	return r.report(written.Images, stats, written)
}

// addition captures the source for a file that has images already.
func (r *captureRun) addition(ctx context.Context, f *wim.File, info fs.FileInfo) (add edit.Addition, stats capture.Stats, err error) {
	r.scan.Output = info
	if err := r.freeName(f); err != nil {
		return add, stats, err
	}
	r.scan.FixLinks = r.rpfix || !r.norpfix && f.Header.Flags&wim.FlagRPFix != 0
	if err := r.openBases(ctx); err != nil {
		return add, stats, err
	}
	if err := r.openOld(f); err != nil {
		return add, stats, err
	}
	tree, stats, err := r.scanTree(ctx)
	return edit.Addition{Image: tree, From: r.from, Base: r.opts.Base, Boot: r.boot, FixedLinks: r.scan.FixLinks}, stats, err
}

// freeName checks that the image's name is not taken. One that was not chosen gets a number behind it.
func (r *captureRun) freeName(old *wim.File) error {
	taken := make(map[string]bool)
	for _, image := range old.Images() {
		taken[image.Name] = true
	}
	if r.name != nil && r.title != "" && taken[r.title] {
		return ui.WithHint(fmt.Errorf("it has an image with the name %q: %w", r.title, edit.ErrNameTaken), "choose another name: the file has %s", imageList(old.Images()))
	}
	base := r.title
	for n := 1; r.name == nil && taken[r.title]; n++ {
		r.title = fmt.Sprintf("%s (%d)", base, n)
	}
	r.scan.Name = r.title
	return nil
}
