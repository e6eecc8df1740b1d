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

func (a *app) exportCommand() *cli.Command {
	flags := compressFlags("as the source")
	flags = append(
		flags, refFlag(),
		&cli.BoolFlag{Name: "boot", Usage: "make the image the one that boots; of all, the one that boots in the source"},
		&cli.BoolFlag{Name: "recompress", Usage: "compress again what could be copied as it is"},
		&cli.BoolFlag{Name: "rebuild", Usage: "write a file that exists anew, without holes"},
		&cli.BoolFlag{Name: "wimboot", Usage: "mark the image as made for WIMBoot; a new file gets XPRESS in pieces of 4096 bytes"},
		&cli.StringSliceFlag{Name: "delta-from", Usage: "leave out what the WIM `FILE` has"},
	)
	flags = append(flags, pipableFlags()...)
	return &cli.Command{
		Name:      "export",
		Usage:     "copy an image, or all, to a new or existing WIM file",
		ArgsUsage: "SRC_WIMFILE SRC_IMAGE|all DEST_WIMFILE [DEST_IMAGE_NAME [DEST_IMAGE_DESC]]",
		Description: "DEST_WIMFILE may be \"-\", standard output, which gets a pipable file. That is made of an ordinary one in the folder for temporary\n" +
			"files (TMPDIR), which must have room for it; a pipable file on disk likewise, of one beside it.",
		Flags:  rebuildFlags(flags...),
		Action: a.export,
	}
}

func (a *app) export(ctx context.Context, cmd *cli.Command) (err error) {
	got := cmd.Args().Slice()
	var opts edit.ExportOptions
	if len(got) > 3 && len(got) <= 5 {
		opts.Name = &got[3]
		if len(got) == 5 {
			opts.Description = &got[4]
		}
		got = got[:3]
	} else if got, err = ui.Args(cmd, "SRC_WIMFILE", "SRC_IMAGE", "DEST_WIMFILE"); err != nil {
		return err
	}
	if got[2] == "-" {
		if err := a.checkPipe(cmd); err != nil {
			return err
		}
	}
	src, err := Open(got[0], cmd.StringSlice("ref")...)
	if err != nil {
		return err
	}
	defer src.Close()
	n, err := wholeOrOne(src.File, got[1])
	if err != nil {
		return err
	}
	if err := exportOptions(cmd, src.File, got[2], &opts); err != nil {
		return err
	}
	for _, path := range cmd.StringSlice("delta-from") {
		base, err := Open(path)
		if err != nil {
			return err
		}
		defer base.Close()
		opts.Base = append(opts.Base, base.File)
	}
	return a.edit(cmd, got[2], &opts.Options, func() (wim.WriterStats, error) {
		if got[2] == "-" {
			return edit.ExportTo(ctx, src.File, n, a.Out, opts)
		}
		return edit.Export(ctx, src.File, n, got[2], opts)
	})
}

// exportOptions reads the options of export.
func exportOptions(cmd *cli.Command, src *wim.File, dest string, opts *edit.ExportOptions) error {
	kind, own := src.Header.Compression, false
	if _, err := os.Stat(dest); err != nil && !cmd.IsSet("compress") {
		kind, own = newCompression(cmd, kind)
	}
	var err, err2 error
	opts.Options, err = editOptions(cmd)
	opts.Storage, err2 = storageOptions(cmd, kind)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	opts.Boot, opts.WIMBoot = cmd.Bool("boot"), cmd.Bool("wimboot")
	opts.Rebuild = cmd.Bool("rebuild") || cmd.Bool("unsafe-compact")
	if own {
		opts.Compression = edit.Compress(kind)
		if opts.WIMBoot && opts.PieceSize == 0 {
			opts.PieceSize = wimbootPiece
		}
	}
	return nil
}

// newCompression is what a new file has without --compress, and whether that follows from other options: then it is not what unless says.
func newCompression(cmd *cli.Command, unless wim.Compression) (kind wim.Compression, own bool) {
	switch {
	case cmd.Bool("wimboot"):
		return wim.XPRESS, true
	case cmd.Bool("solid"):
		return wim.LZMS, true
	}
	return unless, false
}
