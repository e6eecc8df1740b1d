package ui

import (
	"context"

	"github.com/urfave/cli/v3"
)

// Argument is one of what a command line has beside its options.
type Argument struct {
	name string // as errors call it
	need bool
	put  func(string)
	many bool // puts all that is left
}

// Arg is an argument that must be there.
func Arg(name string, into *string) Argument {
	return Argument{name: name, need: true, put: func(s string) { *into = s }}
}

// OptionalArg is an argument that may be left out: then what into points to stays as it is.
func OptionalArg(name string, into *string) Argument {
	return Argument{name: name, put: func(s string) { *into = s }}
}

// GivenArg is an argument that may be left out and may be empty: it is nil when it is left out.
func GivenArg(name string, into **string) Argument {
	return Argument{name: name, put: func(s string) { *into = &s }}
}

// OtherArgs are all arguments that are left, if there are any.
func OtherArgs(name string, into *[]string) Argument {
	return Argument{name: name, put: func(s string) { *into = append(*into, s) }, many: true}
}

// Verb is the action of a command whose flags have their destinations in o: it puts the arguments where args say, and
// runs. Arguments that may be left out are taken from left to right, as far as there are enough for those that must
// be there.
func Verb[O any](o *O, run func(context.Context, O) error, args ...Argument) cli.ActionFunc {
	return func(ctx context.Context, cmd *cli.Command) error {
		if err := putArgs(cmd.Name, cmd.Args().Slice(), args); err != nil {
			return err
		}
		return run(ctx, *o)
	}
}

func putArgs(verb string, got []string, args []Argument) error {
	var needed []string
	for _, a := range args {
		if a.need {
			needed = append(needed, a.name)
		}
	}
	if len(got) < len(needed) {
		return Usagef("%s: missing argument %s", verb, needed[len(got)])
	}
	spare := len(got) - len(needed)
	for _, a := range args {
		n := 1
		if !a.need {
			if n = min(spare, 1); a.many {
				n = spare
			}
			spare -= n
		}
		for _, s := range got[:n] {
			a.put(s)
		}
		got = got[n:]
	}
	if len(got) > 0 {
		return Usagef("%s: unexpected argument %q", verb, got[0])
	}
	return nil
}
