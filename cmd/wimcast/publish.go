package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/api"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/node"
)

func (a *app) publishCommand() *cli.Command {
	return &cli.Command{
		Name: "publish", Usage: "put a file or a folder into the catalogue", ArgsUsage: "PATH",
		Flags: []cli.Flag{
			dirFlag(), jsonFlag(),
			&cli.StringFlag{Name: "as", Usage: "`NAME@VERSION` of the content", Required: true},
			&cli.StringFlag{Name: "kind", Usage: "`KIND` of content: image, folder, driver, disk or file (default: folder for a directory, image for a WIM, else file)"},
			&cli.BoolFlag{Name: "replace", Usage: "replace what has this name and version"},
		},
		Action: a.publish,
	}
}

func (a *app) publish(ctx context.Context, cmd *cli.Command) error {
	got, err := args(cmd, "PATH")
	if err != nil {
		return err
	}
	name, version, err := catalog.ParseName(cmd.String("as"))
	if err != nil {
		return usageErrorf(cmd, "--as: %w", err)
	}
	req := node.PublishRequest{Name: name, Version: version, Replace: cmd.Bool("replace")}
	if kind := cmd.String("kind"); kind != "" {
		if req.Kind, err = catalog.ParseKind(kind); err != nil {
			return usageErrorf(cmd, "--kind: %w", err)
		}
	}
	if req.Path, err = filepath.Abs(got[0]); err != nil { // the running node has another working directory
		return fmt.Errorf("publish %s: %w", got[0], err)
	}
	f, err := openFolder(cmd.String("dir"))
	if err != nil {
		return err
	}
	defer f.Close()
	show := a.newProgress()
	bar := show.track("publish", 0)
	res, err := f.Publish(ctx, req, func(done, total int64) { bar.set(done, total, "") })
	bar.set(res.Bytes, res.Bytes, "")
	bar.finish(err)
	show.close()
	if err != nil {
		return publishHint(err)
	}
	if cmd.Bool("json") {
		return a.printJSON(api.FromPublished(res))
	}
	if !res.Changed {
		a.notef("%s: the catalogue has exactly this already", cmd.String("as"))
		if res.NewChunks > 0 {
			a.notef("%d chunks (%s) that the store had lost are back", res.NewChunks, formatBytes(res.NewBytes))
		}
		return nil
	}
	a.notef("%s: published as %s: %s in %d chunks, of these new %d (%s)",
		cmd.String("as"), res.Kind, formatBytes(res.Bytes), res.Chunks, res.NewChunks, formatBytes(res.NewBytes))
	return nil
}

func publishHint(err error) error {
	switch {
	case errors.Is(err, catalog.ErrExists):
		return withHint(err, "choose another version, or say --replace")
	case errors.Is(err, content.ErrChanged):
		return withHint(err, "publish again when nothing writes to the file any more")
	}
	return wimHint(err)
}
