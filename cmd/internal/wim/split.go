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

func (a *app) splitCommand() *cli.Command {
	return &cli.Command{
		Name:      "split",
		Usage:     "write a WIM file as a set of parts",
		ArgsUsage: "WIMFILE SPLIT_WIM_PART_1 PART_SIZE_MB",
		Flags:     append(checkFlags(), ui.JSONFlag()),
		Action:    a.split,
	}
}

// splitJSON is the output of split --json.
type splitJSON struct {
	Parts []string `json:"parts"`
}

func (a *app) split(ctx context.Context, cmd *cli.Command) error {
	got, err := ui.Args(cmd, "WIMFILE", "SPLIT_WIM_PART_1", "PART_SIZE_MB")
	if err != nil {
		return err
	}
	opts, err := editOptions(cmd)
	if err != nil {
		return err
	}
	size, err := partSize(got[2])
	if err != nil {
		return ui.UsageErrorf(cmd, "%v", err)
	}
	var parts []string
	show := a.NewProgress()
	bar := show.Track("split", 0)
	opts.Progress = func(p wim.Progress) { bar.Set(p.Done, p.Total, "") }
	parts, err = edit.Split(ctx, got[0], got[1], size, opts)
	bar.Finish(err)
	show.Close()
	if err != nil {
		return editHint(cmd, err)
	}
	for _, part := range parts {
		if info, err := os.Stat(part); err == nil && info.Size() > size {
			a.Warnf("%s has %s: a file or solid run that is in it is not cut", part, ui.FormatBytes(info.Size()))
		}
	}
	if cmd.Bool("json") {
		return a.PrintJSON(splitJSON{parts})
	}
	a.Notef("%s: %s, %s to %s", got[0], count(len(parts), "part"), parts[0], parts[len(parts)-1])
	return nil
}

// partSize reads a number of MiB, which may have a fraction, and gives bytes.
func partSize(s string) (int64, error) {
	v, err := strconv.ParseFloat(s, 64)
	size := v * (1 << 20)
	if err != nil || math.IsNaN(size) || size < 1 || size > 1<<62 {
		return 0, errPartSize(s)
	}
	return int64(size), nil
}

// errPartSize is a part size that is none.
type errPartSize string

// Error tells what is wanted.
func (e errPartSize) Error() string {
	return "part size " + strconv.Quote(string(e)) + ": want a number of MiB over 0, as 4000 or 0.5"
}

func (a *app) joinCommand() *cli.Command {
	return &cli.Command{
		Name:      "join",
		Usage:     "write the parts of a split set as one WIM file",
		ArgsUsage: "OUT_WIMFILE SPLIT_WIM_PART...",
		Flags:     append(checkFlags(), ui.JSONFlag()),
		Action:    a.join,
	}
}

func (a *app) join(ctx context.Context, cmd *cli.Command) error {
	got := cmd.Args().Slice()
	if len(got) < 2 {
		return ui.UsageErrorf(cmd, "join: missing argument %s", []string{"OUT_WIMFILE", "SPLIT_WIM_PART"}[len(got)])
	}
	opts, err := editOptions(cmd)
	if err != nil {
		return err
	}
	return a.edit(cmd, got[0], &opts, func() (wim.WriterStats, error) { return edit.Join(ctx, got[0], got[1:], opts) })
}
