package wim

import (
	"context"
	"errors"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// exportOptions are those of export.
type exportOptions struct {
	changeOptions
	ref, deltaFrom      []string
	boot, rebuild       bool
	source, image, dest string
	name, description   *string // of the image in dest; nil: as in source
}

func (a *app) exportCommand() *cli.Command {
	var o exportOptions
	flags := o.compressFlags("as the source")
	flags = append(
		flags, refFlag(&o.ref),
		bootFlag(&o.boot, "make the image the one that boots; of all, the one that boots in the source"),
		recompressFlag(&o.recompress),
		rebuildFlag(&o.rebuild, "write a file that exists anew, without holes"),
		wimbootFlag(&o.wimboot, wimbootUsage),
		deltaFromFlag(&o.deltaFrom, "leave out what the WIM `FILE` has"),
	)
	flags = append(flags, o.pipableFlags()...)
	return &cli.Command{
		Name:      "export",
		Usage:     "copy an image, or all, to a new or existing WIM file",
		ArgsUsage: "SRC_WIMFILE SRC_IMAGE|all DEST_WIMFILE [DEST_IMAGE_NAME [DEST_IMAGE_DESC]]",
		Description: "DEST_WIMFILE may be \"-\", standard output, which gets a pipable file. That is made of an ordinary one in the folder for temporary\n" +
			"files (TMPDIR), which must have room for it; a pipable file on disk likewise, of one beside it.",
		Flags: o.flags(flags...),
		Action: ui.Verb(
			&o, a.export, ui.Arg("SRC_WIMFILE", &o.source), ui.Arg("SRC_IMAGE", &o.image), ui.Arg("DEST_WIMFILE", &o.dest),
			ui.GivenArg("DEST_IMAGE_NAME", &o.name), ui.GivenArg("DEST_IMAGE_DESC", &o.description),
		),
	}
}

func (a *app) export(ctx context.Context, o exportOptions) error {
	if o.dest == "-" {
		if err := o.checkPipe(a.Out); err != nil {
			return err
		}
	}
	src, err := Open(o.source, o.ref...)
	if err != nil {
		return err
	}
	defer src.Close()
	n, err := wholeOrOne(src.File, o.image)
	if err != nil {
		return err
	}
	opts, err := o.exporting(src.File)
	if err != nil {
		return err
	}
	for _, path := range o.deltaFrom {
		base, err := Open(path)
		if err != nil {
			return err
		}
		defer base.Close()
		opts.Base = append(opts.Base, base.File)
	}
	return a.edit("export", o.json, o.dest, &opts.Options, func() (wim.WriterStats, error) {
		if o.dest == "-" {
			return edit.ExportTo(ctx, src.File, n, a.Out, opts)
		}
		return edit.Export(ctx, src.File, n, o.dest, opts)
	})
}

// exporting returns what package edit takes, for an export from src.
func (o *exportOptions) exporting(src *wim.File) (opts edit.ExportOptions, err error) {
	kind, own := src.Header.Compression, false
	if _, err := os.Stat(o.dest); err != nil && o.compress == nil {
		kind, own = o.newCompression(kind)
	}
	var err2 error
	opts.Options, err = o.editing()
	opts.Storage, err2 = o.storage(kind)
	if err := errors.Join(err, err2); err != nil {
		return opts, err
	}
	opts.Name, opts.Description, opts.Boot, opts.WIMBoot = o.name, o.description, o.boot, o.wimboot
	opts.Rebuild = o.rebuild || o.unsafeCompact
	if own {
		opts.Compression = edit.Compress(kind)
		if opts.WIMBoot && opts.PieceSize == 0 {
			opts.PieceSize = wimbootPiece
		}
	}
	return opts, nil
}
