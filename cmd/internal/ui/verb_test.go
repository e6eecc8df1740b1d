package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// TestArgumentsAreTakenFromLeftToRight has forms of arguments that verbs have.
func TestArgumentsAreTakenFromLeftToRight(t *testing.T) {
	type options struct {
		file, image, target string
		name                *string
		paths               []string
	}
	x := "x"
	empty := ""
	for _, c := range []struct {
		args string // of the verb
		got  string
		want options
		err  string
	}{
		{"FILE [IMAGE] TARGET", "f t", options{file: "f", target: "t"}, ""},
		{"FILE [IMAGE] TARGET", "f i t", options{file: "f", image: "i", target: "t"}, ""},
		{"FILE [IMAGE] TARGET", "f", options{}, "v: missing argument TARGET"},
		{"FILE [IMAGE] TARGET", "f i t x", options{}, `v: unexpected argument "x"`},
		{"FILE [IMAGE] [NAME]", "f", options{file: "f"}, ""},
		{"FILE [IMAGE] [NAME]", "f i x", options{file: "f", image: "i", name: &x}, ""},
		{"FILE [IMAGE] [NAME]", "f i ''", options{file: "f", image: "i", name: &empty}, ""},
		{"FILE [IMAGE] PATHS", "f i a b", options{file: "f", image: "i", paths: []string{"a", "b"}}, ""},
		{"FILE [IMAGE] PATHS", "", options{}, "v: missing argument FILE"},
		{"", "", options{}, ""},
		{"", "f", options{}, `v: unexpected argument "f"`},
	} {
		var o, got options
		all := map[string]Argument{
			"FILE": Arg("FILE", &o.file), "[IMAGE]": OptionalArg("IMAGE", &o.image), "TARGET": Arg("TARGET", &o.target),
			"[NAME]": GivenArg("NAME", &o.name), "PATHS": OtherArgs("PATHS", &o.paths),
		}
		var args []Argument
		for _, name := range strings.Fields(c.args) {
			args = append(args, all[name])
		}
		ran := false
		cmd := &cli.Command{
			Name:           "v",
			Action:         Verb(&o, func(_ context.Context, o options) error { ran, got = true, o; return nil }, args...),
			ExitErrHandler: func(context.Context, *cli.Command, error) {},
		}
		line := []string{"v"}
		for _, s := range strings.Fields(c.got) {
			line = append(line, strings.Trim(s, "'"))
		}
		err := cmd.Run(context.Background(), line)
		if c.err != "" {
			if ran || !IsUsage(err) || err.Error() != c.err {
				t.Errorf("%q with %q: %v, want %s", c.args, c.got, err, c.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q with %q: %+v, %v", c.args, c.got, got, err)
		}
	}
}

// TestTextsAreNilUnlessGiven tells "--text=" from no --text.
func TestTextsAreNilUnlessGiven(t *testing.T) {
	for _, c := range []struct {
		line []string
		want string
	}{{nil, "none"}, {[]string{"--text="}, `""`}, {[]string{"--text", "a"}, `"a"`}, {[]string{"--text=a", "--text=b"}, `"b"`}} {
		var text *string
		cmd := &cli.Command{Name: "v", Writer: io.Discard, Flags: []cli.Flag{&TextFlag{Name: "text", Destination: &text}}}
		if err := cmd.Run(context.Background(), append([]string{"v"}, c.line...)); err != nil {
			t.Errorf("%q: %v", c.line, err)
		}
		got := "none"
		if text != nil {
			got = fmt.Sprintf("%q", *text)
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.line, got, c.want)
		}
	}
}

// TestUsageErrorsNameTheirCommand: the hint must name the command that was typed, however deep the error comes from.
func TestUsageErrorsNameTheirCommand(t *testing.T) {
	deep := func(context.Context, struct{}) error { return fmt.Errorf("more: %w", Usagef("bad")) }
	root := &cli.Command{
		Name: "wimcast", ExitErrHandler: func(context.Context, *cli.Command, error) {}, Writer: io.Discard,
		Commands: []*cli.Command{{Name: "site", Commands: []*cli.Command{{Name: "init", Action: Verb(&struct{}{}, deep)}}}},
	}
	Prepare(root)
	for _, c := range []struct{ line, hint string }{
		{"wimcast site init", "run 'wimcast site init --help' for its arguments and options"},
		{"wimcast site init --bogus", "run 'wimcast site init --help' for its arguments and options"},
		{"wimcast site", "run 'wimcast site --help' for its arguments and options"},
		{"wimcast bogus", "run 'wimcast --help' for its arguments and options"},
	} {
		err := root.Run(context.Background(), strings.Fields(c.line))
		if !IsUsage(err) || HintOf(err) != c.hint {
			t.Errorf("%s: %v, hint %q", c.line, err, HintOf(err))
		}
	}
	if err := UsageIn("x", errors.New("other")); IsUsage(err) {
		t.Errorf("an error of another kind became one about the command line: %v", err)
	}
}
