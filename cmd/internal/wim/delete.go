package wim

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

func (a *app) deleteCommand() *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "delete an image, or all, from a WIM file",
		ArgsUsage: "WIMFILE IMAGE|all",
		Flags:     rebuildFlags(&cli.BoolFlag{Name: "soft", Usage: "leave the image's contents in the file, and do not write it anew"}),
		Action:    a.delete,
	}
}

func (a *app) delete(ctx context.Context, cmd *cli.Command) error {
	got, err := ui.Args(cmd, "WIMFILE", "IMAGE")
	if err != nil {
		return err
	}
	opts := edit.DeleteOptions{Soft: cmd.Bool("soft") && !cmd.Bool("unsafe-compact")}
	if opts.Options, err = editOptions(cmd); err != nil {
		return err
	}
	n, err := imageArgument(got[0], got[1], &opts.Options, wholeOrOne)
	if err != nil {
		return err
	}
	return a.edit(cmd, got[0], &opts.Options, func() (wim.WriterStats, error) { return edit.Delete(ctx, got[0], n, opts) })
}

func (a *app) optimizeCommand() *cli.Command {
	flags := append(compressFlags("as it is"), &cli.BoolFlag{Name: "recompress", Usage: "compress again what could be copied as it is"})
	flags = append(flags, pipableFlags()...)
	return &cli.Command{
		Name:      "optimize",
		Usage:     "write a WIM file anew, without what no image needs",
		ArgsUsage: "WIMFILE",
		Flags:     rebuildFlags(flags...),
		Action:    a.optimize,
	}
}

func (a *app) optimize(ctx context.Context, cmd *cli.Command) error {
	got, err := ui.Args(cmd, "WIMFILE")
	if err != nil {
		return err
	}
	opts, err := editOptions(cmd)
	if err != nil {
		return err
	}
	w, err := Open(got[0])
	if err != nil {
		return err
	}
	before, kind := w.Size(), w.Header.Compression
	if err := w.Close(); err != nil {
		return err
	}
	storage, err := storageOptions(cmd, kind)
	if err != nil {
		return err
	}
	err = a.edit(cmd, got[0], &opts, func() (wim.WriterStats, error) { return edit.Optimize(ctx, got[0], storage, opts) })
	if err == nil && !cmd.Bool("json") {
		a.Notef("it had %s before", ui.FormatBytes(before))
	}
	return err
}
