package wim

import (
	"cmp"
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

// verifyOptions are those of verify.
type verifyOptions struct {
	nocheck, json bool
	ref           []string
	file          string
}

func (a *app) verifyCommand() *cli.Command {
	var o verifyOptions
	return &cli.Command{
		Name:      "verify",
		Usage:     "read every resource and image and check its hash",
		ArgsUsage: "WIMFILE",
		Flags: []cli.Flag{
			nocheckFlag(&o.nocheck, "leave the integrity table alone, if there is one"),
			refFlag(&o.ref),
			ui.JSONFlag(&o.json),
		},
		Action: ui.Verb(&o, a.verify, ui.Arg("WIMFILE", &o.file)),
	}
}

// verifyJSON is the output of verify --json.
type verifyJSON struct {
	Path      string `json:"path"`
	Images    int    `json:"images"`
	Resources int    `json:"resources"`
	OK        bool   `json:"ok"`
}

func (a *app) verify(ctx context.Context, o verifyOptions) error {
	w, err := Open(o.file, o.ref...)
	if err != nil {
		return err
	}
	defer w.Close()
	show := a.NewProgress()
	bar := show.Track("verify", 0)
	verify := w.Verify
	if o.nocheck {
		verify = w.VerifyContents
	}
	if err = verify(ctx, func(p wim.Progress) { bar.Set(p.Done, p.Total, "") }); err != nil && !o.nocheck {
		err = integrityFirst(ctx, w, err)
	}
	bar.Finish(err)
	show.Close()
	if err != nil {
		return ui.WIMHint(fmt.Errorf("verify %s: %w", o.file, err))
	}
	if o.json {
		return a.PrintJSON(verifyJSON{Path: o.file, Images: len(w.Images()), Resources: w.Count(), OK: true})
	}
	return a.Printf("%s: ok, %d images, %d resources\n", o.file, len(w.Images()), w.Count())
}

// integrityFirst gives the error of the integrity table, where that fails too, in place of err: of all that is wrong with a file it
// is the first that wimlib-imagex meets.
func integrityFirst(ctx context.Context, w File, err error) error {
	return cmp.Or(w.VerifyIntegrity(ctx), err)
}
