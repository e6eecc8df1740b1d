package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/wim"
)

func (a *app) wimCaptureCommand() *cli.Command {
	return &cli.Command{
		Name:      "capture",
		Usage:     "store a directory as a WIM file of one image",
		ArgsUsage: "SOURCE WIMFILE [IMAGE_NAME [IMAGE_DESC]]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "compress", Usage: "compression `TYPE`: none or XPRESS", Value: "XPRESS"},
			&cli.BoolFlag{Name: "boot", Usage: "mark the image as the one that boots"},
			&cli.BoolFlag{Name: "check", Usage: "add an integrity table"},
			&cli.IntFlag{Name: "threads", Usage: "use `N` threads; 0 is one a processor"},
			&cli.BoolFlag{Name: "unix-data", Usage: "keep owner, group, mode and device numbers"},
			jsonFlag(),
		},
		Action: a.wimCapture,
	}
}

// captureJSON is the output of capture --json.
type captureJSON struct {
	Path      string `json:"path"`
	Dirs      int    `json:"dirs"`
	Files     int    `json:"files"`
	Bytes     int64  `json:"bytes"`
	Resources int    `json:"resources"`
	Size      int64  `json:"size"`
	Skipped   int    `json:"skipped"`
}

func (a *app) wimCapture(ctx context.Context, cmd *cli.Command) error {
	source, target, opts, err := captureOptions(cmd)
	if err != nil {
		return err
	}
	show := a.newProgress()
	bar := show.track("capture", 0)
	opts.Progress = func(p wim.Progress) { bar.set(p.Done, p.Total, "") }
	opts.Warn = func(path, what string) { a.notef("skipped %s: %s", path, what) }
	stats, err := captureTo(ctx, target, source, opts)
	bar.finish(err)
	show.close()
	if err != nil {
		return wimHint(fmt.Errorf("capture %s: %w", source, err))
	}
	result := captureJSON{
		Path: target, Dirs: stats.Dirs, Files: stats.Files, Bytes: stats.Bytes,
		Resources: stats.Resources, Size: stats.Size, Skipped: stats.Skipped,
	}
	if cmd.Bool("json") {
		return a.printJSON(result)
	}
	a.notef("%s: %d files in %d folders, %s, stored in %s", target, stats.Files, stats.Dirs, formatBytes(stats.Bytes), formatBytes(stats.Size))
	return nil
}

// captureOptions reads the arguments and options of capture.
func captureOptions(cmd *cli.Command) (source, target string, opts wim.CaptureOptions, err error) {
	got := cmd.Args().Slice()
	if len(got) > 2 && len(got) <= 4 {
		opts.Name = got[2]
		if len(got) == 4 {
			opts.Description = got[3]
		}
		got = got[:2]
	} else if got, err = args(cmd, "SOURCE", "WIMFILE"); err != nil {
		return "", "", opts, err
	}
	switch kind := cmd.String("compress"); strings.ToLower(kind) {
	case "none":
		opts.Compression = wim.None
	case "xpress", "fast":
		opts.Compression = wim.XPRESS
	default:
		return "", "", opts, usageErrorf(cmd, "--compress %q: want none or XPRESS", kind)
	}
	if opts.Threads = cmd.Int("threads"); opts.Threads < 0 {
		return "", "", opts, usageErrorf(cmd, "--threads %d: want 0 or more", opts.Threads)
	}
	if cmd.Bool("boot") {
		opts.BootIndex = 1
	}
	opts.Check = cmd.Bool("check")
	opts.UnixData = cmd.Bool("unix-data")
	return got[0], got[1], opts, nil
}

// captureTo captures source into a file that gets the name target only when it is complete and on disk.
func captureTo(ctx context.Context, target, source string, opts wim.CaptureOptions) (stats wim.CaptureStats, err error) {
	err = replaceFile(target, func(f *os.File) error {
		var err error
		stats, err = wim.Capture(ctx, f, source, opts)
		return err
	})
	return stats, err
}
