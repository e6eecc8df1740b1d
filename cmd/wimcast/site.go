package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/api"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/folder"
)

// siteInitOptions are those of site init.
type siteInitOptions struct {
	dir, name string
}

// siteTokenOptions are those of site token.
type siteTokenOptions struct {
	dir         string
	json        bool
	addresses   []string
	hours, uses int
}

func (a *app) siteCommand() *cli.Command {
	var (
		init  siteInitOptions
		token siteTokenOptions
	)
	return &cli.Command{
		Name:  "site",
		Usage: "make a site, and let clients into it",
		Commands: []*cli.Command{
			{
				Name: "init", Usage: "make a site: keys, configuration, empty store", ArgsUsage: "[DIR]",
				Flags: []cli.Flag{
					ui.DirFlag(&init.dir),
					nameFlag(&init.name, "`NAME` of the site, for people", "site"),
				},
				Action: ui.Verb(&init, a.siteInit, ui.OptionalArg("DIR", &init.dir)),
			},
			{
				Name: "token", Usage: "print one line that lets a client join (wimcast join TOKEN)",
				Flags: []cli.Flag{
					ui.DirFlag(&token.dir), ui.JSONFlag(&token.json),
					&cli.StringSliceFlag{Name: "address", Usage: "`HOST:PORT` under which clients reach this node; may be repeated; default: this machine's addresses", Destination: &token.addresses},
					&cli.IntFlag{Name: "hours", Usage: "how long the token is good (default: a week)", Destination: &token.hours},
					&cli.IntFlag{Name: "uses", Usage: "how many clients may join with it (default: 1024)", Destination: &token.uses},
				},
				Action: ui.Verb(&token, a.siteToken),
			},
		},
	}
}

// nameFlag is --name, what a site or machine is called.
func nameFlag(into *string, usage, unless string) cli.Flag {
	return &cli.StringFlag{Name: "name", Usage: usage, Value: unless, Destination: into}
}

func (a *app) siteInit(_ context.Context, o siteInitOptions) error {
	if err := checkName(o.name); err != nil {
		return err
	}
	if err := folder.InitSite(o.dir, o.name, hostName()); err != nil {
		return folderHint(err)
	}
	a.Notef("%s: a new site. Move its root key, %s, to a safe place. Next: wimcast serve --dir %s", o.dir, filepath.Join(o.dir, "keys", "root.key"), o.dir)
	return nil
}

func (a *app) siteToken(ctx context.Context, o siteTokenOptions) error {
	f, err := openFolder(o.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	token, err := f.Token(ctx, node.TokenRequest{Addresses: o.addresses, Hours: o.hours, Uses: o.uses})
	if err != nil {
		return err
	}
	if o.json {
		return a.PrintJSON(api.Token(token))
	}
	if len(token.LeftOut) > 0 {
		a.Notef("the token names %s; it has no room for %s: name those that clients reach with --address",
			strings.Join(token.Addresses, ", "), strings.Join(token.LeftOut, ", "))
	}
	return a.Printf("%s\n", token.Token)
}

// opened is a distribution point's folder, which the caller closes.
type opened interface {
	api.Folder
	io.Closer
}

// openFolder opens a distribution point's folder: through the node that runs on it, or, when none does, directly.
func openFolder(dir string) (opened, error) {
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
	case errors.Is(err, folder.ErrNoFolder):
		return ui.WithHint(err, "make a site with 'wimcast site init DIR', join one with 'wimcast join TOKEN --dir DIR', or name another folder with --dir")
	case errors.Is(err, folder.ErrExists):
		return ui.WithHint(err, "it is kept as it is; choose another folder")
	case errors.Is(err, folder.ErrIncomplete):
		return ui.WithHint(err, "run the same 'wimcast site init' or 'wimcast join' again")
	}
	return err
}

// hostName is this machine's name, for people.
func hostName() string {
	name, err := os.Hostname()
	if name = catalog.FitLabel(name); err != nil || name == "" {
		return fmt.Sprintf("node-%d", os.Getpid())
	}
	return name
}

// checkName refuses a name for people that the site would refuse.
func checkName(name string) error {
	if err := catalog.CheckLabel("--name", name); err != nil {
		return ui.Usagef("%w", err)
	}
	return nil
}
