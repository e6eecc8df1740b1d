package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

func (a *app) wimAppendCommand() *cli.Command {
	return &cli.Command{
		Name:      "append",
		Usage:     "add a directory as one more image to a WIM file",
		ArgsUsage: "SOURCE WIMFILE [IMAGE_NAME [IMAGE_DESC]]",
		Flags: append(
			captureFlags(),
			&cli.BoolFlag{Name: "create", Usage: "make WIMFILE if it is not there"},
			&cli.BoolFlag{Name: "rebuild", Usage: "write the whole file anew: slower, and leaves no holes"},
			&cli.BoolFlag{Name: "unsafe-compact", Usage: "as --rebuild, which is safe"},
			&cli.BoolFlag{Name: "not-pipable", Hidden: true},
		),
		Action: a.wimAppend,
	}
}

func (a *app) wimAppend(ctx context.Context, cmd *cli.Command) error {
	r, err := a.newCaptureRun(cmd)
	if err != nil {
		return err
	}
	defer r.close()
	fail := func(err error) error { return captureHint(fmt.Errorf("append %s to %s: %w", r.source, r.target, err)) }
	f, err := os.OpenFile(r.target, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if cmd.Bool("create") {
			r.scan.FixLinks = !cmd.Bool("norpfix")
			return r.create(ctx)
		}
		return withHint(fail(err), "say --create to make it, or use capture")
	}
	if err != nil {
		return fail(err)
	}
	defer f.Close() // what was written has been synced
	if err := r.appendTo(ctx, f); err != nil {
		return fail(err)
	}
	return nil
}

// appendTo adds the source to a file that is open.
func (r *captureRun) appendTo(ctx context.Context, f *os.File) error {
	if err := vfs.LockFile(f); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	old, err := wim.Open(f, info.Size())
	if err != nil {
		return err
	}
	if r.cmd.Bool("check") {
		if err := old.VerifyIntegrity(ctx); err != nil {
			return err
		}
	}
	if err := r.prepareAppend(ctx, old, info); err != nil {
		return err
	}
	img, stats, err := r.scanTree(ctx)
	if err != nil {
		return err
	}
	var written wim.WriterStats
	err = r.withBar(func() error {
		if r.cmd.Bool("rebuild") || r.cmd.Bool("unsafe-compact") {
			written, err = r.rebuild(ctx, old, img)
		} else {
			written, err = r.inPlace(ctx, f, info.Size(), old, img)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.report(len(old.Images())+1, stats, written)
}

// prepareAppend fits the options to the file.
func (r *captureRun) prepareAppend(ctx context.Context, old *wim.File, info fs.FileInfo) error {
	r.scan.Output = info
	if err := r.freeName(old); err != nil {
		return err
	}
	r.scan.FixLinks = r.cmd.Bool("rpfix") || !r.cmd.Bool("norpfix") && old.Header.Flags&wim.FlagRPFix != 0
	if r.scan.FixLinks {
		r.opts.Flags |= wim.FlagRPFix
	}
	if r.cmd.Bool("boot") {
		r.opts.BootIndex = len(old.Images()) + 1
	}
	r.opts.NoCheck = r.cmd.Bool("nocheck")
	if !r.cmd.IsSet("compress") || old.Header.Compression == r.opts.Compression && r.opts.PieceSize == 0 {
		r.opts.Compression, r.opts.PieceSize = old.Header.Compression, old.Header.PieceSize
	}
	if err := r.openBases(ctx); err != nil {
		return err
	}
	return r.openOld(old)
}

// freeName checks that the image's name is not taken. One that was not chosen gets a number behind it.
func (r *captureRun) freeName(old *wim.File) error {
	taken := make(map[string]bool)
	for _, image := range old.Images() {
		taken[image.Name] = true
	}
	if r.named && r.name != "" && taken[r.name] {
		return withHint(fmt.Errorf("it has an image with the name %q", r.name), "choose another name: the file has %s", imageList(old.Images()))
	}
	base := r.name
	for n := 1; !r.named && taken[r.name]; n++ {
		r.name = fmt.Sprintf("%s (%d)", base, n)
	}
	r.scan.Name = r.name
	return nil
}

// inPlace writes behind the end of the file. Where it fails before the new header is there, the file gets its old length again.
func (r *captureRun) inPlace(ctx context.Context, f *os.File, size int64, old *wim.File, img *wim.Image) (written wim.WriterStats, err error) {
	var before, after [wim.HeaderSize]byte
	if _, err := f.ReadAt(before[:], 0); err != nil {
		return written, err
	}
	w, err := wim.Append(f, old, r.opts)
	if err != nil {
		return written, err
	}
	if err := w.Image(img, r.oldFile()); err != nil {
		return written, err
	}
	if written, err = w.Finish(ctx); err == nil {
		return written, f.Sync()
	}
	if _, e := f.ReadAt(after[:], 0); e == nil && before == after {
		err = errors.Join(err, f.Truncate(size))
	}
	return written, err
}

// rebuild writes the whole file anew.
func (r *captureRun) rebuild(ctx context.Context, old *wim.File, img *wim.Image) (written wim.WriterStats, err error) {
	if r.opts.BootIndex == 0 {
		r.opts.BootIndex = old.Header.BootIndex
	}
	r.opts.Flags |= old.Header.Flags & wim.FlagRPFix
	r.opts.Check = r.opts.Check || old.Header.Integrity.StoredSize > 0 && !r.opts.NoCheck
	r.opts.NoCheck = false
	r.opts.GUID = old.Header.GUID
	err = replaceFile(r.target, func(f *os.File) error {
		w, err := wim.Create(f, r.opts)
		if err != nil {
			return err
		}
		for _, info := range old.Images() {
			if err := w.CopyImage(old, info.Index, info); err != nil {
				return err
			}
		}
		if err := w.Image(img, r.oldFile()); err != nil {
			return err
		}
		written, err = w.Finish(ctx)
		return err
	})
	return written, err
}
