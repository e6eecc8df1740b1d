package wim

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

func (a *app) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "read every resource and image and check its hash",
		ArgsUsage: "WIMFILE",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "nocheck", Usage: "leave the integrity table alone, if there is one"},
			refFlag(),
			ui.JSONFlag(),
		},
		Action: a.verify,
	}
}

// verifyJSON is the output of verify --json.
type verifyJSON struct {
	Path      string `json:"path"`
	Images    int    `json:"images"`
	Resources int    `json:"resources"`
	OK        bool   `json:"ok"`
}

func (a *app) verify(ctx context.Context, cmd *cli.Command) error {
	got, err := ui.Args(cmd, "WIMFILE")
	if err != nil {
		return err
	}
	w, err := Open(got[0], cmd.StringSlice("ref")...)
	if err != nil {
		return err
	}
	defer w.Close()
	show := a.NewProgress()
	bar := show.Track("verify", 0)
	verify := w.Verify
	if cmd.Bool("nocheck") {
		verify = w.VerifyContents
	}
	err = verify(ctx, func(p wim.Progress) { bar.Set(p.Done, p.Total, "") })
	bar.Finish(err)
	show.Close()
	if err != nil {
		return ui.WIMHint(fmt.Errorf("verify %s: %w", got[0], err))
	}
	if cmd.Bool("json") {
		return a.PrintJSON(verifyJSON{Path: got[0], Images: len(w.Images()), Resources: w.Count(), OK: true})
	}
	return a.Printf("%s: ok, %d images, %d resources\n", got[0], len(w.Images()), w.Count())
}
