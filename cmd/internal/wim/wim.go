package wim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// File is an open WIM file with the files it is in.
type File struct {
	*wim.File
	files []*os.File // the first is the one that was named
}

func (w File) Close() error {
	var errs []error
	for _, f := range w.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Open opens the WIM file at path for reading, together with the files that the globs match.
func Open(path string, globs ...string) (File, error) {
	return openNamed(path, path, globs)
}

// openNamed is Open of a file that errors may call by another name: it is then one that came through a pipe.
func openNamed(name, path string, globs []string) (File, error) {
	paths := []string{path}
	for _, glob := range globs {
		found, err := filepath.Glob(glob)
		if err != nil {
			return File{}, ui.WithHint(fmt.Errorf("find --ref %q: %w", glob, err), "write [ ] * ? of file names as [[] and so on")
		}
		if len(found) == 0 {
			return File{}, ui.WithHint(fmt.Errorf("find --ref %q: no file matches", glob), "put the glob into quotes, and check its folder")
		}
		paths = append(paths, found...)
	}
	w, err := openAll(paths, name != path)
	if err != nil {
		return File{}, ui.WIMHint(fmt.Errorf("open WIM %s: %w", name, err))
	}
	return w, nil
}

// openAll opens files as one, each of them once. The first one may hold the parts of a split set, if it came through
// a pipe.
func openAll(paths []string, piped bool) (w File, err error) {
	defer func() {
		if err != nil {
			_ = w.Close() // they were only read
		}
	}()
	var inputs []wim.Input
	var infos []os.FileInfo
	for _, path := range paths {
		info, err := os.Stat(path) // before it is opened: opening a pipe may take for ever
		if err != nil {
			return w, err
		}
		if !info.Mode().IsRegular() {
			return w, fmt.Errorf("%s is not a regular file", path)
		}
		if slices.ContainsFunc(infos, func(o os.FileInfo) bool { return os.SameFile(o, info) }) {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return w, err
		}
		w.files, infos = append(w.files, f), append(infos, info)
		inputs = append(inputs, wim.Input{R: f, Size: info.Size(), Name: path})
	}
	if piped {
		inputs[0].Name = "standard input"
		parts, err := wim.PipedParts(inputs[0])
		if err != nil {
			return w, err
		}
		inputs = append(parts, inputs[1:]...)
	}
	if len(inputs) == 1 {
		w.File, err = wim.Open(inputs[0].R, inputs[0].Size)
	} else {
		w.File, err = wim.OpenSet(inputs[0], inputs[1:]...)
	}
	return w, err
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
	return 0, ui.WithHint(fmt.Errorf("choose image: no image %q", which), "the file has %s", imageList(images))
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
