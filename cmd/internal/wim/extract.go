package wim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf16"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

// maxList bounds what is read of a list of paths, in bytes.
const maxList = 64 << 20

// extractOptions are those of extract.
type extractOptions struct {
	applyOptions
	dir                       string
	stdout, literal, nullglob bool
	keep                      bool // the directories above each path
	file, image               string
	paths                     []string
}

func (a *app) extractCommand() *cli.Command {
	var o extractOptions
	return &cli.Command{
		Name:      "extract",
		Usage:     "write files or directories of an image to a directory, or to standard output",
		ArgsUsage: "WIMFILE IMAGE [PATH | @LISTFILE]...",
		Description: "A PATH starts at the image's root; '*' and '?' in it stand for other characters of a name. It comes to stand in the directory by\n" +
			"its last name. A LISTFILE has one path per line, '#' and ';' begin comments; \"@-\" is standard input. Its paths keep the directories above them.\n" +
			"Files that are there by the same name are replaced. Without a PATH all of the image is extracted.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "dest-dir", Usage: "write to `DIR`", Value: ".", Destination: &o.dir},
			&cli.BoolFlag{Name: "to-stdout", Usage: "write files' contents to standard output, one after another", Destination: &o.stdout},
			&cli.BoolFlag{Name: "no-globs", Aliases: []string{"no-wildcards"}, Usage: "treat '*' and '?' as they are", Destination: &o.literal},
			&cli.BoolFlag{Name: "nullglob", Usage: "a path that names nothing is a warning, not an error", Destination: &o.nullglob},
			&cli.BoolFlag{Name: "preserve-dir-structure", Usage: "keep the directories above each path", Destination: &o.keep},
		}, o.flags()...),
		Action: ui.Verb(&o, a.extract, ui.Arg("WIMFILE", &o.file), ui.OptionalArg("IMAGE", &o.image), ui.OtherArgs("PATH", &o.paths)),
	}
}

func (a *app) extract(ctx context.Context, o extractOptions) error {
	w, opts, err := a.openForApply(ctx, o.applyOptions, o.file)
	if err != nil {
		return err
	}
	defer w.Close()
	n, err := imageNumber(w.File, o.image)
	if err != nil {
		return err
	}
	picks, err := a.picks(o.paths, o.keep)
	if err != nil {
		return err
	}
	image, err := w.Tree(n)
	if err != nil {
		return ui.WIMHint(fmt.Errorf("read image %d of %s: %w", n, o.file, err))
	}
	part, none, err := apply.Select(image, picks, o.selecting())
	if err != nil {
		return ui.WIMHint(fmt.Errorf("read image %d of %s: %w", n, o.file, err))
	}
	for _, p := range none {
		if !o.nullglob {
			return ui.WithHint(fmt.Errorf("extract from image %d of %s: no such path: %s", n, o.file, p.Path),
				"see 'wimcast wim dir %s %d'; paths start at the image's root, and --nullglob skips what is missing", o.file, n)
		}
		a.Warnf("no such path: %s", p.Path)
	}
	if o.stdout {
		return a.extractToStdout(ctx, o, w, image, picks)
	}
	return a.extractTo(ctx, o, w, n, part, opts)
}

// selecting says how paths are looked for.
func (o *extractOptions) selecting() apply.SelectOptions {
	return apply.SelectOptions{Literal: o.literal, FoldCase: ignoreCase()}
}

func (a *app) extractTo(ctx context.Context, o extractOptions, w File, n int, part *wim.Image, opts apply.FileOptions) error {
	if err := os.Mkdir(o.dir, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return ui.WithHint(fmt.Errorf("make directory: %w", err), "name with --dest-dir a directory, or one below a directory that is there")
	}
	show := a.NewProgress()
	bar := show.Track("extract", 0)
	opts.Progress = func(done, total int64) { bar.Set(done, total, "") }
	opts.Events = a.damageTold(opts)
	report, err := apply.Extract(ctx, w.File, n, part, o.dir, opts)
	bar.Finish(err)
	show.Close()
	if err != nil {
		return ui.ApplyHint(fmt.Errorf("extract from image %d to %s: %w", n, o.dir, err))
	}
	return a.tellApplied(o.json, n, o.dir, report)
}

// extractToStdout writes the contents of files. All are looked at before the first byte is written.
func (a *app) extractToStdout(ctx context.Context, o extractOptions, w File, image *wim.Tree, picks []apply.Pick) error {
	var files []*wim.Dentry
	for _, p := range picks {
		found, err := o.selecting().Find(image, p.Path)
		if err != nil {
			return ui.WIMHint(err)
		}
		for _, d := range found {
			if d.IsDir() || d.IsReparse() {
				return ui.WithHint(fmt.Errorf("extract /%s to standard output: it is not a regular file", d.Path()), "leave --to-stdout out")
			}
			files = append(files, d.Dentry)
		}
	}
	for _, d := range files {
		if d.Data().IsZero() {
			continue
		}
		res, ok := w.Lookup(d.Data())
		if !ok {
			return ui.WIMHint(fmt.Errorf("extract /%s: %w", d.Path(), wim.ErrMissing))
		}
		r, err := w.Open(res)
		if err == nil {
			_, err = io.Copy(a.Out, contextReader{ctx, r})
		}
		if o.recoverData && errors.Is(err, wim.ErrHash) {
			a.Warnf("damaged, and written all the same: %s", d.Path())
			err = nil
		}
		if err != nil {
			return ui.WIMHint(fmt.Errorf("extract /%s: %w", d.Path(), err))
		}
	}
	return nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// picks reads the paths of the command line; none is all of the image.
func (a *app) picks(paths []string, keep bool) ([]apply.Pick, error) {
	var out []apply.Pick
	for _, p := range paths {
		list, is := strings.CutPrefix(p, "@")
		if !is {
			out = append(out, apply.Pick{Path: p, Keep: keep})
			continue
		}
		text, err := a.readList(list)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
				out = append(out, apply.Pick{Path: line, Keep: true})
			}
		}
	}
	if len(paths) == 0 {
		out = append(out, apply.Pick{Path: "/"})
	}
	return out, nil
}

// readList reads a list of paths, UTF-8 or UTF-16LE with a byte order mark.
func (a *app) readList(name string) (string, error) {
	in := a.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", ui.WithHint(fmt.Errorf("read list of paths: %w", err), "a path that begins with '@' is written /@...")
		}
		defer f.Close()
		in = f
	}
	b, err := readUpTo(in, maxList)
	if err != nil {
		return "", fmt.Errorf("read list of paths %s: %w", name, err)
	}
	if rest, is := bytes.CutPrefix(b, []byte{0xff, 0xfe}); is {
		units := make([]uint16, len(rest)/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(rest[2*i:])
		}
		return string(utf16.Decode(units)), nil
	}
	return string(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))), nil
}
