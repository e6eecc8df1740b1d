package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/wim"
)

func (a *app) wimApplyCommand() *cli.Command {
	return &cli.Command{
		Name:      "apply",
		Usage:     "write an image's files to a directory",
		ArgsUsage: "WIMFILE [IMAGE] TARGET",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "verify the whole file first"},
			&cli.BoolFlag{Name: "include-invalid-names", Usage: "write names that Windows cannot hold too"},
			&cli.BoolFlag{Name: "unix-xattrs", Usage: "keep in extended attributes what this file system has no other place for"},
			jsonFlag(),
		},
		Action: a.wimApply,
	}
}

// applyJSON is the output of apply --json.
type applyJSON struct {
	Target   string     `json:"target"`
	Image    int        `json:"image"`
	Dirs     int        `json:"dirs"`
	Files    int        `json:"files"`
	Links    int        `json:"links"`
	Symlinks int        `json:"symlinks"`
	Bytes    int64      `json:"bytes"`
	Lost     apply.Lost `json:"lost"`
}

func (a *app) wimApply(ctx context.Context, cmd *cli.Command) (err error) {
	got, which := cmd.Args().Slice(), ""
	if len(got) == 3 {
		which, got = got[1], []string{got[0], got[2]}
	} else if got, err = args(cmd, "WIMFILE", "TARGET"); err != nil {
		return err
	}
	path, dir := got[0], got[1]
	w, err := openWIM(path)
	if err != nil {
		return err
	}
	defer w.Close()
	n, err := imageNumber(w.File, which)
	if err != nil {
		return err
	}
	if cmd.Bool("check") {
		if err := w.Verify(ctx, nil); err != nil {
			return wimHint(fmt.Errorf("verify %s: %w", path, err))
		}
	}
	report, err := a.applyFile(ctx, w, n, dir, apply.FileOptions{
		Rules:      wim.Rules{AllowCaseClash: true, AllowWindowsNames: cmd.Bool("include-invalid-names")},
		UnixXattrs: cmd.Bool("unix-xattrs"),
	})
	if err != nil {
		return applyHint(fmt.Errorf("apply image %d of %s to %s: %w", n, path, dir, err))
	}
	if lost := lostWords(report.Lost); lost != "" {
		a.notef("not kept on this file system: %s", lost)
	}
	if cmd.Bool("json") {
		return a.printJSON(applyJSON{
			Target: dir, Image: n, Dirs: report.Dirs, Files: report.Files, Links: report.Links,
			Symlinks: report.Symlinks, Bytes: report.Bytes, Lost: report.Lost,
		})
	}
	a.notef("%s: %d files in %d folders, %s", dir, report.Files, report.Dirs, formatBytes(report.Bytes))
	return nil
}

func (a *app) applyFile(ctx context.Context, w wimFile, image int, dir string, opts apply.FileOptions) (report apply.Report, err error) {
	target, err := openTarget(dir)
	if err != nil {
		return report, err
	}
	show := a.newProgress()
	bar := show.track("apply", 0)
	opts.Progress = func(done, total int64) { bar.set(done, total, "") }
	report, err = apply.File(ctx, w.File, image, target, opts)
	bar.finish(err)
	show.close()
	return report, errors.Join(err, target.Close())
}
