package main

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/folder"
	"github.com/wimcast/wimcast/wire"
)

// joinOptions are those of join.
type joinOptions struct {
	dir, name, token string
	verbose          bool
	wait             time.Duration
}

func (a *app) joinCommand() *cli.Command {
	var o joinOptions
	return &cli.Command{
		Name: "join", Usage: "make this machine a client of a site", ArgsUsage: "TOKEN",
		Description: "TOKEN is the line that 'wimcast site token' prints on the distribution point.",
		Flags: []cli.Flag{
			ui.DirFlag(&o.dir), ui.VerboseFlag(&o.verbose), waitFlag(&o.wait, node.DefaultJoinWait),
			nameFlag(&o.name, "`NAME` of this machine, for people", hostName()),
		},
		Action: ui.Verb(&o, a.join, ui.Arg("TOKEN", &o.token)),
	}
}

func (a *app) join(ctx context.Context, o joinOptions) error {
	if err := checkName(o.name); err != nil {
		return err
	}
	token, err := catalog.ParseToken(o.token)
	if err != nil {
		return ui.WithHint(err, "paste the whole line that 'wimcast site token' prints on the distribution point")
	}
	if err := node.Join(ctx, o.dir, o.name, token, node.JoinOptions{Wait: o.wait, Log: a.Logger(o.verbose)}); err != nil {
		var refused wire.Error
		switch {
		case errors.As(err, &refused):
			return ui.WithHint(err, "ask for a new token: 'wimcast site token' on the distribution point")
		case errors.Is(err, node.ErrOtherNode):
			return ui.WithHint(err, "the token is of another distribution point, or of one that was made anew since: print a new one there with 'wimcast site token'")
		case errors.Is(err, folder.ErrExists):
			return ui.WithHint(err, "this machine has joined with it already, and the folder is kept as it is; to join another site, choose another folder with --dir")
		}
		return folderHint(err)
	}
	a.Notef("%s: joined. Next: wimcast get NAME -o FILE, or wimcast deploy NAME:IMAGE --target DIR", o.dir)
	return nil
}
