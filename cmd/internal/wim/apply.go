package wim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

func (a *app) applyCommand() *cli.Command {
	return &cli.Command{
		Name:      "apply",
		Usage:     "write an image's files to a directory",
		ArgsUsage: "WIMFILE [IMAGE | all] TARGET",
		Description: "TARGET is made if it is not there. In one that holds other things, files by the same names are replaced and directories merged, once all of\n" +
			"the image is on the disk and checked. A directory never takes the place of something else, nor something else that of a directory.\n" +
			"WIMFILE may be \"-\": then standard input is read to its end into the folder for temporary files (TMPDIR) first.",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "rpfix", Usage: "have absolute links lead into the target, where they led into what was captured (default: if the file says so)"},
			&cli.BoolFlag{Name: "norpfix", Usage: "leave absolute links as they are"},
			&cli.BoolFlag{Name: "unix-xattrs", Usage: "keep in extended attributes what this file system has no other place for"},
		}, applyFlags()...),
		Action: a.apply,
	}
}

// applyFlags are the options that apply and extract share.
func applyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "check", Usage: "verify the whole file first"},
		refFlag(),
		&cli.BoolFlag{Name: "unix-data", Usage: "set owner, group and mode where the image has them"},
		&cli.BoolFlag{Name: "no-acls", Aliases: []string{"noacls"}, Usage: "leave security descriptors as the target makes them"},
		&cli.BoolFlag{Name: "strict-acls", Usage: "fail where a security descriptor, or with --unix-data an owner, cannot be set"},
		&cli.BoolFlag{Name: "no-attributes", Usage: "leave attributes (hidden, system, ...) as the target makes them"},
		&cli.BoolFlag{Name: "include-invalid-names", Usage: "write names with colons or backslashes too, and to an NTFS volume all that Windows cannot hold"},
		&cli.BoolFlag{Name: "wimboot", Hidden: true},
		&cli.StringFlag{Name: "compact", Hidden: true},
		&cli.BoolFlag{Name: "recover-data", Usage: "write contents that are damaged too, and tell of which files they are"},
		ui.JSONFlag(),
	}
}

// applyOptions reads them, but for check and ref.
func applyOptions(cmd *cli.Command) (apply.FileOptions, error) {
	for _, refused := range []struct{ option, hint string }{
		{"wimboot", "pointer files need Windows' own driver: apply the files themselves, or use wimlib-imagex on Windows"},
		{"compact", "apply without it, then on Windows run: compact /c /s /exe"},
	} {
		if cmd.IsSet(refused.option) {
			return apply.FileOptions{}, ui.WithHint(ui.UsageErrorf(cmd, "--%s is not supported", refused.option), "%s", refused.hint)
		}
	}
	if cmd.Bool("no-acls") && cmd.Bool("strict-acls") {
		return apply.FileOptions{}, ui.UsageErrorf(cmd, "--no-acls with --strict-acls: say one of them")
	}
	return apply.FileOptions{
		Recover: cmd.Bool("recover-data"),
		Rules:   wim.Rules{AllowCaseClash: true, AllowPOSIXNames: true, AllowWindowsNames: cmd.Bool("include-invalid-names")},
		NoACLs:  cmd.Bool("no-acls"), StrictACLs: cmd.Bool("strict-acls"), NoAttributes: cmd.Bool("no-attributes"),
		NoUnix: !cmd.Bool("unix-data"), UnixXattrs: cmd.Bool("unix-xattrs"),
	}, nil
}

// applyJSON is the output of apply --json, for each image.
type applyJSON struct {
	Target   string     `json:"target"`
	Image    int        `json:"image"`
	Dirs     int        `json:"dirs"`
	Files    int        `json:"files"`
	Links    int        `json:"links"`
	Symlinks int        `json:"symlinks"`
	Bytes    int64      `json:"bytes"`
	Lost     apply.Lost `json:"lost"`
}

func (a *app) apply(ctx context.Context, cmd *cli.Command) (err error) {
	got, which := cmd.Args().Slice(), ""
	if len(got) == 3 {
		which, got = got[1], []string{got[0], got[2]}
	} else if got, err = ui.Args(cmd, "WIMFILE", "TARGET"); err != nil {
		return err
	}
	opts, err := applyOptions(cmd)
	if err != nil {
		return err
	}
	w, err := a.openForApply(ctx, cmd, got[0])
	if err != nil {
		return err
	}
	defer w.Close()
	images, err := imagesToApply(w.File, which)
	if err != nil {
		return err
	}
	if cmd.Bool("rpfix") && cmd.Bool("norpfix") {
		return ui.UsageErrorf(cmd, "--rpfix with --norpfix: say one of them")
	}
	fix := w.Header.Flags&wim.FlagRPFix != 0 && !cmd.Bool("norpfix") || cmd.Bool("rpfix")
	for _, image := range images {
		dir := filepath.Join(got[1], image.folder)
		if fix {
			if opts.LinkRoot, err = absolute(dir); err != nil {
				return err
			}
		}
		if err := a.applyOne(ctx, cmd, w, got[0], image.number, dir, opts); err != nil {
			return err
		}
	}
	return nil
}

// openForApply opens the WIM file that a command names, with those of --ref, and verifies it if that is asked for.
func (a *app) openForApply(ctx context.Context, cmd *cli.Command, path string) (File, error) {
	w, err := a.openOrSpool(path, cmd.StringSlice("ref"))
	if err != nil {
		return w, err
	}
	if cmd.Bool("check") {
		if err := w.Verify(ctx, nil); err != nil {
			return w, errors.Join(ui.WIMHint(fmt.Errorf("verify %s: %w", path, err)), w.Close())
		}
	}
	return w, nil
}

// openOrSpool is Open that takes "-" for standard input, which is read into a temporary file: a WIM file is not used front to back.
func (a *app) openOrSpool(path string, globs []string) (w File, err error) {
	if path != "-" {
		return Open(path, globs...)
	}
	f, err := os.CreateTemp("", "wimcast-spool-*")
	if err != nil {
		return w, fmt.Errorf("make a temporary file: %w", err)
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name()) // who has opened it keeps it; on Windows it stays until the folder is emptied
	}()
	if _, err := io.Copy(f, a.In); err != nil {
		return w, ui.WithHint(fmt.Errorf("read standard input to %s: %w", f.Name(), err), "the folder for temporary files needs room for the WIM file: set TMPDIR to another one")
	}
	return openNamed("on standard input", f.Name(), globs)
}

// imageToApply is an image and the folder below the target that it goes to.
type imageToApply struct {
	number int
	folder string
}

// imagesToApply gives the one image that is named, for the target itself, or of "all" each for a folder of its name; of its number where the
// name is none that a folder may have.
func imagesToApply(w *wim.File, which string) ([]imageToApply, error) {
	if !strings.EqualFold(which, "all") {
		n, err := imageNumber(w, which)
		return []imageToApply{{n, ""}}, err
	}
	var out []imageToApply
	used := map[string]bool{}
	for _, image := range w.Images() {
		name := image.Name
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || used[strings.ToUpper(name)] {
			name = strconv.Itoa(image.Index)
		}
		used[strings.ToUpper(name)] = true
		out = append(out, imageToApply{image.Index, name})
	}
	return out, nil
}

// absolute gives the path of a target without symbolic links, as far as it is there.
func absolute(dir string) (string, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find target %s: %w", dir, err)
	}
	if real, err := filepath.EvalSymlinks(full); err == nil {
		full = real
	}
	return filepath.ToSlash(full), nil
}

func (a *app) applyOne(ctx context.Context, cmd *cli.Command, w File, path string, n int, dir string, opts apply.FileOptions) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return ui.WithHint(fmt.Errorf("apply image %d of %s to %s: it is a device", n, path, dir),
			"mount the NTFS volume and name the directory: mount -t ntfs-3g -o streams_interface=windows %s /mnt", dir)
	}
	report, err := Apply(ctx, a.UI, w, n, dir, opts)
	if err != nil {
		return ui.ApplyHint(fmt.Errorf("apply image %d of %s to %s: %w", n, path, dir, err))
	}
	return a.tellApplied(cmd, n, dir, report)
}

// damageTold gives what warns of every file that is written although it is damaged; nil where none is.
func (a *app) damageTold(opts apply.FileOptions) func(apply.Event) {
	if !opts.Recover {
		return nil
	}
	var mu sync.Mutex
	return func(e apply.Event) {
		if e.Kind == apply.EventDamaged {
			mu.Lock()
			defer mu.Unlock()
			a.Warnf("damaged, and written all the same: %s, and files with the same contents", e.Path)
		}
	}
}

// tellApplied says what an apply or extract has done.
func (a *app) tellApplied(cmd *cli.Command, n int, dir string, report apply.Report) error {
	if lost := LostWords(report.Lost); lost != "" {
		a.Warnf("not kept on this file system: %s", lost)
	}
	if cmd.Bool("json") {
		return a.PrintJSON(applyJSON{
			Target: dir, Image: n, Dirs: report.Dirs, Files: report.Files, Links: report.Links,
			Symlinks: report.Symlinks, Bytes: report.Bytes, Lost: report.Lost,
		})
	}
	a.Notef("%s: %d files in %d folders, %s", dir, report.Files, report.Dirs, ui.FormatBytes(report.Bytes))
	return nil
}

// Apply applies an image to dir, which is made where it is not there, and shows progress.
func Apply(ctx context.Context, u *ui.UI, w File, image int, dir string, opts apply.FileOptions) (report apply.Report, err error) {
	a := &app{u}
	if err := makeTarget(dir); err != nil {
		return report, err
	}
	show := a.NewProgress()
	bar := show.Track("apply", 0)
	opts.Progress = func(done, total int64) { bar.Set(done, total, "") }
	opts.Events = a.damageTold(opts)
	report, err = apply.Over(ctx, w.File, image, dir, opts)
	bar.Finish(err)
	show.Close()
	return report, err
}
