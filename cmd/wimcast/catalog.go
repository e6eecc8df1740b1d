package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/api"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
)

// catalogOptions are those of the verbs of catalog.
type catalogOptions struct {
	dir     string
	json    bool
	content string // NAME[@VERSION]
}

func (a *app) catalogCommand() *cli.Command {
	var o catalogOptions
	flags := []cli.Flag{ui.DirFlag(&o.dir), ui.JSONFlag(&o.json)}
	return &cli.Command{
		Name: "catalog", Usage: "look at and tend the catalogue of a distribution point",
		Commands: []*cli.Command{
			{Name: "ls", Usage: "list the contents", Flags: flags, Action: ui.Verb(&o, a.catalogLs)},
			{Name: "show", Usage: "describe one content", ArgsUsage: "NAME[@VERSION]", Flags: flags, Action: ui.Verb(&o, a.catalogShow, ui.Arg("NAME[@VERSION]", &o.content))},
			{Name: "rm", Usage: "remove a content from the catalogue", ArgsUsage: "NAME@VERSION", Flags: flags, Action: ui.Verb(&o, a.catalogRm, ui.Arg("NAME@VERSION", &o.content))},
			{Name: "verify", Usage: "read every chunk and check it", Flags: flags, Action: ui.Verb(&o, a.catalogVerify)},
			{Name: "gc", Usage: "free the chunks that no content needs", Flags: flags, Action: ui.Verb(&o, a.catalogGC)},
		},
	}
}

func (a *app) catalogLs(ctx context.Context, o catalogOptions) error {
	list, err := listContents(ctx, o.dir)
	if err != nil {
		return err
	}
	for _, c := range list {
		if o.json {
			err = a.PrintJSON(api.FromContent(c))
		} else {
			err = a.Printf("%-32s %-8s %12s %8d chunks\n", c.Name+"@"+c.Version, c.Kind, ui.FormatBytes(c.Bytes), c.Chunks)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func listContents(ctx context.Context, dir string) ([]node.Content, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Contents(ctx)
}

func (a *app) catalogShow(ctx context.Context, o catalogOptions) error {
	ref, err := catalog.ParseRef(o.content)
	if err != nil {
		return ui.Usagef("%w", err)
	}
	list, err := listContents(ctx, o.dir)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(c node.Content) bool { return c.Name != ref.Name || ref.Version != "" && c.Version != ref.Version })
	if len(list) == 0 {
		return unknownHint(fmt.Errorf("show %s: %w", o.content, catalog.ErrUnknown))
	}
	for _, c := range list {
		if o.json {
			err = a.PrintJSON(api.FromContent(c))
		} else {
			err = a.Printf("Content:  %s@%s\nKind:     %s\nSize:     %d bytes\nChunks:   %d\nManifest: %s\n", c.Name, c.Version, c.Kind, c.Bytes, c.Chunks, c.Manifest)
			if err == nil && !c.Kind.DigestsList() { // else it is that of no file
				err = a.Printf("BLAKE3:   %x\n", c.Digest)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unknownHint attaches what can be done about a content that is not there.
func unknownHint(err error) error {
	if errors.Is(err, catalog.ErrUnknown) {
		return ui.WithHint(err, "'wimcast catalog ls' lists what there is")
	}
	return err
}

// removedJSON is the output of catalog rm --json.
type removedJSON struct {
	Content string `json:"content"`
}

func (a *app) catalogRm(ctx context.Context, o catalogOptions) error {
	name, version, err := catalog.ParseName(o.content)
	if err != nil {
		return ui.Usagef("%w", err)
	}
	f, err := openFolder(o.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Remove(ctx, name, version); err != nil {
		return unknownHint(err)
	}
	if o.json {
		return a.PrintJSON(removedJSON{Content: name + "@" + version})
	}
	a.Notef("%s: removed; 'wimcast catalog gc' frees its space", o.content)
	return nil
}

func (a *app) catalogVerify(ctx context.Context, o catalogOptions) error {
	f, err := openFolder(o.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	res, err := f.Verify(ctx)
	if err != nil {
		return err
	}
	if o.json {
		if err := a.PrintJSON(api.VerifyResult(res)); err != nil {
			return err
		}
	}
	if bad := append(res.Damaged, res.Incomplete...); len(bad) > 0 {
		return ui.WithHint(fmt.Errorf("verify: %s", strings.Join(bad, "\n")), "publish the same files again: that puts back what is lacking")
	}
	a.Notef("%d contents, %d chunks: all good", res.Contents, res.Chunks)
	return nil
}

func (a *app) catalogGC(ctx context.Context, o catalogOptions) error {
	f, err := openFolder(o.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	res, err := f.GC(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return a.PrintJSON(api.GCResult(res))
	}
	a.Notef("%d chunks removed, %s freed, %s left", res.Chunks, ui.FormatBytes(res.BytesBefore-res.BytesAfter), ui.FormatBytes(res.BytesAfter))
	return nil
}
