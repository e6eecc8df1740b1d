package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/api"
)

func (a *app) publishCommand() *cli.Command {
	return &cli.Command{
		Name: "publish", Usage: "put a file into the catalogue", ArgsUsage: "FILE",
		Flags: []cli.Flag{
			ui.DirFlag(), ui.JSONFlag(),
			&cli.StringFlag{Name: "as", Usage: "`NAME@VERSION` of the content", Required: true},
			&cli.StringFlag{Name: "kind", Usage: "`KIND` of content: image, package, driver or raw (default: image for a WIM, else raw)"},
			&cli.BoolFlag{Name: "replace", Usage: "replace what has this name and version"},
		},
		Action: a.publish,
	}
}

func (a *app) publish(ctx context.Context, cmd *cli.Command) error {
	got, err := ui.Args(cmd, "FILE")
	if err != nil {
		return err
	}
	name, version, err := catalog.ParseName(cmd.String("as"))
	if err != nil {
		return ui.UsageErrorf(cmd, "--as: %w", err)
	}
	if kind := cmd.String("kind"); kind != "" {
		if _, err := catalog.ParseKind(kind); err != nil {
			return ui.UsageErrorf(cmd, "--kind: %w", err)
		}
	}
	path, err := filepath.Abs(got[0]) // the running node has another working directory
	if err != nil {
		return fmt.Errorf("publish %s: %w", got[0], err)
	}
	f, err := openFolder(cmd.String("dir"))
	if err != nil {
		return err
	}
	defer f.Close()
	show := a.NewProgress()
	bar := show.Track("publish", 0)
	res, err := f.Publish(ctx, api.PublishRequest{
		Path: path, Name: name, Version: version, Kind: cmd.String("kind"), Replace: cmd.Bool("replace"),
	}, func(done, total int64) { bar.Set(done, total, "") })
	bar.Set(res.Bytes, res.Bytes, "")
	bar.Finish(err)
	show.Close()
	if err != nil {
		return publishHint(err)
	}
	if cmd.Bool("json") {
		return a.PrintJSON(res)
	}
	if !res.Changed {
		a.Notef("%s: the catalogue has exactly this already", res.Content)
		if res.NewChunks > 0 {
			a.Notef("%d chunks (%s) that the store had lost are back", res.NewChunks, ui.FormatBytes(res.NewBytes))
		}
		return nil
	}
	a.Notef("%s: published as %s: %s in %d chunks, of these new %d (%s)",
		res.Content, res.Kind, ui.FormatBytes(res.Bytes), res.Chunks, res.NewChunks, ui.FormatBytes(res.NewBytes))
	return nil
}

func publishHint(err error) error {
	switch {
	case errors.Is(err, catalog.ErrExists):
		return ui.WithHint(err, "choose another version, or say --replace")
	case errors.Is(err, node.ErrChanged):
		return ui.WithHint(err, "publish again when nothing writes to the file any more")
	}
	return ui.WIMHint(err)
}
