package wim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// captureOptions are those of capture and append.
type captureOptions struct {
	storeOptions
	boot                        bool
	editionID                   *string
	properties                  []string
	config                      string
	dereference, rpfix, norpfix bool
	unixData, noACLs            bool
	sourceList                  bool
	deltaFrom                   []string
	updateOf                    string
	snapshot                    bool // refused
	mayCreate                   bool // append only
	rebuild, unsafeCompact      bool // append only: every capture writes a file anew
	source, target              string
	name, description           *string
}

func (a *app) captureCommand() *cli.Command {
	var o captureOptions
	return &cli.Command{
		Name:      "capture",
		Usage:     "store a directory as a WIM file of one image",
		ArgsUsage: "SOURCE WIMFILE [IMAGE_NAME [IMAGE_DESC]]",
		Description: "WIMFILE may be \"-\", standard output, which gets a pipable file. That is made of an ordinary one in the folder for temporary\n" +
			"files (TMPDIR), which must have room for it; a pipable file on disk likewise, of one beside it.",
		Flags:  append(o.flags(), rebuildFlag(&o.rebuild, "")),
		Action: o.action(a.capture),
	}
}

func (o *captureOptions) flags() []cli.Flag {
	flags := append(o.compressFlags("LZX, with --solid LZMS"), o.checkFlags()...)
	flags = append(flags, o.pipableFlags()...)
	return append(
		flags, o.threadsFlag(), ui.JSONFlag(&o.json),
		bootFlag(&o.boot, "mark the image as the one that boots"),
		&ui.TextFlag{Name: "flags", Usage: "set FLAGS in the image's description to `EDITIONID`", Destination: &o.editionID},
		propertyFlag(&o.properties, "set `NAME=VALUE` in the image's description, as WINDOWS/VERSION/BUILD=19041; may be repeated"),
		configFlag(&o.config, "leave out what `FILE` says; without it page and hibernation files and recycle bins are left out"),
		dereferenceFlag(&o.dereference, "capture what symbolic links lead to"),
		rpfixFlag(&o.rpfix, "make absolute links into SOURCE relative to the image (the default of capture)"),
		norpfixFlag(&o.norpfix, "leave absolute links as they are"),
		unixDataFlag(&o.unixData, "keep owner, group, mode, device numbers and extended attributes; and fifos, sockets and devices"),
		noACLsFlag(&o.noACLs, "keep no security descriptors"),
		strictACLsFlag(new(bool), strictUsage),
		&cli.BoolFlag{
			Name: "source-list", Usage: "SOURCE is a list, of a file or directory and its place in the image on every line; - is standard input", Destination: &o.sourceList,
		},
		deltaFromFlag(&o.deltaFrom, "leave out contents that `WIMFILE` has: the result is read with --ref=WIMFILE; may be repeated"),
		&cli.StringFlag{Name: "update-of", Usage: "do not read files that are as they were in `[WIMFILE:]IMAGE`, going by size and time", Destination: &o.updateOf},
		wimbootFlag(&o.wimboot, wimbootUsage),
		&cli.BoolFlag{Name: "snapshot", Hidden: true, Destination: &o.snapshot},
	)
}

// action is that of capture or append.
func (o *captureOptions) action(run func(context.Context, captureOptions) error) cli.ActionFunc {
	return ui.Verb(
		o, run, ui.Arg("SOURCE", &o.source), ui.Arg("WIMFILE", &o.target), ui.GivenArg("IMAGE_NAME", &o.name), ui.GivenArg("IMAGE_DESC", &o.description),
	)
}

// What is made for WIMBoot.
const (
	wimbootConfig = "Windows/System32/WimBootCompress.ini" // where an image has its capture configuration
	wimbootPiece  = 4096                                   // bytes
)

// captureRun is one capture or append.
type captureRun struct {
	*app
	captureOptions
	verb  string // capture or append
	title string // the image's name: as given, or made up
	opts  wim.WriterOptions
	scan  capture.Options
	bases []File    // of --delta-from
	old   File      // of --update-of, unless it is a base or the target
	from  *wim.File // of the image of --update-of: where contents come from that are not read anew
}

// captureJSON is the output of capture and append with --json.
type captureJSON struct {
	Path      string `json:"path"`
	Image     int    `json:"image"`
	Name      string `json:"name"`
	Dirs      int    `json:"dirs"`
	Files     int    `json:"files"`
	Bytes     int64  `json:"bytes"`
	Resources int    `json:"resources"`
	Size      int64  `json:"size"`
	Skipped   int    `json:"skipped"`
	Excluded  int    `json:"excluded"`
	Unchanged int    `json:"unchanged"`
}

func (a *app) capture(ctx context.Context, o captureOptions) error {
	r, err := a.newCaptureRun("capture", o)
	if err != nil {
		return err
	}
	defer r.close()
	r.scan.FixLinks = !o.norpfix
	return r.create(ctx)
}

// newCaptureRun checks the options.
func (a *app) newCaptureRun(verb string, o captureOptions) (*captureRun, error) {
	r := &captureRun{app: a, captureOptions: o, verb: verb}
	if o.snapshot {
		return nil, ui.WithHint(ui.Usagef("--snapshot is not supported: Windows' shadow copies make it"), "make one yourself (LVM, btrfs, vssadmin) and capture that")
	}
	if o.solid && (o.pipable || o.target == "-") {
		return nil, ui.Usagef("--solid with --pipable: a pipable file has no solid runs")
	}
	if o.rpfix && o.norpfix {
		return nil, ui.Usagef("--rpfix with --norpfix: say one of them")
	}
	if _, err := o.piping(); err != nil {
		return nil, err
	}
	kind, _ := o.newCompression(wim.LZX)
	var err error
	if r.opts, err = o.writer(kind); err != nil {
		return nil, err
	}
	if o.wimboot && r.opts.Compression == wim.XPRESS && r.opts.PieceSize == 0 {
		r.opts.PieceSize = wimbootPiece
	}
	if o.name != nil {
		r.title = *o.name
	} else if r.title, err = defaultImageName(o.source); err != nil {
		return nil, err
	}
	return r, r.scanOptions()
}

// scanOptions reads the options that say what is captured.
func (r *captureRun) scanOptions() error {
	r.scan = capture.Options{
		Name: r.title, UnixData: r.unixData, Dereference: r.dereference, NoACLs: r.noACLs,
		Warn: func(path, what string) { r.Warnf("skipped %s: %s", path, what) },
	}
	if r.description != nil {
		r.scan.Description = *r.description
	}
	config := r.config
	if own := filepath.Join(r.source, wimbootConfig); config == "" && r.wimboot {
		if _, err := os.Stat(own); err == nil {
			config = own
		}
	}
	var err error
	r.scan.Config, err = r.readConfig(config)
	return err
}

func (r *captureRun) close() {
	for _, b := range append(r.bases, r.old) {
		_ = b.Close() // they were only read
	}
}

// create captures to a new file.
func (r *captureRun) create(ctx context.Context) error {
	fail := func(err error) error { return captureHint(fmt.Errorf("%s %s: %w", r.verb, r.source, err)) }
	if err := r.checkTarget(); err != nil {
		return fail(err)
	}
	if err := r.openBases(ctx); err != nil {
		return fail(err)
	}
	if err := r.openOld(nil); err != nil {
		return fail(err)
	}
	tree, stats, err := r.scanTree(ctx)
	if err != nil {
		return fail(err)
	}
	if r.boot {
		r.opts.BootIndex = 1
	}
	if r.scan.FixLinks {
		r.opts.Flags |= wim.FlagRPFix
	}
	var written wim.WriterStats
	err = r.withBar(func() (err error) {
		written, err = r.write(ctx, func(f *os.File) (written wim.WriterStats, err error) {
			w, err := wim.Create(f, r.opts)
			if err != nil {
				return written, err
			}
			if err := w.Image(tree, r.from); err != nil {
				return written, err
			}
			return w.Finish(ctx)
		})
		return err
	})
	if err != nil {
		return fail(err)
	}
	return r.report(1, stats, written)
}

// checkTarget refuses a target that cannot be written.
func (r *captureRun) checkTarget() error {
	if r.target == "-" {
		return r.checkPipe(r.Out)
	}
	return checkReplaceable(r.target)
}

// write has fn write a file to where it is wanted, and makes it a pipable one where that is wanted.
func (r *captureRun) write(ctx context.Context, fn func(f *os.File) (wim.WriterStats, error)) (wim.WriterStats, error) {
	if r.target == "-" {
		return edit.Pipe(ctx, r.Out, "", fn)
	}
	return edit.Create(ctx, r.target, r.pipable, fn)
}

// scanTree scans the source and sets the properties that were asked for.
func (r *captureRun) scanTree(ctx context.Context) (wim.ImageSource, capture.Stats, error) {
	items := []capture.Item{{Path: r.source}}
	if r.sourceList {
		var err error
		if items, err = r.readSourceList(); err != nil {
			return nil, capture.Stats{}, err
		}
	}
	if info, err := os.Stat(r.source); err == nil && info.Mode()&os.ModeDevice != 0 && info.Mode()&os.ModeCharDevice == 0 {
		return nil, capture.Stats{}, ui.WithHint(errors.New("it is a block device"), "mount the volume (NTFS: with ntfs-3g) and capture the directory that it is mounted on")
	}
	tree, stats, err := capture.ScanTree(ctx, items, r.scan)
	r.scan.Base = nil // only the scan needs it
	if err != nil {
		return nil, stats, err
	}
	props := r.properties
	if r.editionID != nil {
		props = append([]string{"FLAGS=" + *r.editionID}, props...)
	}
	info, _ := tree.Head()
	if r.wimboot {
		props = append(props, "WIMBOOT=1")
	}
	for _, p := range props {
		if err := setProperty(info, p); err != nil {
			return nil, stats, err
		}
	}
	return tree, stats, nil
}

// withBar runs what writes the file with a bar that shows how far it is.
func (r *captureRun) withBar(write func() error) error {
	show := r.NewProgress()
	bar := show.Track(r.verb, 0)
	r.opts.Progress = func(p wim.Progress) { bar.Set(p.Done, p.Total, "") }
	err := write()
	bar.Finish(err)
	show.Close()
	return err
}

// report tells what was done.
func (r *captureRun) report(image int, s capture.Stats, w wim.WriterStats) error {
	if s.Fixed > 0 {
		r.Notef("%d absolute links were made relative to the image; --norpfix leaves them as they are", s.Fixed)
	}
	if r.json {
		return r.PrintJSON(captureJSON{
			Path: r.target, Image: image, Name: r.title, Dirs: s.Dirs, Files: s.Files, Bytes: s.Bytes,
			Resources: w.Resources, Size: w.Size, Skipped: s.Skipped, Excluded: s.Excluded, Unchanged: s.Unchanged,
		})
	}
	r.Notef("%s: %d files in %d folders, %s, stored in %s", r.target, s.Files, s.Dirs, ui.FormatBytes(s.Bytes), ui.FormatBytes(w.Size))
	return nil
}

// captureHint attaches what can be done about an error of a capture.
func captureHint(err error) error {
	if ui.HintOf(err) != "" {
		return err
	}
	return ui.WIMHint(err)
}
