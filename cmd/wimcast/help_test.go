package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
)

var update = flag.Bool("update", false, "write testdata/help.golden anew")

// TestHelpIsAsItWas holds the help of every command, and so the name of every option, against testdata/help.golden:
// scripts use these names.
func TestHelpIsAsItWas(t *testing.T) {
	var b bytes.Buffer
	var show func(names []string, cmd *cli.Command)
	show = func(names []string, cmd *cli.Command) {
		var out, errs bytes.Buffer
		if code := run(context.Background(), append(names, "--help"), nil, &out, &errs); code != ui.ExitOK {
			t.Errorf("%s --help: status %d, %s", strings.Join(names, " "), code, errs.String())
		}
		b.WriteString("== " + strings.Join(names, " ") + "\n" + out.String())
		for _, sub := range cmd.Commands {
			if !sub.Hidden {
				show(append(names[:len(names):len(names)], sub.Name), sub)
			}
		}
	}
	show([]string{"wimcast"}, &cli.Command{Commands: (&app{}).verbs()})
	got := b.String()
	for own, name := range map[string]string{ui.DefaultDir(): "NODE-FOLDER", hostName(): "HOST-NAME"} {
		got = strings.ReplaceAll(got, `(default: "`+strings.ReplaceAll(own, `\`, `\\`)+`")`, `(default: "`+name+`")`)
	}
	golden := filepath.Join("testdata", "help.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wantLines := strings.Split(strings.ReplaceAll(string(want), "\r\n", "\n"), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(wantLines) || line != wantLines[i] {
			t.Fatalf("line %d of the help is %q, not what %s has. If that is meant, run: go test ./cmd/wimcast -run Help -update", i+1, line, golden)
		}
	}
	if n := len(strings.Split(got, "\n")); n != len(wantLines) {
		t.Fatalf("the help has %d lines, %s %d. If that is meant, run: go test ./cmd/wimcast -run Help -update", n, golden, len(wantLines))
	}
}
