package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/wim"
)

// deployOptions are those of deploy.
type deployOptions struct {
	receptionOptions
	target, disk             string
	overwrite                bool
	invalidNames, unixXattrs bool
}

func (a *app) deployCommand() *cli.Command {
	var o deployOptions
	return &cli.Command{
		Name: "deploy", Usage: "receive an image, a folder, a file or a disk and put it down as it arrives", ArgsUsage: "NAME[@VERSION][:IMAGE]",
		Flags: append(o.flags(),
			&cli.StringFlag{Name: "target", Usage: "`DIR` that becomes the root of an image or folder, empty or not there yet; or that a file comes into", Destination: &o.target},
			&cli.StringFlag{Name: "disk", Usage: "block `DEVICE` that a disk image is written over, or a file that stands for one", Destination: &o.disk},
			&cli.BoolFlag{Name: "overwrite", Usage: "write over what is on the disk, or over the file of that name", Destination: &o.overwrite},
			invalidNamesFlag(&o.invalidNames), ui.UnixXattrsFlag(&o.unixXattrs),
		),
		Action: ui.Verb(&o, a.deploy, ui.Arg("NAME[@VERSION][:IMAGE]", &o.content)),
	}
}

func (a *app) deploy(ctx context.Context, o deployOptions) error {
	ref, err := catalog.ParseRef(o.content)
	if err != nil {
		return ui.Usagef("%w", err)
	}
	if err := o.check(ref); err != nil {
		return err
	}
	where := o.target
	if o.disk != "" {
		where = o.disk
	}
	ui.CollectOften()
	opt, show, done := a.receive(o.receptionOptions)
	deploy := node.DeployOptions{
		ReceptionOptions: opt, Disk: o.disk != "", Overwrite: o.overwrite, UnixXattrs: o.unixXattrs, Rules: nameRules(o.invalidNames),
	}
	var check *ui.Tracker // nil: nothing was read back
	deploy.ReadBack = func(n, all int64) {
		if check == nil {
			done(nil)
			check = show.Track("read back", all)
		}
		check.Set(n, all, "")
	}
	out, err := node.Deploy(ctx, o.dir, ref, where, deploy)
	done(err)
	if check != nil {
		check.Finish(err)
	}
	show.Close()
	if err != nil {
		return deployHint(err)
	}
	return a.received(o.receptionOptions, out, where, max(1, ref.Image)) // without a number it is the only one
}

// check refuses what does not go together.
func (o deployOptions) check(ref catalog.Ref) error {
	switch {
	case (o.target == "") == (o.disk == ""):
		return ui.Usagef("deploy %s: want either --target DIR or --disk DEVICE", o.content)
	case o.disk != "" && ref.Image != 0:
		return ui.Usagef("deploy %s: a disk has no images; leave out the number", o.content)
	}
	return nil
}

// invalidNamesFlag is --include-invalid-names of a cast.
func invalidNamesFlag(into *bool) cli.Flag {
	return ui.InvalidNamesFlag(into, "write names that Windows cannot hold, or that differ only in case, too")
}

// nameRules says which names of an image are refused: none that can be, with --include-invalid-names.
func nameRules(all bool) wim.Rules {
	return wim.Rules{AllowCaseClash: all, AllowWindowsNames: all}
}
