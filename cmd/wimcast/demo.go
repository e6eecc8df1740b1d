package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

// demoPeersMax bounds the peers of a demo: all of them run in this process.
const demoPeersMax = 64

// demoOptions are those of demo.
type demoOptions struct {
	kind, image, tree, loss, rate, work string
	peers, seed                         int
	invalidNames, json, verbose         bool
}

func (a *app) demoCommand() *cli.Command {
	var o demoOptions
	return &cli.Command{
		Name:  "demo",
		Usage: "show the whole story on this machine: capture, publish, multicast with loss, apply, compare",
		Description: "Runs one distribution point and several peers over the loopback interface, each with sockets and a folder of its own, " +
			"below a temporary folder that is removed at the end.",
		Flags: []cli.Flag{
			kindFlag(&o.kind, "image", "`KIND` of content: image, folder, file or disk, which goes into a file"),
			&cli.StringFlag{Name: "image", Usage: "`FILE[:N]`: a WIM and the number of the image to deploy; or the file, or disk image, itself (default: one is made)", Destination: &o.image},
			&cli.StringFlag{Name: "tree", Usage: "`DIR` that is the folder, or is captured when no --image is given (default: the sources of the Go installation)", Destination: &o.tree},
			&cli.IntFlag{Name: "peers", Usage: "how many peers", Value: 4, Destination: &o.peers},
			&cli.StringFlag{Name: "loss", Usage: "`SHARE` of datagrams that each peer loses", Value: "1%", Destination: &o.loss},
			rateFlag(&o.rate, "upper `LIMIT` of the rate, as 500M (default: none, the rate is found)"),
			invalidNamesFlag(&o.invalidNames),
			&cli.IntFlag{Name: "seed", Usage: "of the loss", Value: 1, Destination: &o.seed},
			&cli.StringFlag{Name: "work", Usage: "`DIR` for the temporary folder (default: the system's)", Destination: &o.work},
			ui.JSONFlag(&o.json), ui.VerboseFlag(&o.verbose),
		},
		Action: ui.Verb(&o, a.demo),
	}
}

// demoPlan is what a demo was asked to do.
type demoPlan struct {
	kind   demoKind
	image  string // path of what is published, or ""
	number int    // of the image in it
	tree   string // captured when image is ""
	peers  int
	loss   float64
	rate   int64 // bits per second; 0: no limit
	seed   uint64
	rules  wim.Rules
}

func (a *app) demo(ctx context.Context, o demoOptions) (err error) {
	plan, err := o.plan()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.work, "wimcast-demo-")
	if err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	defer func() {
		if rerr := removeTree(dir); err == nil && rerr != nil {
			err = fmt.Errorf("remove the demo's folder: %w", rerr)
		}
	}()
	d := &demo{app: a, demoPlan: plan, dir: dir, log: a.Logger(o.verbose), quiet: !o.verbose}
	result, err := d.run(ctx)
	if err != nil {
		return receptionHint(err)
	}
	if o.json {
		err = a.PrintJSON(result)
	} else {
		err = d.report(result)
	}
	if err == nil && (result.Applied != plan.peers || result.Mismatches > 0) {
		err = fmt.Errorf("demo: %d of %d peers have it, %d differences from the source", result.Applied, plan.peers, result.Mismatches)
	}
	return err
}

// plan checks the options.
func (o demoOptions) plan() (demoPlan, error) {
	plan := demoPlan{number: 1, tree: o.tree, peers: o.peers, seed: uint64(o.seed), rules: nameRules(o.invalidNames)}
	var err error
	var known bool
	if plan.kind, known = demoKinds[o.kind]; !known {
		return plan, ui.Usagef("--kind %s: want image, folder, file or disk", o.kind)
	}
	if plan.peers < 1 || plan.peers > demoPeersMax {
		return plan, ui.Usagef("--peers %d: want 1 to %d", plan.peers, demoPeersMax)
	}
	if plan.loss, err = ui.ParsePercent(o.loss); err != nil {
		return plan, ui.Usagef("--loss: %w", err)
	}
	if plan.loss > 0.5 {
		return plan, ui.Usagef("--loss %s: want at most 50%%", o.loss)
	}
	if plan.rate, err = rateLimit(o.rate); err != nil {
		return plan, err
	}
	return plan, plan.choose(o.image)
}

// choose takes what is to be published.
func (p *demoPlan) choose(image string) (err error) {
	if p.kind.kind != catalog.KindImage {
		p.number = 0
	}
	switch {
	case image != "" && p.kind.kind == catalog.KindFolder:
		return ui.Usagef("--image: a folder is named by --tree")
	case image != "" && p.kind.kind != catalog.KindImage:
		p.image = image
	case image != "":
		if p.image, p.number, err = cutNumber(image); err != nil {
			return ui.Usagef("--image: %w", err)
		}
		p.number = max(p.number, 1)
	case p.tree == "" && p.kind.tree:
		p.tree, err = goSources()
	}
	return err
}

// goSources is a real tree that most machines on which this is built have.
func goSources() (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "src")
	if err != nil {
		return "", ui.Usagef("no Go installation to take the sources of: name a --tree to capture, or an --image")
	}
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("look at the Go sources: %w", err)
	}
	return dir, nil
}

// removeTree removes a folder whose directories may be read-only, as an image may have them.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// cutNumber splits "name:2" into the name and the number; without a number it is 0. A name that ends in ":" and something
// else than a number from 1 on is an error.
func cutNumber(s string) (name string, number int, err error) {
	at := strings.LastIndexByte(s, ':')
	if at <= 1 { // none, or a Windows drive as in C:x.wim
		return s, 0, nil
	}
	number, err = strconv.Atoi(s[at+1:])
	if err != nil {
		if strings.ContainsAny(s[at+1:], `/\`) {
			return s, 0, nil // a colon inside a path
		}
		return "", 0, fmt.Errorf("%q: want an image number after the colon", s)
	}
	if number < 1 {
		return "", 0, fmt.Errorf("%q: images are numbered from 1", s)
	}
	return s[:at], number, nil
}
