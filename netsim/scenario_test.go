package netsim

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var (
	update = flag.Bool("update", false, "rewrite the reports in testdata")
	traced = flag.Bool("scenario-trace", false, "print what happens in each scenario")
)

// Every scenario meets its expectations, and its report is what it was.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			runFile(t, name)
		})
	}
}

func runFile(t *testing.T, name string) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	commands, want, _ := bytes.Cut(text, []byte("\n---\n"))
	var got bytes.Buffer
	if *traced {
		if err := RunScenario(bytes.NewReader(commands), os.Stdout, Options{Trace: true}); err != nil {
			t.Error(err)
		}
		return
	}
	if err := RunScenario(bytes.NewReader(commands), &got, Options{}); err != nil {
		t.Errorf("%v\n%s", err, &got)
	}
	if *update {
		all := append(bytes.TrimRight(commands, "\n"), "\n---\n"+got.String()...)
		if err := os.WriteFile(name, all, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("report differs (rewrite with -update):\n%s\nwas:\n%s", &got, want)
	}
}
