package wim

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// editFlags are the options by which info changes a file.
func (o *infoOptions) editFlags() []cli.Flag {
	return []cli.Flag{
		bootFlag(&o.boot, "make IMAGE the one that boots; 0 stands for none"),
		propertyFlag(&o.properties, "set an element of the image's XML: `NAME=VALUE`, as WINDOWS/VERSION/MAJOR=10"),
		nocheckFlag(&o.nocheck, "when something is changed, leave the integrity table out"),
		integrityFlag(&o.includeIntegrity, "when something is changed, add an integrity table"),
	}
}

// edits says whether a command line of info changes something.
func (o *infoOptions) edits() bool {
	return o.name != nil || o.boot || len(o.properties) > 0
}

// infoEditJSON is the output of info --json where it changes a file.
type infoEditJSON struct {
	Path    string            `json:"path"`
	Image   int               `json:"image"`
	Changed map[string]string `json:"changed"` // properties and their new values
	Boot    bool              `json:"boot"`    // the image boots since now
}

// infoEdit changes what a WIM file says of an image.
func (a *app) infoEdit(ctx context.Context, o infoOptions) (err error) {
	opts := edit.InfoOptions{Boot: o.boot}
	if opts.Options, err = o.editing(); err != nil {
		return err
	}
	if opts.Properties, err = o.newProperties(); err != nil {
		return err
	}
	n, err := imageArgument(o.file, o.image, &opts.Options, func(w *wim.File, which string) (int, error) {
		if which == "0" && opts.Boot && len(opts.Properties) == 0 {
			return 0, nil
		}
		n, err := imageNumber(w, which)
		if which == "" {
			err = withStatus(statusNoImage, err)
		}
		return n, err
	})
	if err != nil {
		return err
	}
	done, err := edit.SetInfo(ctx, o.file, n, opts)
	if err != nil {
		return editHint("info", err)
	}
	if o.json {
		out := infoEditJSON{o.file, n, map[string]string{}, done.Boot}
		for _, p := range done.Properties {
			out.Changed[p.Path] = p.Value
		}
		return a.PrintJSON(out)
	}
	for _, p := range done.Properties {
		a.Notef("%s: image %d: %s is %q now", o.file, n, p.Path, p.Value)
	}
	switch {
	case done.Boot && n == 0:
		a.Notef("%s: no image boots now", o.file)
	case done.Boot:
		a.Notef("%s: image %d boots now", o.file, n)
	case len(done.Properties) == 0:
		a.Notef("%s: nothing to change", o.file)
	}
	return nil
}

// newProperties reads --image-property, and the name and description that an image is to get.
func (o *infoOptions) newProperties() ([]edit.Property, error) {
	var out []edit.Property
	for _, text := range o.properties {
		path, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, ui.Usagef("--image-property %q: want NAME=VALUE", text)
		}
		if path == "" {
			return nil, contradiction(fmt.Sprintf("--image-property %q: want a name before the =", text))
		}
		out = append(out, edit.Property{Path: path, Value: value})
	}
	if o.name != nil {
		out = append(out, edit.Property{Path: "NAME", Value: *o.name})
	}
	if o.description != nil {
		out = append(out, edit.Property{Path: "DESCRIPTION", Value: *o.description})
	}
	return out, nil
}
