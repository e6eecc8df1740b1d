package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/api"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/node"
)

// publishOptions are those of publish.
type publishOptions struct {
	dir           string
	json, replace bool
	as, kind      string
	path          string
}

func (a *app) publishCommand() *cli.Command {
	var o publishOptions
	return &cli.Command{
		Name: "publish", Usage: "put a file or a folder into the catalogue", ArgsUsage: "PATH",
		Flags: []cli.Flag{
			ui.DirFlag(&o.dir), ui.JSONFlag(&o.json),
			&cli.StringFlag{Name: "as", Usage: "`NAME@VERSION` of the content", Required: true, Destination: &o.as},
			kindFlag(&o.kind, "", "`KIND` of content: image, folder, driver, disk or file (default: folder for a directory, image for a WIM, else file)"),
			replaceFlag(&o.replace, "replace what has this name and version"),
		},
		Action: ui.Verb(&o, a.publish, ui.Arg("PATH", &o.path)),
	}
}

// kindFlag is --kind, a kind of content.
func kindFlag(into *string, value, usage string) cli.Flag {
	return &cli.StringFlag{Name: "kind", Usage: usage, Value: value, Destination: into}
}

func (a *app) publish(ctx context.Context, o publishOptions) error {
	name, version, err := catalog.ParseName(o.as)
	if err != nil {
		return ui.Usagef("--as: %w", err)
	}
	req := node.PublishRequest{Name: name, Version: version, Replace: o.replace}
	if o.kind != "" {
		if req.Kind, err = catalog.ParseKind(o.kind); err != nil {
			return ui.Usagef("--kind: %w", err)
		}
		if info, err := os.Stat(o.path); o.kind == "package" && err == nil && !info.IsDir() {
			req.Kind = catalog.KindFile // a package was any bytes before it was a folder, and may be an installer of one file
		}
	}
	if req.Path, err = filepath.Abs(o.path); err != nil { // the running node has another working directory
		return fmt.Errorf("publish %s: %w", o.path, err)
	}
	f, err := openFolder(o.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	show := a.NewProgress()
	bar := show.Track("publish", 0)
	res, err := f.Publish(ctx, req, func(done, total int64) { bar.Set(done, total, "") })
	bar.Set(res.Bytes, res.Bytes, "")
	bar.Finish(err)
	show.Close()
	if err != nil {
		return publishHint(err)
	}
	if o.json {
		return a.PrintJSON(api.FromPublished(res))
	}
	if !res.Changed {
		a.Notef("%s: the catalogue has exactly this already", o.as)
		if res.NewChunks > 0 {
			a.Notef("%d chunks (%s) that the store had lost are back", res.NewChunks, ui.FormatBytes(res.NewBytes))
		}
		return nil
	}
	a.Notef("%s: published as %s: %s in %d chunks, of these new %d (%s)",
		o.as, res.Kind, ui.FormatBytes(res.Bytes), res.Chunks, res.NewChunks, ui.FormatBytes(res.NewBytes))
	return nil
}

func publishHint(err error) error {
	switch {
	case errors.Is(err, catalog.ErrExists):
		return ui.WithHint(err, "choose another version, or say --replace")
	case errors.Is(err, content.ErrTooLong):
		return ui.WithHint(err, "publish its parts, or a smaller image of the same disk; holes count as well")
	case errors.Is(err, vfs.ErrNoRoom):
		return ui.WithHint(err, "nothing was stored: 'wimcast catalog rm' and 'wimcast catalog gc' free room in the store, or move its folder to a larger disk")
	case errors.Is(err, content.ErrChanged):
		return ui.WithHint(err, "publish again when nothing writes to the file any more")
	}
	return ui.WIMHint(err)
}
