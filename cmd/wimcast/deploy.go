package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/wim"
)

func (a *app) deployCommand() *cli.Command {
	return &cli.Command{
		Name: "deploy", Usage: "receive an image, a folder, a file or a disk and put it down as it arrives", ArgsUsage: "NAME[@VERSION][:IMAGE]",
		Flags: append(receptionFlags(),
			&cli.StringFlag{Name: "target", Usage: "`DIR` that becomes the root of an image or folder, empty or not there yet; or that a file comes into"},
			&cli.StringFlag{Name: "disk", Usage: "block `DEVICE` that a disk image is written over, or a file that stands for one"},
			&cli.BoolFlag{Name: "overwrite", Usage: "write over what is on the disk, or over the file of that name"},
			&cli.BoolFlag{Name: "include-invalid-names", Usage: "write names that Windows cannot hold, or that differ only in case, too"},
			&cli.BoolFlag{Name: "unix-xattrs", Usage: "keep in extended attributes what this file system has no other place for"},
		),
		Action: a.deploy,
	}
}

func (a *app) deploy(ctx context.Context, cmd *cli.Command) error {
	got, err := args(cmd, "NAME[@VERSION][:IMAGE]")
	if err != nil {
		return err
	}
	ref, err := catalog.ParseRef(got[0])
	if err != nil {
		return usageErrorf(cmd, "%w", err)
	}
	where, disk := cmd.String("target"), cmd.String("disk")
	if (where == "") == (disk == "") {
		return usageErrorf(cmd, "deploy %s: want either --target DIR or --disk DEVICE", got[0])
	}
	if disk != "" {
		if ref.Image != 0 {
			return usageErrorf(cmd, "deploy %s: a disk has no images; leave out the number", got[0])
		}
		where = disk
	}
	collectOften()
	opt, show, done := a.receptionOptions(cmd, got[0])
	deploy := node.DeployOptions{
		ReceptionOptions: opt, Disk: disk != "", Overwrite: cmd.Bool("overwrite"), UnixXattrs: cmd.Bool("unix-xattrs"), Rules: nameRules(cmd),
	}
	var check *tracker // nil: nothing was read back
	deploy.ReadBack = func(n, all int64) {
		if check == nil {
			done(nil)
			check = show.track("read back", all)
		}
		check.set(n, all, "")
	}
	out, err := node.Deploy(ctx, cmd.String("dir"), ref, where, deploy)
	done(err)
	if check != nil {
		check.finish(err)
	}
	show.close()
	if err != nil {
		return deployHint(err)
	}
	return a.received(cmd, out, where)
}

// nameRules takes --include-invalid-names: which names of an image are refused.
func nameRules(cmd *cli.Command) wim.Rules {
	all := cmd.Bool("include-invalid-names")
	return wim.Rules{AllowCaseClash: all, AllowWindowsNames: all}
}
