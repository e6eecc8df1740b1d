// Package jsontest holds the JSON that programs read against the document that describes it. [Check] is called by tests.
//
// The document has a section for each shape, "## name, other name", with a table of fields, types and meanings. The path of a field
// that lies deeper names what it is in: `casts[].members[].name`, `properties.*` in an object whose keys are data.
package jsontest

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// snake is how a field is named.
var snake = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// Check fails unless doc describes each shape, by the name of its section's heading, field by field: an example of the type
// stands for all its values. A shape within another one is described in its own section only.
func Check(t testing.TB, doc string, shapes map[string]any) {
	t.Helper()
	sections := parse(t, doc)
	names := make(map[reflect.Type]string)
	for heading, v := range shapes {
		names[reflect.TypeOf(v)] = strings.Split(heading, ", ")[0]
	}
	for heading, v := range shapes {
		var want []string
		rows(&want, "", reflect.TypeOf(v), false, names)
		got, ok := sections[heading]
		if !ok {
			t.Errorf("%s has no section %q. Its table is to have, each with its meaning:\n%s", doc, heading, strings.Join(want, "\n"))
			continue
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s, section %q, has\n%s\nand the program writes\n%s", doc, heading, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		Snake(t, v)
	}
}

// Snake fails unless the fields of each value's type are named in snake_case.
func Snake(t testing.TB, values ...any) {
	t.Helper()
	for _, v := range values {
		var fields []string
		rows(&fields, "", reflect.TypeOf(v), false, nil)
		if len(fields) == 0 {
			t.Errorf("%T has no fields in JSON", v)
		}
		for _, field := range fields {
			path := strings.Split(field, "`")[1]
			for _, name := range strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]*", r) }) {
				if !snake.MatchString(name) {
					t.Errorf("%T: the field %s is not in snake_case", v, path)
				}
			}
		}
	}
}

// Names returns the names in all headings of doc.
func Names(t testing.TB, doc string) (names []string) {
	t.Helper()
	for heading := range parse(t, doc) {
		names = append(names, strings.Split(heading, ", ")...)
	}
	return names
}

// parse returns the rows of each section's table, without the meanings, which may not be empty.
func parse(t testing.TB, doc string) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	sections, heading := make(map[string][]string), ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			heading = name
			sections[heading] = nil
		}
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[1], "`") {
			continue
		}
		if strings.TrimSpace(cells[3]) == "" {
			t.Errorf("%s: %s has no meaning", doc, cells[1])
		}
		sections[heading] = append(sections[heading], fmt.Sprintf("| %s | %s |", strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])))
	}
	return sections
}

// rows adds a row for each field of a struct, which is optional when the struct is.
func rows(out *[]string, path string, t reflect.Type, optional bool, names map[reflect.Type]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			rows(out, path, f.Type, optional, names)
			continue
		case !f.IsExported() || name == "-":
			continue
		case name == "":
			name = f.Name
		}
		value(out, path+name, f.Type, optional || strings.Contains(options, "omitempty"), names)
	}
}

// value adds the rows of one value.
func value(out *[]string, path string, t reflect.Type, optional bool, names map[reflect.Type]string) {
	kind := ""
	switch t.Kind() {
	case reflect.Interface:
		kind = "any"
	case reflect.Pointer:
		value(out, path, t.Elem(), optional, names)
		return
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() != reflect.Uint8 {
			value(out, path+"[]", t.Elem(), optional, names)
			return
		}
		kind = "base64"
	case reflect.Map:
		value(out, path+".*", t.Elem(), optional, names)
		return
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			kind = "time"
			break
		}
		if names[t] == "" {
			rows(out, path+".", t, optional, names)
			return
		}
		kind = "as " + names[t]
	case reflect.String:
		kind = "string"
	case reflect.Bool:
		kind = "boolean"
	default:
		kind = "number"
	}
	if optional {
		kind += ", if any"
	}
	*out = append(*out, fmt.Sprintf("| `%s` | %s |", path, kind))
}
