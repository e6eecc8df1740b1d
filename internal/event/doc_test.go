package event

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table in docs/events.md")

// docs/events.md lists every kind with what it tells and counts, as the table here says it.
func TestEveryKindIsDocumented(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "events.md")
	doc, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const heading = "| kind | level | what | data | counts |\n"
	before, was, ok := bytes.Cut(doc, []byte(heading))
	if !ok {
		t.Fatalf("%s has no table that begins with %s", name, heading)
	}
	want := documented()
	if *update {
		if err := os.WriteFile(name, append(before, heading+want...), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(was) != want {
		t.Errorf("%s is not what the table of events says: go test ./internal/event -update", name)
	}
}

// documented is the table without its heading.
func documented() string {
	var b strings.Builder
	b.WriteString("|---|---|---|---|---|\n")
	for _, s := range Specs() {
		var data, counts []string
		typ := reflect.TypeOf(s.Event)
		for i := range typ.NumField() {
			f, _ := shown(typ.Field(i).Name, reflect.Zero(typ.Field(i).Type))
			data = append(data, "`"+f.Name+"`")
		}
		for _, m := range s.Metrics {
			counts = append(counts, "`"+m.Name+"`")
		}
		if s.None != "" {
			counts = []string{"none: " + s.None}
		}
		level := map[Level]string{Debug: "debug", Info: "info", Warn: "warn"}[s.Level]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", s.Event.Kind(), level, s.Text, strings.Join(data, ", "), strings.Join(counts, ", "))
	}
	return b.String()
}
