package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/api"
)

func (a *app) serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "run a distribution point until it is stopped",
		Flags: []cli.Flag{
			ui.DirFlag(), ui.InterfaceFlag(), ui.VerboseFlag(),
			&cli.StringFlag{Name: "listen", Usage: "`ADDRESS:PORT` for QUIC (default: from wimcast.toml, else :4790)"},
			&cli.StringFlag{Name: "rate", Usage: "upper `LIMIT` of a cast's rate, as 500M (default: none, the rate is found)"},
		},
		Action: a.serve,
	}
}

func (a *app) serve(ctx context.Context, cmd *cli.Command) error {
	if _, err := ui.Args(cmd); err != nil {
		return err
	}
	opt := node.ServerOptions{Listen: cmd.String("listen"), Interface: cmd.String("interface"), Log: a.Logger(cmd.Bool("verbose"))}
	if s := cmd.String("rate"); s != "" {
		rate, err := ui.ParseRate(s)
		if err != nil {
			return ui.UsageErrorf(cmd, "--rate: %w", err)
		}
		opt.RateMax = int64(rate)
	}
	dir := cmd.String("dir")
	server, err := node.OpenServer(dir, opt)
	if err != nil {
		return folderHint(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	control := make(chan error, 1)
	go func() {
		defer cancel()
		control <- api.Listen(ctx, dir, server)
	}()
	err = server.Run(ctx)
	cancel()
	if cerr := <-control; err == nil {
		err = cerr
	}
	if cerr := server.Close(); err == nil {
		err = cerr
	}
	return err
}
