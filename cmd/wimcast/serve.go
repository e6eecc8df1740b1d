package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/api"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
)

// serveOptions are those of serve.
type serveOptions struct {
	dir, iface, listen, rate string
	verbose                  bool
}

func (a *app) serveCommand() *cli.Command {
	var o serveOptions
	return &cli.Command{
		Name: "serve", Usage: "run a distribution point until it is stopped",
		Flags: []cli.Flag{
			ui.DirFlag(&o.dir), ui.InterfaceFlag(&o.iface), ui.VerboseFlag(&o.verbose),
			&cli.StringFlag{Name: "listen", Usage: "`ADDRESS:PORT` for QUIC (default: from wimcast.toml, else :4790)", Destination: &o.listen},
			rateFlag(&o.rate, "upper `LIMIT` of a cast's rate, as 500M (default: none, the rate is found)"),
		},
		Action: ui.Verb(&o, a.serve),
	}
}

// rateFlag is --rate, an upper limit.
func rateFlag(into *string, usage string) cli.Flag {
	return &cli.StringFlag{Name: "rate", Usage: usage, Destination: into}
}

// rateLimit reads what --rate was given, in bits per second; 0 is no limit.
func rateLimit(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	rate, err := ui.ParseRate(text)
	if err != nil {
		return 0, ui.Usagef("--rate: %w", err)
	}
	return int64(rate), nil
}

func (a *app) serve(ctx context.Context, o serveOptions) error {
	rate, err := rateLimit(o.rate)
	if err != nil {
		return err
	}
	point, err := node.Open(ctx, o.dir, catalog.RoleDistributionPoint, node.Options{Listen: o.listen, Interface: o.iface, RateMax: rate, Log: a.Logger(o.verbose)})
	if err != nil {
		return folderHint(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	control := make(chan error, 1)
	go func() {
		defer cancel()
		control <- api.Listen(ctx, o.dir, point)
	}()
	err = point.Run(ctx)
	cancel()
	if cerr := <-control; err == nil {
		err = cerr
	}
	if cerr := point.Close(); err == nil {
		err = cerr
	}
	return err
}
