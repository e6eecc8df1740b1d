package wim

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// maxCommandFile bounds the commands of an update, in bytes.
const maxCommandFile = 256 << 20

func (a *app) updateCommand() *cli.Command {
	flags := append(
		checkFlags(), threadsFlag(), ui.JSONFlag(),
		&cli.StringSliceFlag{Name: "command", Usage: "do `STRING`, in place of the commands of standard input"},
		&cli.BoolFlag{Name: "rebuild", Usage: "write the file anew, without holes"},
		&cli.BoolFlag{Name: "unsafe-compact", Usage: "as --rebuild: here as safely as ever"},
		&cli.StringFlag{Name: "config", Usage: "leave out of what is added what the capture configuration `FILE` says"},
		&cli.StringFlag{Name: "wimboot-config", Usage: "add `FILE` as /Windows/System32/WimBootCompress.ini, in place of the commands of standard input"},
	)
	for _, name := range []string{"dereference", "unix-data", "no-acls", "strict-acls", "no-replace"} {
		flags = append(flags, &cli.BoolFlag{Name: name, Usage: "--" + name + " for every add", Aliases: map[string][]string{"no-acls": {"noacls"}}[name]})
	}
	for _, name := range []string{"force", "recursive"} {
		flags = append(flags, &cli.BoolFlag{Name: name, Usage: "--" + name + " for every delete"})
	}
	return &cli.Command{
		Name:      "update",
		Usage:     "add, delete and rename files of an image",
		ArgsUsage: "WIMFILE [IMAGE]",
		Description: "Standard input has commands, one a line: add [--unix-data] [--dereference] [--no-replace] SOURCE PATH, delete [--force] [--recursive] PATH, " +
			"rename OLD NEW. Paths with blanks stand in quotes; lines that start with # are left out.",
		Flags:  flags,
		Action: a.update,
	}
}

// updateJSON is the output of update --json.
type updateJSON struct {
	editJSON
	Image    int `json:"image"`
	Commands int `json:"commands"`
	Replaced int `json:"replaced"` // files
}

func (a *app) update(ctx context.Context, cmd *cli.Command) error {
	path, which, err := fileAndImage(cmd)
	if err != nil {
		return err
	}
	opts := edit.UpdateOptions{IgnoreCase: ignoreCase(), Rebuild: cmd.Bool("rebuild") || cmd.Bool("unsafe-compact")}
	if opts.Options, err = editOptions(cmd); err != nil {
		return err
	}
	n, err := imageArgument(path, which, &opts.Options, imageNumber)
	if err != nil {
		return err
	}
	if opts.Scan, err = a.scanner(cmd.String("config"), path); err != nil {
		return err
	}
	commands, err := a.commands(cmd)
	if err != nil {
		return err
	}
	replaced := 0
	opts.Replaced = func(string) { replaced++ }
	show := a.NewProgress()
	bar := show.Track("update", 0)
	opts.Progress = func(p wim.Progress) { bar.Set(p.Done, p.Total, "") }
	stats, err := edit.Update(ctx, path, n, commands, opts)
	bar.Finish(err)
	show.Close()
	if err != nil {
		return editHint(cmd, err)
	}
	if cmd.Bool("json") {
		return a.PrintJSON(updateJSON{
			editJSON{path, stats.Images, stats.Resources, stats.Bytes, stats.Copied, stats.Size}, n, len(commands), replaced,
		})
	}
	a.Notef("%s: %s done on image %d", path, count(len(commands), "command"), n)
	return nil
}

// commands reads the commands of an update, and gives them the options that hold for all.
func (a *app) commands(cmd *cli.Command) ([]edit.Command, error) {
	if file := cmd.String("wimboot-config"); file != "" {
		add := edit.Command{Verb: edit.VerbAdd, From: file, To: "/" + wimbootConfig}
		return []edit.Command{add}, nil
	}
	var text string
	switch given := cmd.StringSlice("command"); len(given) {
	case 0:
		b, err := io.ReadAll(io.LimitReader(a.In, maxCommandFile+1))
		if err != nil {
			return nil, fmt.Errorf("read update commands: %w", err)
		}
		if len(b) > maxCommandFile {
			return nil, fmt.Errorf("read update commands: more than %s", ui.FormatBytes(maxCommandFile))
		}
		text = string(b)
	case 1:
		text = given[0]
	default:
		return nil, ui.UsageErrorf(cmd, "--command is given more than once: write the commands to standard input, one a line")
	}
	commands, err := edit.ParseCommands(text)
	if err != nil {
		return nil, ui.WithHint(err, "commands are add SOURCE PATH, delete PATH and rename OLD NEW; 'wimcast wim update --help' has their options")
	}
	for i := range commands {
		switch c := &commands[i]; c.Verb {
		case edit.VerbAdd:
			c.Dereference = c.Dereference || cmd.Bool("dereference")
			c.UnixData = c.UnixData || cmd.Bool("unix-data")
			c.NoACLs = c.NoACLs || cmd.Bool("no-acls")
			c.StrictACLs = c.StrictACLs || cmd.Bool("strict-acls")
			c.NoReplace = c.NoReplace || cmd.Bool("no-replace")
		case edit.VerbDelete:
			c.Force = c.Force || cmd.Bool("force")
			c.Recursive = c.Recursive || cmd.Bool("recursive")
		}
	}
	return commands, nil
}

// ignoreCase says whether names in an image are compared without regard to case: as the variable says that wimlib-imagex looks at, else as this
// system does.
func ignoreCase() bool {
	switch os.Getenv("WIMLIB_IMAGEX_IGNORE_CASE") {
	case "0", "no":
		return false
	case "1", "yes":
		return true
	}
	return runtime.GOOS == "windows"
}

// scanner reads what an update of the file target adds.
func (a *app) scanner(config, target string) (edit.Scan, error) {
	rules, err := (&captureRun{app: a}).config(config)
	if err != nil {
		return nil, err
	}
	output, err := os.Stat(target)
	if err != nil {
		return nil, fmt.Errorf("update: %w", err)
	}
	return func(ctx context.Context, path string, opts edit.AddOptions) (*wim.Image, error) {
		o := capture.Options{
			UnixData: opts.UnixData, Dereference: opts.Dereference, NoACLs: opts.NoACLs, Config: rules, Output: output,
			Warn: func(path, what string) { a.Warnf("skipped %s: %s", path, what) },
		}
		stat := os.Lstat
		if opts.Dereference {
			stat = os.Stat
		}
		info, err := stat(path)
		if err != nil {
			return nil, fmt.Errorf("add: %w", err)
		}
		if info.IsDir() {
			img, _, err := capture.Scan(ctx, path, o)
			return img, err
		}
		img, _, err := capture.ScanItems(ctx, []capture.Item{{Path: path, Target: "file"}}, o)
		if err != nil {
			return nil, err
		}
		if len(img.Root.Children) != 1 {
			return nil, fmt.Errorf("add: %s cannot be captured", path)
		}
		img.Root = img.Root.Children[0]
		img.Root.Name, img.Root.Parent = "", nil
		return img, nil
	}, nil
}
