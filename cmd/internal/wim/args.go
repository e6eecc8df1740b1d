package wim

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
)

// ownOptions are those of `wimcast wim` that wimlib-imagex does not have: the beginning of one of its options means
// that one.
var ownOptions = []string{"json", "unix-xattrs", "help"}

// Args rewrites a command line of `wimcast wim` as wimlib-imagex would understand it: an option has one dash or two and may be cut
// short as long as it is clear which one is meant, an option that takes a value takes what follows whatever that is, and
// --quiet and --version go with every verb.
func Args(root *cli.Command, args []string) (out []string, quiet bool, err error) {
	if len(args) < 3 || args[1] != "wim" {
		return args, false, nil
	}
	if args[2] == "--version" {
		return []string{args[0], args[2]}, false, nil
	}
	cmd := root.Command("wim").Command(args[2])
	if cmd == nil || cmd.SkipFlagParsing {
		return args, false, nil
	}
	out = slices.Clone(args[:3])
	for rest := args[3:]; len(rest) > 0; {
		arg := rest[0]
		rest = rest[1:]
		name, value, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		flag := findFlag(cmd, name)
		switch {
		case arg == "--":
			return append(append(out, arg), rest...), quiet, nil
		case arg == "--quiet" || arg == "-quiet":
			quiet = true
			continue
		case arg == "--version":
			return []string{args[0], arg}, quiet, nil
		case !strings.HasPrefix(arg, "-") || arg == "-" || flag == nil:
			out = append(out, arg)
			continue
		}
		name = flag.Names()[0]
		if f, ok := flag.(cli.DocGenerationFlag); !ok || !f.TakesValue() {
			if given {
				return nil, quiet, ui.UsageIn("wimcast wim "+cmd.Name, ui.Usagef("--%s takes no value", name))
			}
			out = append(out, "--"+name)
			continue
		}
		if !given && len(rest) > 0 {
			value, given, rest = rest[0], true, rest[1:]
		}
		if !given {
			return append(out, "--"+name), quiet, nil // whose parser tells what is missing
		}
		out = append(out, "--"+name+"="+value)
	}
	return out, quiet, nil
}

// findFlag returns the flag of a name or of the beginning of one, nil if that is none or more than one.
func findFlag(cmd *cli.Command, name string) cli.Flag {
	var found []cli.Flag
	for _, f := range cmd.Flags {
		names := f.Names()
		if slices.Contains(names, name) {
			return f
		}
		like := func(n string) bool { return strings.HasPrefix(n, name) }
		if name != "" && slices.ContainsFunc(names, like) && !slices.Contains(ownOptions, names[0]) {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}
