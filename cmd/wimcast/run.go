package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	wimverbs "github.com/wimcast/wimcast/cmd/internal/wim"
)

// version is what `wimcast --version` prints; release builds set it with -ldflags "-X main.version=...".
var version = "0.1.0-dev"

// app is what every verb gets: the process's streams.
type app struct{ *ui.UI }

// verbs lists the top-level commands in the order in which help shows them.
func (a *app) verbs() []*cli.Command {
	return []*cli.Command{
		a.siteCommand(), a.joinCommand(), a.serveCommand(), a.publishCommand(), a.catalogCommand(),
		a.getCommand(), a.deployCommand(), a.statusCommand(), a.demoCommand(), wimverbs.Command(a.UI), a.simCommand(),
	}
}

// run is the whole program: args[0] is the program's name. It returns the exit status and never ends the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{&ui.UI{In: stdin, Out: stdout, Err: stderr}}
	root := &cli.Command{
		Name:            "wimcast",
		Usage:           "distribute images to many computers at once and apply them as they arrive",
		Version:         version,
		Commands:        a.verbs(),
		Reader:          stdin,
		Writer:          stdout,
		ErrWriter:       stderr,
		ExitErrHandler:  func(context.Context, *cli.Command, error) {}, // run reports, main exits
		HideHelpCommand: true,
	}
	ui.Prepare(root)
	plain, quiet, err := wimverbs.Args(root, args)
	if a.Quiet = quiet; err == nil {
		err = root.Run(ctx, plain)
	}
	status := ui.Report(stderr, err)
	if theirs, ok := wimverbs.Status(root, args, err); ok {
		return theirs
	}
	return status
}
