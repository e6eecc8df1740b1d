package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/wim"
)

// demoPeersMax bounds the peers of a demo: all of them run in this process.
const demoPeersMax = 64

func (a *app) demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "show the whole story on this machine: capture, publish, multicast with loss, apply, compare",
		Description: "Runs one distribution point and several peers over the loopback interface, each with sockets and a folder of its own, " +
			"below a temporary folder that is removed at the end.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "kind", Usage: "`KIND` of content: image, folder, file or disk, which goes into a file", Value: "image"},
			&cli.StringFlag{Name: "image", Usage: "`FILE[:N]`: a WIM and the number of the image to deploy; or the file, or disk image, itself (default: one is made)"},
			&cli.StringFlag{Name: "tree", Usage: "`DIR` that is the folder, or is captured when no --image is given (default: the sources of the Go installation)"},
			&cli.IntFlag{Name: "peers", Usage: "how many peers", Value: 4},
			&cli.StringFlag{Name: "loss", Usage: "`SHARE` of datagrams that each peer loses", Value: "1%"},
			&cli.StringFlag{Name: "rate", Usage: "upper `LIMIT` of the rate, as 500M (default: none, the rate is found)"},
			&cli.BoolFlag{Name: "include-invalid-names", Usage: "write names that Windows cannot hold, or that differ only in case, too"},
			&cli.IntFlag{Name: "seed", Usage: "of the loss", Value: 1},
			&cli.StringFlag{Name: "work", Usage: "`DIR` for the temporary folder (default: the system's)"},
			jsonFlag(), verboseFlag(),
		},
		Action: a.demo,
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
	rate   uint64 // 0: none
	seed   uint64
	rules  wim.Rules
}

func (a *app) demo(ctx context.Context, cmd *cli.Command) (err error) {
	plan, err := demoPlanOf(cmd)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(cmd.String("work"), "wimcast-demo-")
	if err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	defer func() {
		if rerr := removeTree(dir); err == nil && rerr != nil {
			err = fmt.Errorf("remove the demo's folder: %w", rerr)
		}
	}()
	d := &demo{app: a, demoPlan: plan, dir: dir, log: a.logger(cmd.Bool("verbose")), quiet: !cmd.Bool("verbose")}
	result, err := d.run(ctx)
	if err != nil {
		return receptionHint(err)
	}
	if cmd.Bool("json") {
		err = a.printJSON(result)
	} else {
		err = d.report(result)
	}
	if err == nil && (result.Applied != plan.peers || result.Mismatches > 0) {
		err = fmt.Errorf("demo: %d of %d peers have it, %d differences from the source", result.Applied, plan.peers, result.Mismatches)
	}
	return err
}

func demoPlanOf(cmd *cli.Command) (demoPlan, error) {
	if _, err := args(cmd); err != nil {
		return demoPlan{}, err
	}
	plan := demoPlan{number: 1, tree: cmd.String("tree"), peers: int(cmd.Int("peers")), seed: uint64(cmd.Int("seed")), rules: nameRules(cmd)}
	var err error
	var known bool
	if plan.kind, known = demoKinds[cmd.String("kind")]; !known {
		return plan, usageErrorf(cmd, "--kind %s: want image, folder, file or disk", cmd.String("kind"))
	}
	if plan.peers < 1 || plan.peers > demoPeersMax {
		return plan, usageErrorf(cmd, "--peers %d: want 1 to %d", plan.peers, demoPeersMax)
	}
	if plan.loss, err = parsePercent(cmd.String("loss")); err != nil {
		return plan, usageErrorf(cmd, "--loss: %w", err)
	}
	if plan.loss > 0.5 {
		return plan, usageErrorf(cmd, "--loss %s: want at most 50%%", cmd.String("loss"))
	}
	if s := cmd.String("rate"); s != "" {
		if plan.rate, err = parseRate(s); err != nil {
			return plan, usageErrorf(cmd, "--rate: %w", err)
		}
	}
	return plan, plan.choose(cmd)
}

// choose takes what is to be published.
func (p *demoPlan) choose(cmd *cli.Command) (err error) {
	image := cmd.String("image")
	if p.kind.kind != catalog.KindImage {
		p.number = 0
	}
	switch {
	case image != "" && p.kind.kind == catalog.KindFolder:
		return usageErrorf(cmd, "--image: a folder is named by --tree")
	case image != "" && p.kind.kind != catalog.KindImage:
		p.image = image
	case image != "":
		if p.image, p.number, err = cutNumber(image); err != nil {
			return usageErrorf(cmd, "--image: %w", err)
		}
		p.number = max(p.number, 1)
	case p.tree == "" && p.kind.tree:
		p.tree, err = goSources(cmd)
	}
	return err
}

// goSources is a real tree that most machines on which this is built have.
func goSources(cmd *cli.Command) (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "src")
	if err != nil {
		return "", usageErrorf(cmd, "no Go installation to take the sources of: name a --tree to capture, or an --image")
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
