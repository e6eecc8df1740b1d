package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/api"
)

func (a *app) siteCommand() *cli.Command {
	return &cli.Command{
		Name:  "site",
		Usage: "make a site, and let clients into it",
		Commands: []*cli.Command{
			{
				Name: "init", Usage: "make a site: keys, configuration, empty store", ArgsUsage: "[DIR]",
				Flags: []cli.Flag{
					ui.DirFlag(),
					&cli.StringFlag{Name: "name", Usage: "`NAME` of the site, for people", Value: "site"},
				},
				Action: a.siteInit,
			},
			{
				Name: "token", Usage: "print one line that lets a client join (wimcast join TOKEN)",
				Flags: []cli.Flag{
					ui.DirFlag(), ui.JSONFlag(),
					&cli.StringSliceFlag{Name: "address", Usage: "`HOST:PORT` under which clients reach this node; may be repeated; default: this machine's addresses"},
					&cli.IntFlag{Name: "hours", Usage: "how long the token is good (default: a week)"},
					&cli.IntFlag{Name: "uses", Usage: "how many clients may join with it (default: 1024)"},
				},
				Action: a.siteToken,
			},
		},
	}
}

func (a *app) siteInit(_ context.Context, cmd *cli.Command) error {
	dir := cmd.String("dir")
	if cmd.Args().Len() > 0 {
		got, err := ui.Args(cmd, "DIR")
		if err != nil {
			return err
		}
		dir = got[0]
	}
	if err := catalog.InitSite(dir, cmd.String("name"), hostName()); err != nil {
		return folderHint(err)
	}
	a.Notef("%s: a new site. Move its root key, %s, to a safe place. Next: wimcast serve --dir %s", dir, filepath.Join(dir, "keys", "root.key"), dir)
	return nil
}

func (a *app) siteToken(ctx context.Context, cmd *cli.Command) error {
	if _, err := ui.Args(cmd); err != nil {
		return err
	}
	f, err := openFolder(cmd.String("dir"))
	if err != nil {
		return err
	}
	defer f.Close()
	token, err := f.Token(ctx, api.TokenRequest{Addresses: cmd.StringSlice("address"), Hours: int(cmd.Int("hours")), Uses: int(cmd.Int("uses"))})
	if err != nil {
		return err
	}
	if cmd.Bool("json") {
		return a.PrintJSON(api.TokenReply{Token: token})
	}
	return a.Printf("%s\n", token)
}

// openFolder opens a distribution point's folder: through the node that runs on it, or, when none does, directly.
func openFolder(dir string) (api.Folder, error) {
	if c := api.Dial(dir); c != nil {
		return c, nil
	}
	l, err := node.OpenLocal(dir)
	if err != nil {
		return nil, folderHint(err)
	}
	return l, nil
}

// folderHint attaches what can be done about a folder that cannot be opened or made.
func folderHint(err error) error {
	switch {
	case errors.Is(err, catalog.ErrBusy):
		return ui.WithHint(err, "another wimcast uses this folder: wait for it, or stop it")
	case errors.Is(err, catalog.ErrNoSite):
		return ui.WithHint(err, "make a site with 'wimcast site init DIR', join one with 'wimcast join TOKEN --dir DIR', or name another folder with --dir")
	case errors.Is(err, catalog.ErrSiteExists):
		return ui.WithHint(err, "it is kept as it is; choose another folder")
	case errors.Is(err, catalog.ErrIncomplete):
		return ui.WithHint(err, "run the same 'wimcast site init' or 'wimcast join' again")
	}
	return err
}

// hostName is this machine's name, for people.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return fmt.Sprintf("node-%d", os.Getpid())
	}
	return name
}
