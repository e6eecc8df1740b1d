package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"
)

// version is what `wimcast --version` prints; release builds set it with -ldflags "-X main.version=...".
var version = "0.1.0-dev"

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// app is what every verb gets: the process's streams.
type app struct {
	in       io.Reader
	out, err io.Writer
	quiet    bool // only what is wrong is told on err
}

// verbs lists the top-level commands in the order in which help shows them.
func (a *app) verbs() []*cli.Command {
	return []*cli.Command{
		a.siteCommand(), a.joinCommand(), a.serveCommand(), a.publishCommand(), a.catalogCommand(),
		a.getCommand(), a.deployCommand(), a.statusCommand(), a.demoCommand(), a.wimCommand(), a.simCommand(),
	}
}

// run is the whole program: args[0] is the program's name. It returns the exit status and never ends the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{in: stdin, out: stdout, err: stderr}
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
	finish(root)
	args, quiet, err := wimlibArgs(root, args)
	if a.quiet = quiet; err == nil {
		err = root.Run(ctx, args)
	}
	return report(stderr, err)
}

// finish gives every command of the tree the program's way of reporting a wrong command line.
func finish(cmd *cli.Command) {
	cmd.OnUsageError = func(_ context.Context, cmd *cli.Command, err error, _ bool) error {
		return usageError{cmd: cmd.FullName(), err: err}
	}
	cmd.DisableSliceFlagSeparator = true // options that may be given several times hold file names and text, with commas in them
	if cmd.Action == nil {
		cmd.Action = unknownVerb
	}
	for _, sub := range cmd.Commands {
		finish(sub)
	}
}

// unknownVerb is the action of commands that only group others: reached when no sub-command was named, or an unknown one.
func unknownVerb(_ context.Context, cmd *cli.Command) error {
	names := make([]string, 0, len(cmd.Commands))
	for _, sub := range cmd.Commands {
		if !sub.Hidden {
			names = append(names, sub.Name)
		}
	}
	known := strings.Join(names, ", ")
	if cmd.Args().Present() {
		return usageErrorf(cmd, "unknown command %q: want one of %s", cmd.Args().First(), known)
	}
	return usageErrorf(cmd, "no command given: want one of %s", known)
}

// report prints err, and what can be done about it, and returns the exit status for it.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "wimcast: %v\n", err)
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", hint)
	}
	if isUsage(err) {
		return exitUsage
	}
	return exitFailed
}
