package wim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

// wholeOptions are those of apply.
type wholeOptions struct {
	applyOptions
	rpfix, norpfix      bool
	file, image, target string
}

func (a *app) applyCommand() *cli.Command {
	var o wholeOptions
	return &cli.Command{
		Name:      "apply",
		Usage:     "write an image's files to a directory",
		ArgsUsage: "WIMFILE [IMAGE | all] TARGET",
		Description: "TARGET is made if it is not there. In one that holds other things, files by the same names are replaced and directories merged, once all of\n" +
			"the image is on the disk and checked. A directory never takes the place of something else, nor something else that of a directory.\n" +
			"WIMFILE may be \"-\": then standard input is read to its end into the folder for temporary files (TMPDIR) first.",
		Flags: append([]cli.Flag{
			rpfixFlag(&o.rpfix, "have absolute links lead into the target, where they led into what was captured (default: if the file says so)"),
			norpfixFlag(&o.norpfix, "leave absolute links as they are"),
			ui.UnixXattrsFlag(&o.unixXattrs),
		}, o.flags()...),
		Action: ui.Verb(&o, a.apply, ui.Arg("WIMFILE", &o.file), ui.OptionalArg("IMAGE", &o.image), ui.Arg("TARGET", &o.target)),
	}
}

// applyOptions are those that apply and extract share.
type applyOptions struct {
	check                      bool
	ref                        []string
	unixData, unixXattrs       bool
	noACLs, strictACLs         bool
	noAttributes, invalidNames bool
	recoverData, json          bool
	wimboot                    bool    // refused
	verbose                    bool    // taken, and without effect, as in wimlib-imagex
	compact                    *string // refused
}

func (o *applyOptions) flags() []cli.Flag {
	return []cli.Flag{
		checkFlag(&o.check, "verify the whole file first"),
		refFlag(&o.ref),
		unixDataFlag(&o.unixData, "set owner, group and mode where the image has them"),
		noACLsFlag(&o.noACLs, "leave security descriptors as the target makes them"),
		strictACLsFlag(&o.strictACLs, "fail where a security descriptor, or with --unix-data an owner, cannot be set"),
		&cli.BoolFlag{Name: "no-attributes", Usage: "leave attributes (hidden, system, ...) as the target makes them", Destination: &o.noAttributes},
		ui.InvalidNamesFlag(&o.invalidNames, "write names with colons or backslashes too, and to an NTFS volume all that Windows cannot hold"),
		wimbootFlag(&o.wimboot, ""),
		&ui.TextFlag{Name: "compact", Hidden: true, Destination: &o.compact},
		&cli.BoolFlag{Name: "recover-data", Usage: "write contents that are damaged too, and report which files they are", Destination: &o.recoverData},
		ui.JSONFlag(&o.json), verboseFlag(&o.verbose, ""),
	}
}

// files returns what package apply takes.
func (o *applyOptions) files() (apply.FileOptions, error) {
	switch {
	case o.wimboot:
		return apply.FileOptions{}, withStatus(statusUnsupported, ui.WithHint(
			ui.Usagef("--wimboot is not supported"), "pointer files need Windows' own driver: apply the files themselves, or use wimlib-imagex on Windows",
		))
	case o.compact != nil && !slices.Contains([]string{"xpress4k", "xpress8k", "xpress16k", "lzx"}, *o.compact):
		return apply.FileOptions{}, ui.Usagef("--compact=%s: want xpress4k, xpress8k, xpress16k or lzx; but it is not supported", *o.compact)
	case o.compact != nil:
		return apply.FileOptions{}, withStatus(statusUnsupported, ui.WithHint(ui.Usagef("--compact is not supported"), "apply without it, then on Windows run: compact /c /s /exe"))
	case o.noACLs && o.strictACLs:
		return apply.FileOptions{}, contradiction("--no-acls with --strict-acls: say one of them")
	}
	return apply.FileOptions{
		Recover: o.recoverData,
		Rules:   wim.Rules{AllowCaseClash: true, AllowPOSIXNames: true, AllowWindowsNames: o.invalidNames},
		NoACLs:  o.noACLs, StrictACLs: o.strictACLs, NoAttributes: o.noAttributes,
		NoUnix: !o.unixData, UnixXattrs: o.unixXattrs,
	}, nil
}

func (a *app) apply(ctx context.Context, o wholeOptions) error {
	w, opts, err := a.openForApply(ctx, o.applyOptions, o.file)
	if err != nil {
		return err
	}
	defer w.Close()
	images, err := imagesToApply(w.File, o.image)
	if err != nil {
		return err
	}
	if o.rpfix && o.norpfix {
		return contradiction("--rpfix with --norpfix: say one of them")
	}
	fix := w.Header.Flags&wim.FlagRPFix != 0 && !o.norpfix || o.rpfix
	for _, image := range images {
		dir := filepath.Join(o.target, image.folder)
		if fix {
			if opts.LinkRoot, err = absolute(dir); err != nil {
				return err
			}
		}
		if err := a.applyOne(ctx, o, w, image.number, dir, opts); err != nil {
			return err
		}
	}
	return nil
}

// openForApply opens the WIM file that a command names, with those of --ref, and verifies it if --check says so. What
// package apply takes comes with it: options that do not go together are refused first.
func (a *app) openForApply(ctx context.Context, o applyOptions, path string) (File, apply.FileOptions, error) {
	opts, err := o.files()
	if err != nil {
		return File{}, opts, err
	}
	w, err := a.openOrSpool(path, o.ref)
	if err != nil {
		return w, opts, err
	}
	if o.check {
		if err := w.Verify(ctx, nil); err != nil {
			err = integrityFirst(ctx, w, err)
			return w, opts, errors.Join(ui.WIMHint(fmt.Errorf("verify %s: %w", path, err)), w.Close())
		}
	}
	return w, opts, nil
}

// openOrSpool is Open that takes "-" for standard input, which is read into a temporary file: a WIM file is not used
// front to back.
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

// imagesToApply returns the one image that is named, for the target itself, or of "all" each for a folder of its name;
// of its number where the name is none that a folder may have.
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

// absolute returns the path of a target without symbolic links, as far as it is there.
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

func (a *app) applyOne(ctx context.Context, o wholeOptions, w File, n int, dir string, opts apply.FileOptions) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return ui.WithHint(fmt.Errorf("apply image %d of %s to %s: it is a device", n, o.file, dir),
			"mount the NTFS volume and name the directory: mount -t ntfs-3g -o streams_interface=windows %s /mnt", dir)
	}
	report, err := Apply(ctx, a.UI, w, n, dir, opts)
	if err != nil {
		return ui.ApplyHint(fmt.Errorf("apply image %d of %s to %s: %w", n, o.file, dir, err))
	}
	return a.tellApplied(o.json, n, dir, report)
}

// damageTold returns what warns of every file that is written although it is damaged; nil where none is.
func (a *app) damageTold(opts apply.FileOptions) func(apply.Event) {
	if !opts.Recover {
		return nil
	}
	var mu sync.Mutex
	return func(e apply.Event) {
		if e, ok := e.(apply.Damaged); ok {
			mu.Lock()
			defer mu.Unlock()
			a.Warnf("damaged, and written all the same: %s, and files with the same contents", e.Path)
		}
	}
}

// tellApplied says what an apply or extract has done.
func (a *app) tellApplied(json bool, n int, dir string, report apply.Report) error {
	a.TellLost(report.Lost)
	if json {
		return a.PrintJSON(ui.AppliedTo(dir, n, report))
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
