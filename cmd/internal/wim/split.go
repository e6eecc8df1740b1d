package wim

import (
	"context"
	"math"
	"os"
	"strconv"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// splitOptions are those of split.
type splitOptions struct {
	writeOptions
	file, part, sizeMB string
}

func (a *app) splitCommand() *cli.Command {
	var o splitOptions
	return &cli.Command{
		Name:      "split",
		Usage:     "write a WIM file as a set of parts",
		ArgsUsage: "WIMFILE SPLIT_WIM_PART_1 PART_SIZE_MB",
		Flags:     append(o.checkFlags(), ui.JSONFlag(&o.json)),
		Action:    ui.Verb(&o, a.split, ui.Arg("WIMFILE", &o.file), ui.Arg("SPLIT_WIM_PART_1", &o.part), ui.Arg("PART_SIZE_MB", &o.sizeMB)),
	}
}

// splitJSON is the output of split --json.
type splitJSON struct {
	Parts []string `json:"parts"`
}

func (a *app) split(ctx context.Context, o splitOptions) error {
	opts, err := o.editing()
	if err != nil {
		return err
	}
	size, err := partSize(o.sizeMB)
	if err != nil {
		return err
	}
	var parts []string
	show := a.NewProgress()
	bar := show.Track("split", 0)
	opts.Progress = func(p wim.Progress) { bar.Set(p.Done, p.Total, "") }
	parts, err = edit.Split(ctx, o.file, o.part, size, opts)
	bar.Finish(err)
	show.Close()
	if err != nil {
		return editHint("split", err)
	}
	for _, part := range parts {
		if info, err := os.Stat(part); err == nil && info.Size() > size {
			a.Warnf("%s has %s: a file or solid run that is in it is not cut", part, ui.FormatBytes(info.Size()))
		}
	}
	if o.json {
		return a.PrintJSON(splitJSON{parts})
	}
	a.Notef("%s: %s, %s to %s", o.file, count(len(parts), "part"), parts[0], parts[len(parts)-1])
	return nil
}

// partSize reads a number of MiB, which may have a fraction, and returns bytes.
func partSize(s string) (int64, error) {
	v, err := strconv.ParseFloat(s, 64)
	size := v * (1 << 20)
	if err != nil || math.IsNaN(size) || size < 1 || size > 1<<62 {
		wrong := ui.Usagef("part size %q: want a number of MiB over 0, as 4000 or 0.5", s)
		if err == nil {
			wrong = withStatus(statusOptions, wrong)
		}
		return 0, wrong
	}
	return int64(size), nil
}

// joinOptions are those of join.
type joinOptions struct {
	writeOptions
	out, part string
	parts     []string // but the first
}

func (a *app) joinCommand() *cli.Command {
	var o joinOptions
	return &cli.Command{
		Name:      "join",
		Usage:     "write the parts of a split set as one WIM file",
		ArgsUsage: "OUT_WIMFILE SPLIT_WIM_PART...",
		Flags:     append(o.checkFlags(), ui.JSONFlag(&o.json)),
		Action:    ui.Verb(&o, a.join, ui.Arg("OUT_WIMFILE", &o.out), ui.Arg("SPLIT_WIM_PART", &o.part), ui.OtherArgs("SPLIT_WIM_PART", &o.parts)),
	}
}

func (a *app) join(ctx context.Context, o joinOptions) error {
	opts, err := o.editing()
	if err != nil {
		return err
	}
	parts := append([]string{o.part}, o.parts...)
	return a.edit("join", o.json, o.out, &opts, func() (wim.WriterStats, error) { return edit.Join(ctx, o.out, parts, opts) })
}
