package wim

import (
	"context"
	"fmt"
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

// updateOptions are those of update.
type updateOptions struct {
	writeOptions
	commands              []string // of --command
	rebuild, compact      bool
	config, wimbootConfig string
	all                   edit.Command // what holds for every add and delete
	file, image           string
}

func (a *app) updateCommand() *cli.Command {
	var o updateOptions
	flags := append(
		o.checkFlags(), o.threadsFlag(), ui.JSONFlag(&o.json),
		&cli.StringSliceFlag{Name: "command", Usage: "do `STRING`, in place of the commands of standard input", Destination: &o.commands},
		rebuildFlag(&o.rebuild, "write the file anew, without holes"),
		compactFlag(&o.compact, "as --rebuild: here as safely as ever"),
		configFlag(&o.config, "leave out of what is added what the capture configuration `FILE` says"),
		&cli.StringFlag{
			Name: "wimboot-config", Usage: "add `FILE` as /Windows/System32/WimBootCompress.ini, in place of the commands of standard input", Destination: &o.wimbootConfig,
		},
		dereferenceFlag(&o.all.Dereference, "--dereference for every add"),
		unixDataFlag(&o.all.UnixData, "--unix-data for every add"),
		noACLsFlag(&o.all.NoACLs, "--no-acls for every add"),
		strictACLsFlag(new(bool), strictUsage),
		&cli.BoolFlag{Name: "no-replace", Usage: "--no-replace for every add", Destination: &o.all.NoReplace},
		&cli.BoolFlag{Name: "force", Usage: "--force for every delete", Destination: &o.all.Force},
		&cli.BoolFlag{Name: "recursive", Usage: "--recursive for every delete", Destination: &o.all.Recursive},
	)
	return &cli.Command{
		Name:      "update",
		Usage:     "add, delete and rename files of an image",
		ArgsUsage: "WIMFILE [IMAGE]",
		Description: "Standard input has commands, one per line: add [--unix-data] [--dereference] [--no-replace] SOURCE PATH, delete [--force] [--recursive] PATH, " +
			"rename OLD NEW. Paths with blanks stand in quotes; lines that start with # are left out.",
		Flags:  flags,
		Action: ui.Verb(&o, a.update, ui.Arg("WIMFILE", &o.file), ui.OptionalArg("IMAGE", &o.image)),
	}
}

// updateJSON is the output of update --json.
type updateJSON struct {
	editJSON
	Image    int `json:"image"`
	Commands int `json:"commands"`
	Replaced int `json:"replaced"` // files
}

func (a *app) update(ctx context.Context, o updateOptions) (err error) {
	opts := edit.UpdateOptions{IgnoreCase: ignoreCase(), Rebuild: o.rebuild || o.compact}
	if opts.Options, err = o.editing(); err != nil {
		return err
	}
	n, err := imageArgument(o.file, o.image, &opts.Options, imageNumber)
	if err != nil {
		return err
	}
	if opts.Scan, err = a.scanner(o.config, o.file); err != nil {
		return err
	}
	commands, err := a.commands(o)
	if err != nil {
		return err
	}
	replaced := 0
	opts.Replaced = func(string) { replaced++ }
	show := a.NewProgress()
	bar := show.Track("update", 0)
	opts.Progress = func(p wim.Progress) { bar.Set(p.Done, p.Total, "") }
	stats, err := edit.Update(ctx, o.file, n, commands, opts)
	bar.Finish(err)
	show.Close()
	if err != nil {
		return editHint("update", err)
	}
	if o.json {
		return a.PrintJSON(updateJSON{
			editJSON{o.file, stats.Images, stats.Resources, stats.Bytes, stats.Copied, stats.Size}, n, len(commands), replaced,
		})
	}
	a.Notef("%s: %s done on image %d", o.file, count(len(commands), "command"), n)
	return nil
}

// commands reads the commands of an update, and gives them the options that hold for all.
func (a *app) commands(o updateOptions) ([]edit.Command, error) {
	if o.wimbootConfig != "" {
		add := edit.Command{Verb: edit.VerbAdd, From: o.wimbootConfig, To: "/" + wimbootConfig}
		return []edit.Command{add}, nil
	}
	var text string
	switch len(o.commands) {
	case 0:
		b, err := readUpTo(a.In, maxCommandFile)
		if err != nil {
			return nil, fmt.Errorf("read update commands: %w", err)
		}
		text = string(b)
	case 1:
		text = o.commands[0]
	default:
		return nil, ui.Usagef("--command is given more than once: write the commands to standard input, one per line")
	}
	commands, err := edit.ParseCommands(text)
	if err != nil {
		return nil, ui.WithHint(err, "commands are add SOURCE PATH, delete PATH and rename OLD NEW; 'wimcast wim update --help' has their options")
	}
	for i := range commands {
		switch c := &commands[i]; c.Verb {
		case edit.VerbAdd:
			c.Dereference = c.Dereference || o.all.Dereference
			c.UnixData = c.UnixData || o.all.UnixData
			c.NoACLs = c.NoACLs || o.all.NoACLs
			c.NoReplace = c.NoReplace || o.all.NoReplace
		case edit.VerbDelete:
			c.Force = c.Force || o.all.Force
			c.Recursive = c.Recursive || o.all.Recursive
		}
	}
	return commands, nil
}

// ignoreCase says whether names in an image are compared without regard to case: as the variable says that
// wimlib-imagex looks at, else as this system does.
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
	rules, err := a.readConfig(config)
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
