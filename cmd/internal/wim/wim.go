package wim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

// app is what every verb gets.
type app struct{ *ui.UI }

// Command is `wimcast wim`: local work on WIM files. Arguments and options have the names wimlib-imagex gives them.
func Command(u *ui.UI) *cli.Command {
	a := &app{u}
	return &cli.Command{
		Name:  "wim",
		Usage: "work on a WIM file of this machine",
		Description: "Verbs, arguments and options are those of wimlib-imagex. An option may be cut short as long as it is clear which one is meant; --quiet goes\n" +
			"with every verb.",
		Before: func(ctx context.Context, _ *cli.Command) (context.Context, error) {
			ui.CollectOften()
			return ctx, nil
		},
		Commands: append([]*cli.Command{
			a.infoCommand(),
			a.dirCommand(),
			a.captureCommand(),
			a.appendCommand(),
			a.applyCommand(),
			a.extractCommand(),
			a.verifyCommand(),
			a.exportCommand(),
			a.deleteCommand(),
			a.optimizeCommand(),
			a.splitCommand(),
			a.joinCommand(),
			a.updateCommand(),
		}, a.otherVerbCommands()...),
	}
}

// imageNumber turns an image's number or name into its number. Empty means the only image.
func imageNumber(w *wim.File, which string) (int, error) {
	images := w.Images()
	if which == "" {
		if len(images) == 1 {
			return 1, nil
		}
		return 0, ui.WithHint(fmt.Errorf("choose image: the file has %d images", len(images)), "name one: %s", imageList(images))
	}
	if n, is := imageIndex(which); is && n >= 1 && n <= len(images) {
		return n, nil
	} else if !is {
		for _, image := range images {
			if image.Name == which {
				return image.Index, nil
			}
		}
	}
	return 0, withStatus(statusNoImage, ui.WithHint(fmt.Errorf("choose image: no image %q", which), "the file has %s", imageList(images)))
}

// imageIndex reads a number. One is an index and never a name, also where there is no such image: a script that deletes image 7 must not hit the one
// with the name "7". Only 0, which no image has, may be a name, as with wimlib-imagex.
func imageIndex(which string) (n int, is bool) {
	n, err := strconv.Atoi(strings.TrimLeft(which, " \t"))
	return n, n != 0 || errors.Is(err, strconv.ErrRange)
}

// imageList names the first few images for people.
func imageList(images []wim.ImageInfo) string {
	const most = 8
	if len(images) == 0 {
		return "no images"
	}
	var parts []string
	for _, image := range images[:min(len(images), most)] {
		parts = append(parts, fmt.Sprintf("%d (%q)", image.Index, image.Name))
	}
	if len(images) > most {
		parts = append(parts, fmt.Sprintf("... %d", len(images)))
	}
	return strings.Join(parts, ", ")
}
