package wim

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/internal/oserr"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// changeOptions are those of delete, optimize and export, which may write a file anew.
type changeOptions struct {
	storeOptions
	unsafeCompact bool
}

// flags returns all options of a verb that has flags beside these.
func (o *changeOptions) flags(flags ...cli.Flag) []cli.Flag {
	flags = append(flags, o.checkFlags()...)
	return append(
		flags, o.threadsFlag(), ui.JSONFlag(&o.json),
		compactFlag(&o.unsafeCompact, "write the file anew, without holes: here as safely as ever"),
	)
}

// editJSON is the output of the verbs that change a WIM file, with --json.
type editJSON struct {
	Path      string `json:"path"`
	Images    int    `json:"images"`
	Resources int    `json:"resources"` // written
	Bytes     int64  `json:"bytes"`     // of them, uncompressed
	Copied    int64  `json:"copied"`    // bytes of those that were copied as they were stored
	Size      int64  `json:"size"`      // of the file
}

// edit runs a verb that changes the file at path, with a bar, and reports what it did.
func (a *app) edit(verb string, json bool, path string, opts *edit.Options, run func() (wim.WriterStats, error)) error {
	show := a.NewProgress()
	bar := show.Track(verb, 0)
	opts.Progress = func(p wim.Progress) { bar.Set(p.Done, p.Total, "") }
	stats, err := run()
	bar.Finish(err)
	show.Close()
	if err != nil {
		return editHint(verb, err)
	}
	if json {
		return a.PrintJSON(editJSON{path, stats.Images, stats.Resources, stats.Bytes, stats.Copied, stats.Size})
	}
	a.Notef("%s: %s in %s", path, count(stats.Images, "image"), ui.FormatBytes(stats.Size))
	return nil
}

// count writes a number of things for people.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// editHint attaches what can be done about an error of package edit.
func editHint(verb string, err error) error {
	var path *edit.PathError
	switch {
	case errors.Is(err, vfs.ErrLocked):
		return ui.WithHint(err, "another program is changing this file: wait until it has finished")
	case oserr.Is(err, oserr.NoSpace):
		return ui.WithHint(err, "the disk is full, and the file is as it was: free some space and run the same command again")
	case errors.Is(err, context.Canceled):
		return ui.WithHint(err, "interrupted: the file is as it was")
	case errors.Is(err, edit.ErrReadOnly):
		return ui.WithHint(err, "export its images to a new file")
	case errors.Is(err, wim.ErrMissing):
		return ui.WithHint(err, "%s", missingHint(verb))
	case errors.As(err, &path) && path.Op != "add":
		return ui.WithHint(err, "'wimcast wim dir' lists what the image has; upper and lower case differ unless WIMLIB_IMAGEX_IGNORE_CASE is 1")
	}
	return ui.WIMHint(err)
}

// missingHint says what can be done about contents that are in other files.
func missingHint(verb string) string {
	switch verb {
	case "export":
		return "name the other parts of the split set, or what the delta was made from: --ref=\"GLOB\""
	case "join":
		return "name all parts of the set"
	}
	return "the file borrows contents from others: export its images to a new file, with --ref=\"GLOB\""
}

// wholeOrOne turns an image's number or name, or "all", into what package edit takes.
func wholeOrOne(w *wim.File, which string) (int, error) {
	if strings.EqualFold(which, "all") {
		return edit.All, nil
	}
	return imageNumber(w, which)
}

// imageArgument is the number of the image that a verb names in a file. The verb fails if it is another one by the
// time that the file is locked.
func imageArgument(path, which string, opts *edit.Options, number func(*wim.File, string) (int, error)) (int, error) {
	w, err := Open(path)
	if err != nil {
		return 0, err
	}
	n, err := number(w.File, which)
	count := len(w.Images())
	opts.Locked = func(now *wim.File) error {
		if m, err := number(now, which); err != nil || m != n || len(now.Images()) != count {
			return errors.New("another program changed its images just now; look at it and run the command again")
		}
		return nil
	}
	return n, errors.Join(err, w.Close())
}

// otherVerbs are those of wimlib-imagex that are not here, and what to do instead.
var otherVerbs = map[string]string{
	"mount":   "apply the image to a directory, or extract the files you need",
	"mountrw": "change the image with 'wimcast wim update'",
	"unmount": "there are no mounted images",
}

// otherVerbCommands tell about verbs that are not here. Help does not show them.
func (a *app) otherVerbCommands() []*cli.Command {
	var out []*cli.Command
	for verb, instead := range otherVerbs {
		out = append(out, &cli.Command{
			Name: verb, Hidden: true, SkipFlagParsing: true,
			Action: func(context.Context, *cli.Command) error {
				return withStatus(statusUnsupported, ui.WithHint(ui.Usagef("%s: wimcast does not mount images", verb), "%s", instead))
			},
		})
	}
	return out
}
