package wim

import (
	"context"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// infoEditFlags are the options by which info changes a file.
func infoEditFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "boot", Usage: "make IMAGE the one that boots; 0 stands for none"},
		&cli.StringSliceFlag{Name: "image-property", Usage: "set an element of the image's XML: `NAME=VALUE`, as WINDOWS/VERSION/MAJOR=10"},
		&cli.BoolFlag{Name: "nocheck", Usage: "when something is changed, leave the integrity table out"},
		&cli.BoolFlag{Name: "include-integrity", Usage: "when something is changed, add an integrity table"},
	}
}

// infoEdits says whether a command line of info changes something.
func infoEdits(cmd *cli.Command) bool {
	return cmd.Args().Len() > 2 || cmd.Bool("boot") || len(cmd.StringSlice("image-property")) > 0
}

// infoEditJSON is the output of info --json where it changes a file.
type infoEditJSON struct {
	Path    string            `json:"path"`
	Image   int               `json:"image"`
	Changed map[string]string `json:"changed"` // properties and their new values
	Boot    bool              `json:"boot"`    // the image boots since now
}

// wimInfoEdit changes what a WIM file says of an image.
func (a *app) infoEdit(ctx context.Context, cmd *cli.Command) error {
	got := cmd.Args().Slice()
	if len(got) < 1 || len(got) > 4 {
		_, err := ui.Args(cmd, "WIMFILE", "IMAGE", "NEW_NAME", "NEW_DESC")
		return err
	}
	opts := edit.InfoOptions{Boot: cmd.Bool("boot")}
	var err error
	if opts.Options, err = editOptions(cmd); err != nil {
		return err
	}
	if opts.Properties, err = imageProperties(cmd); err != nil {
		return err
	}
	for i, path := range []string{"NAME", "DESCRIPTION"} {
		if len(got) > 2+i {
			opts.Properties = append(opts.Properties, edit.Property{Path: path, Value: got[2+i]})
		}
	}
	which := strings.Join(got[1:min(len(got), 2)], "")
	n, err := imageArgument(got[0], which, &opts.Options, func(w *wim.File, which string) (int, error) {
		if which == "0" && opts.Boot && len(opts.Properties) == 0 {
			return 0, nil
		}
		return imageNumber(w, which)
	})
	if err != nil {
		return err
	}
	done, err := edit.SetInfo(ctx, got[0], n, opts)
	if err != nil {
		return editHint(cmd, err)
	}
	if cmd.Bool("json") {
		out := infoEditJSON{got[0], n, map[string]string{}, done.Boot}
		for _, p := range done.Properties {
			out.Changed[p.Path] = p.Value
		}
		return a.PrintJSON(out)
	}
	for _, p := range done.Properties {
		a.Notef("%s: image %d: %s is %q now", got[0], n, p.Path, p.Value)
	}
	switch {
	case done.Boot && n == 0:
		a.Notef("%s: no image boots now", got[0])
	case done.Boot:
		a.Notef("%s: image %d boots now", got[0], n)
	case len(done.Properties) == 0:
		a.Notef("%s: nothing to change", got[0])
	}
	return nil
}

// imageProperties reads --image-property.
func imageProperties(cmd *cli.Command) ([]edit.Property, error) {
	var out []edit.Property
	for _, text := range cmd.StringSlice("image-property") {
		path, value, ok := strings.Cut(text, "=")
		if !ok || path == "" {
			return nil, ui.UsageErrorf(cmd, "--image-property %q: want NAME=VALUE", text)
		}
		out = append(out, edit.Property{Path: path, Value: value})
	}
	return out, nil
}
