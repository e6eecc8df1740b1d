package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/wim"
)

func (a *app) deployCommand() *cli.Command {
	return &cli.Command{
		Name: "deploy", Usage: "receive an image and apply it as it arrives", ArgsUsage: "NAME[@VERSION][:IMAGE]",
		Flags: append(fetchFlags(),
			&cli.StringFlag{Name: "target", Usage: "`DIR` that becomes the image's root; empty or not there yet", Required: true},
			&cli.BoolFlag{Name: "include-invalid-names", Usage: "write names that Windows cannot hold, or that differ only in case, too"},
			&cli.BoolFlag{Name: "unix-xattrs", Usage: "keep in extended attributes what this file system has no other place for"},
		),
		Action: a.deploy,
	}
}

func (a *app) deploy(ctx context.Context, cmd *cli.Command) error {
	got, err := ui.Args(cmd, "NAME[@VERSION][:IMAGE]")
	if err != nil {
		return err
	}
	ref, err := catalog.ParseRef(got[0])
	if err != nil {
		return ui.UsageErrorf(cmd, "%w", err)
	}
	ui.CollectOften()
	opt, show, done := a.fetchOptions(cmd, got[0])
	out, err := node.Deploy(ctx, cmd.String("dir"), ref, cmd.String("target"), node.DeployOptions{
		FetchOptions: opt, UnixXattrs: cmd.Bool("unix-xattrs"), Rules: nameRules(cmd),
	})
	done(err)
	show.Close()
	if err != nil {
		return fetchHint(err)
	}
	return a.fetched(cmd, out, cmd.String("target"))
}

// nameRules takes --include-invalid-names: which names of an image are refused.
func nameRules(cmd *cli.Command) wim.Rules {
	all := cmd.Bool("include-invalid-names")
	return wim.Rules{AllowCaseClash: all, AllowWindowsNames: all}
}
