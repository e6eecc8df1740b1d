package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/wim"
)

// wimCommand is `wimcast wim`: local work on WIM files. Arguments and options have the names wimlib-imagex gives them.
func (a *app) wimCommand() *cli.Command {
	return &cli.Command{
		Name:  "wim",
		Usage: "work on a WIM file of this machine",
		Commands: []*cli.Command{
			a.wimInfoCommand(),
			a.wimDirCommand(),
			a.wimCaptureCommand(),
			a.wimApplyCommand(),
			a.wimVerifyCommand(),
		},
	}
}

// wimFile is an open WIM file with the file it is in.
type wimFile struct {
	*wim.File
	f *os.File
}

func (w wimFile) Close() error { return w.f.Close() }

// openWIM opens the WIM file at path for reading.
func openWIM(path string) (wimFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return wimFile{}, fmt.Errorf("open WIM: %w", err)
	}
	w, err := func() (*wim.File, error) {
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, errors.New("not a regular file")
		}
		return wim.Open(f, info.Size())
	}()
	if err != nil {
		f.Close()
		return wimFile{}, wimHint(fmt.Errorf("open WIM %s: %w", path, err))
	}
	return wimFile{w, f}, nil
}

// wimHint attaches what can be done about an error of package wim.
func wimHint(err error) error {
	switch {
	case errors.Is(err, wim.ErrUnsupported):
		return withHint(err, "convert it first: wimlib-imagex export IN.wim all OUT.wim --compress=LZX")
	case errors.Is(err, wim.ErrCorrupt):
		return withHint(err, "the file is damaged or not a WIM file: copy it again from where it came from")
	case errors.Is(err, wim.ErrChanged):
		return withHint(err, "capture a snapshot, or stop what writes to the tree, and run it again")
	}
	return err
}

// imageNumber turns an image's number or name into its number. Empty means the only image.
func imageNumber(w *wim.File, which string) (int, error) {
	images := w.Images()
	if which == "" {
		if len(images) == 1 {
			return 1, nil
		}
		return 0, withHint(fmt.Errorf("choose image: the file has %d images", len(images)), "name one: %s", imageList(images))
	}
	for _, image := range images {
		if image.Name == which {
			return image.Index, nil
		}
	}
	if n, err := strconv.Atoi(which); err == nil && n >= 1 && n <= len(images) {
		return n, nil
	}
	return 0, withHint(fmt.Errorf("choose image: no image %q", which), "the file has %s", imageList(images))
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
