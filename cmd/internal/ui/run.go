package ui

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"
)

// Exit statuses.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// UI is what every verb gets: the process's streams.
type UI struct {
	In       io.Reader
	Out, Err io.Writer
	Quiet    bool // only what is wrong is told on Err
}

// Prepare gives every command of the tree the program's way of reporting a wrong command line.
func Prepare(cmd *cli.Command) {
	cmd.OnUsageError = func(_ context.Context, cmd *cli.Command, err error, _ bool) error {
		return &usageError{cmd: cmd.FullName(), err: err}
	}
	cmd.DisableSliceFlagSeparator = true // options that may be given several times hold file names and text, with commas in them
	action := cmd.Action
	if action == nil {
		action = unknownVerb
	}
	cmd.Action = func(ctx context.Context, cmd *cli.Command) error { return UsageIn(cmd.FullName(), action(ctx, cmd)) }
	for _, sub := range cmd.Commands {
		Prepare(sub)
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
		return Usagef("unknown command %q: want one of %s", cmd.Args().First(), known)
	}
	return Usagef("no command given: want one of %s", known)
}

// Report prints err, and what can be done about it, and returns the exit status for it.
func Report(stderr io.Writer, err error) int {
	if err == nil {
		return ExitOK
	}
	fmt.Fprintf(stderr, "wimcast: %v\n", err)
	if hint := HintOf(err); hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", hint)
	}
	if IsUsage(err) {
		return ExitUsage
	}
	return ExitFailed
}
