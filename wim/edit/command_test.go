package edit

import (
	"reflect"
	"strings"
	"testing"
)

func TestCommandsAreRead(t *testing.T) {
	text := "\ufeff# comment\r\n\r\n  # indented\n" +
		"add 'My Dir' \"/My Dir\"\r\n" +
		"ADD --unix-data --no-acls --strict-acls --dereference --no-replace --verbose a b'c\n" +
		"delete\t\"1\"  \r\n" +
		"delete d --recursive --force\n" +
		"rename 'say \"x\"' \\b\\c"
	got, err := ParseCommands(text)
	must(t, err)
	all := AddOptions{Dereference: true, UnixData: true, NoACLs: true}
	want := []Command{
		{Verb: VerbAdd, Line: 4, From: "My Dir", To: "/My Dir"},
		{Verb: VerbAdd, Line: 5, From: "a", To: "b'c", AddOptions: all, NoReplace: true},
		{Verb: VerbDelete, Line: 6, From: "1"},
		{Verb: VerbDelete, Line: 7, From: "d", Force: true, Recursive: true},
		{Verb: VerbRename, Line: 8, From: `say "x"`, To: `\b\c`},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestWrongCommandsAreToldWithTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"foo a b":                      `unknown command "foo"`,
		"\nrename a":                   "line 2: rename takes 2 arguments, here are 1",
		"rename a b c":                 `unexpected argument "c"`,
		"rename a b # why":             `unexpected argument "#"`,
		"rename 'a'b c":                `unexpected argument "c"`,
		`delete "/d"/b`:                `unexpected argument "/b"`,
		"delete -f /x":                 `unexpected argument "/x"`,
		"delete":                       "delete takes 1 arguments, here are 0",
		"delete --wat x":               `delete has no option "--wat": it has --force, --recursive`,
		"rename --force a b":           `rename has no option "--force": it has none`,
		"delete -- d":                  `delete has no option "--"`,
		"add --config=x a b":           `add has no option "--config=x"`,
		"rename 'a b":                  "the quote of 'a b is not closed",
		"delete \xff":                  "line 1 is neither UTF-8",
		"d\x00e\x00l\x00 \x00\xe4\x00": `unknown command "del"`,
		"d\x00e\x00l\x00e":             "ends within a character",
	} {
		if _, err := ParseCommands(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestCommandsHaveABound(t *testing.T) {
	text := strings.Repeat("delete a\n", maxCommands)
	if got, err := ParseCommands(text); err != nil || len(got) != maxCommands {
		t.Errorf("%d commands: %v", len(got), err)
	}
	if _, err := ParseCommands(text + "delete a\n"); err == nil {
		t.Error("one more than the bound passes")
	}
}

// What a command is written as is read as the same command.
func FuzzParseCommands(f *testing.F) {
	f.Add("add 'a b' /c\n#x\ndelete --force \"q\"\r\nrename a b'c")
	f.Add("rename 'a\" b")
	f.Fuzz(func(t *testing.T, text string) {
		cmds, err := ParseCommands(text)
		if err != nil {
			return
		}
		for _, c := range cmds {
			again, err := ParseCommands(c.String())
			if err != nil || len(again) != 1 {
				t.Fatalf("%q was read from %q, and not again: %v", c.String(), text, err)
			}
			again[0].Line = c.Line
			if again[0] != c {
				t.Fatalf("%+v became %+v", c, again[0])
			}
		}
	})
}
