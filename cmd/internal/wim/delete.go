package wim

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// deleteOptions are those of delete.
type deleteOptions struct {
	changeOptions
	soft        bool
	file, image string
}

func (a *app) deleteCommand() *cli.Command {
	var o deleteOptions
	return &cli.Command{
		Name:      "delete",
		Usage:     "delete an image, or all, from a WIM file",
		ArgsUsage: "WIMFILE IMAGE|all",
		Flags:     o.flags(&cli.BoolFlag{Name: "soft", Usage: "leave the image's contents in the file, and do not write it anew", Destination: &o.soft}),
		Action:    ui.Verb(&o, a.delete, ui.Arg("WIMFILE", &o.file), ui.Arg("IMAGE", &o.image)),
	}
}

func (a *app) delete(ctx context.Context, o deleteOptions) (err error) {
	opts := edit.DeleteOptions{Soft: o.soft && !o.unsafeCompact}
	if opts.Options, err = o.editing(); err != nil {
		return err
	}
	n, err := imageArgument(o.file, o.image, &opts.Options, wholeOrOne)
	if err != nil {
		return err
	}
	return a.edit("delete", o.json, o.file, &opts.Options, func() (wim.WriterStats, error) { return edit.Delete(ctx, o.file, n, opts) })
}

// optimizeOptions are those of optimize.
type optimizeOptions struct {
	changeOptions
	file string
}

func (a *app) optimizeCommand() *cli.Command {
	var o optimizeOptions
	flags := append(o.compressFlags("as it is"), recompressFlag(&o.recompress))
	flags = append(flags, o.pipableFlags()...)
	return &cli.Command{
		Name:      "optimize",
		Usage:     "write a WIM file anew, without what no image needs",
		ArgsUsage: "WIMFILE",
		Flags:     o.flags(flags...),
		Action:    ui.Verb(&o, a.optimize, ui.Arg("WIMFILE", &o.file)),
	}
}

func (a *app) optimize(ctx context.Context, o optimizeOptions) error {
	opts, err := o.editing()
	if err != nil {
		return err
	}
	w, err := Open(o.file)
	if err != nil {
		return err
	}
	before, kind := w.Size(), w.Header.Compression
	if err := w.Close(); err != nil {
		return err
	}
	storage, err := o.storage(kind)
	if err != nil {
		return err
	}
	err = a.edit("optimize", o.json, o.file, &opts, func() (wim.WriterStats, error) { return edit.Optimize(ctx, o.file, storage, opts) })
	if err == nil && !o.json {
		a.Notef("it had %s before", ui.FormatBytes(before))
	}
	return err
}
