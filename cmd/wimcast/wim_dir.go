package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/wim"
)

func (a *app) wimDirCommand() *cli.Command {
	return &cli.Command{
		Name:      "dir",
		Usage:     "list the files of an image",
		ArgsUsage: "WIMFILE [IMAGE]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "path", Usage: "list only what is at or below `PATH`"},
			&cli.BoolFlag{Name: "detailed", Usage: "show attributes, times, links, streams and hashes"},
			refFlag(),
			jsonFlag(),
		},
		Action: a.wimDir,
	}
}

// fileJSON is one file in the output of dir --json.
type fileJSON struct {
	Path       string `json:"path"`
	ShortName  string `json:"short_name,omitempty"`
	Attributes uint32 `json:"attributes"`
	Dir        bool   `json:"dir,omitempty"`
	Size       int64  `json:"size"`
	Hash       string `json:"sha1,omitempty"`
	Created    string `json:"created,omitempty"`
	Accessed   string `json:"accessed,omitempty"`
	Modified   string `json:"modified,omitempty"`
	HardLink   uint64 `json:"hard_link,omitempty"`
	ReparseTag uint32 `json:"reparse_tag,omitempty"`
	Security   int32  `json:"security_id"`
}

func (a *app) wimDir(ctx context.Context, cmd *cli.Command) error {
	path, which, err := fileAndImage(cmd)
	if err != nil {
		return err
	}
	w, err := openWIM(path, cmd.StringSlice("ref")...)
	if err != nil {
		return err
	}
	defer w.Close()
	n, err := imageNumber(w.File, which)
	if err != nil {
		return err
	}
	image, err := w.Image(n)
	if err != nil {
		return wimHint(fmt.Errorf("read image %d of %s: %w", n, path, err))
	}
	below := strings.Trim(strings.ReplaceAll(cmd.String("path"), `\`, "/"), "/")
	out := bufio.NewWriter(a.out)
	list := &app{in: a.in, out: out, err: a.err}
	found := false
	err = image.Walk(func(d *wim.Dentry) error {
		at := d.Path()
		if !isBelow(at, below) {
			return ctx.Err()
		}
		found = true
		switch {
		case cmd.Bool("json"):
			return list.printJSON(describeFile(w.File, d))
		case cmd.Bool("detailed"):
			return list.printFile(describeFile(w.File, d))
		}
		return list.printf("/%s\n", at)
	})
	if err == nil && !found {
		err = withHint(fmt.Errorf("list %s: image %d has no %q", path, n, cmd.String("path")), "leave --path away to see what it has")
	}
	return errors.Join(err, out.Flush())
}

// isBelow says whether path is root or below it, without regard to case, as Windows compares names.
func isBelow(path, root string) bool {
	if root == "" || strings.EqualFold(path, root) {
		return true
	}
	return len(path) > len(root) && path[len(root)] == '/' && strings.EqualFold(path[:len(root)], root)
}

func describeFile(w *wim.File, d *wim.Dentry) fileJSON {
	f := fileJSON{
		Path: "/" + d.Path(), ShortName: d.ShortName, Attributes: d.Attributes, Dir: d.IsDir(),
		Created: formatFiletime(d.Created), Accessed: formatFiletime(d.Accessed), Modified: formatFiletime(d.Modified),
		HardLink: d.HardLink, Security: d.SecurityID,
	}
	if d.IsReparse() {
		f.ReparseTag = d.ReparseTag
	}
	if data := d.Data(); !data.IsZero() {
		f.Hash = data.String()
		if res, ok := w.Lookup(data); ok {
			f.Size = res.Size
		}
	}
	return f
}

func (a *app) printFile(f fileJSON) error {
	p := &printer{app: a}
	p.text(strings.Repeat("-", 64) + "\n")
	p.field("Full Path", f.Path)
	if f.ShortName != "" {
		p.field("Short Name", f.ShortName)
	}
	p.field("Attributes", fmt.Sprintf("0x%x", f.Attributes))
	p.field("Security ID", f.Security)
	p.field("Creation Time", f.Created)
	p.field("Last Write Time", f.Modified)
	p.field("Last Access Time", f.Accessed)
	if f.ReparseTag != 0 {
		p.field("Reparse Tag", fmt.Sprintf("0x%x", f.ReparseTag))
	}
	if f.HardLink != 0 {
		p.field("Link Group ID", f.HardLink)
	}
	if f.Hash != "" {
		p.field("Hash", f.Hash)
		p.field("Uncompressed size", fmt.Sprintf("%d bytes", f.Size))
	}
	return p.err
}
