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
	target                   string
	invalidNames, unixXattrs bool
}

func (a *app) deployCommand() *cli.Command {
	var o deployOptions
	return &cli.Command{
		Name: "deploy", Usage: "receive an image and apply it as it arrives", ArgsUsage: "NAME[@VERSION][:IMAGE]",
		Flags: append(o.flags(),
			&cli.StringFlag{Name: "target", Usage: "`DIR` that becomes the image's root; empty or not there yet", Required: true, Destination: &o.target},
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
	ui.CollectOften()
	opt, show, done := a.receive(o.receptionOptions)
	out, err := node.Deploy(ctx, o.dir, ref, o.target, node.DeployOptions{
		ReceptionOptions: opt, UnixXattrs: o.unixXattrs, Rules: nameRules(o.invalidNames),
	})
	done(err)
	show.Close()
	if err != nil {
		return receptionHint(err)
	}
	return a.received(o.receptionOptions, out, o.target, max(1, ref.Image)) // without a number it is the only one
}

// invalidNamesFlag is --include-invalid-names of a cast.
func invalidNamesFlag(into *bool) cli.Flag {
	return ui.InvalidNamesFlag(into, "write names that Windows cannot hold, or that differ only in case, too")
}

// nameRules says which names of an image are refused: none that can be, with --include-invalid-names.
func nameRules(all bool) wim.Rules {
	return wim.Rules{AllowCaseClash: all, AllowWindowsNames: all}
}
