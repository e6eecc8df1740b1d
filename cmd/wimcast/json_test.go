package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/api"
	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/internal/jsontest"
)

// jsonDoc says what --json gives.
var jsonDoc = filepath.Join("..", "..", "docs", "json.md")

// TestJSONIsAsDocumented: programs read it. Fields may be added, and are then described; what a field means stays.
func TestJSONIsAsDocumented(t *testing.T) {
	jsontest.Check(t, jsonDoc, map[string]any{
		"lost":                     apply.Lost{},
		"wim apply, wim extract":   ui.Applied{},
		"site token":               api.Token{},
		"publish":                  api.PublishResult{},
		"catalog ls, catalog show": api.Content{},
		"catalog rm":               removedJSON{},
		"catalog verify":           api.VerifyResult{},
		"catalog gc":               api.GCResult{},
		"get, deploy":              receptionJSON{},
		"status":                   api.Status{},
		"demo":                     demoResult{},
		"sim":                      simJSON{},
	})
}

// TestEveryVerbWithJSONIsDocumented finds a verb that has --json and no section.
func TestEveryVerbWithJSONIsDocumented(t *testing.T) {
	names, verbs := jsontest.Names(t, jsonDoc), 0
	var look func(name string, cmd *cli.Command)
	look = func(name string, cmd *cli.Command) {
		for _, f := range cmd.Flags {
			if f.Names()[0] != "json" {
				continue
			}
			if verbs++; !slices.Contains(names, name) {
				t.Errorf("%s does not describe what %q gives with --json", jsonDoc, name)
			}
		}
		for _, sub := range cmd.Commands {
			look(strings.TrimSpace(name+" "+sub.Name), sub)
		}
	}
	look("", &cli.Command{Commands: (&app{}).verbs()})
	if verbs < 20 {
		t.Errorf("found %d verbs with --json: the test does not see them", verbs)
	}
}
