package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/wire"
)

func (a *app) joinCommand() *cli.Command {
	return &cli.Command{
		Name: "join", Usage: "make this machine a client of a site", ArgsUsage: "TOKEN",
		Description: "TOKEN is the line that 'wimcast site token' prints on the distribution point.",
		Flags: []cli.Flag{
			ui.DirFlag(), ui.VerboseFlag(), waitFlag(node.DefaultJoinWait),
			&cli.StringFlag{Name: "name", Usage: "`NAME` of this machine, for people", Value: hostName()},
		},
		Action: a.join,
	}
}

func (a *app) join(ctx context.Context, cmd *cli.Command) error {
	got, err := ui.Args(cmd, "TOKEN")
	if err != nil {
		return err
	}
	token, err := catalog.ParseToken(got[0])
	if err != nil {
		return ui.WithHint(err, "paste the whole line that 'wimcast site token' prints on the distribution point")
	}
	dir := cmd.String("dir")
	opt := node.JoinOptions{Wait: cmd.Duration("wait"), Log: a.Logger(cmd.Bool("verbose"))}
	if err := node.Join(ctx, dir, cmd.String("name"), token, opt); err != nil {
		var refused wire.Error
		switch {
		case errors.As(err, &refused):
			return ui.WithHint(err, "ask for a new token: 'wimcast site token' on the distribution point")
		case errors.Is(err, node.ErrOtherNode):
			return ui.WithHint(err, "the token is of another distribution point, or of one that was made anew since: print a new one there with 'wimcast site token'")
		case errors.Is(err, catalog.ErrSiteExists):
			return ui.WithHint(err, "this machine has joined with it already, and the folder is kept as it is; to join another site, choose another folder with --dir")
		}
		return folderHint(err)
	}
	a.Notef("%s: joined. Next: wimcast get NAME -o FILE, or wimcast deploy NAME:IMAGE --target DIR", dir)
	return nil
}
