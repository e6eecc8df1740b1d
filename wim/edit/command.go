package edit

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxCommands bounds how many commands an update may have.
const maxCommands = 1 << 20

// Verb is what a command does.
type Verb uint8

// The verbs.
const (
	VerbAdd Verb = iota
	VerbDelete
	VerbRename
)

// String returns the word that stands in a command file.
func (v Verb) String() string { return verbs[v].word }

// verbs lists what a command may look like.
var verbs = []struct {
	word    string
	args    int
	options []string
}{
	VerbAdd:    {"add", 2, []string{"--verbose", "--dereference", "--unix-data", "--no-acls", "--noacls", "--strict-acls", "--no-replace"}},
	VerbDelete: {"delete", 1, []string{"--force", "--recursive"}},
	VerbRename: {"rename", 2, nil},
}

// AddOptions are what an add command says of how its source is read.
type AddOptions struct {
	Dereference bool // follow symbolic links
	UnixData    bool // keep owner, group, mode and device numbers
	NoACLs      bool // keep no security descriptors
}

// Command is one command of an update.
type Command struct {
	Verb Verb
	Line int    // of the text it was in, from 1; 0 if it was in none
	From string // add: a path of this machine; delete and rename: a path in the image
	To   string // add and rename: a path in the image

	AddOptions
	NoReplace bool // add: do not replace files
	Force     bool // delete: that there is nothing to delete is no error
	Recursive bool // delete: directories too
}

// ParseCommands reads commands, one per line, as wimlib-imagex update takes them. Words are separated by blanks; one that starts with a quote, of
// either kind, goes to the next such quote, and nothing in it is special. Empty lines, and those that start with #, are left out.
// Options stand anywhere behind the verb.
func ParseCommands(text string) ([]Command, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if !utf8.ValidString(text) {
		return nil, errors.New("parse update commands: they are not UTF-8; save them as UTF-8 text")
	}
	var out []Command
	line := 0
	for rest := range strings.Lines(text) {
		line++
		cmd, ok, err := parseCommand(rest)
		if err != nil {
			return nil, fmt.Errorf("parse update commands: line %d: %w", line, err)
		}
		if !ok {
			continue
		}
		if len(out) == maxCommands {
			return nil, fmt.Errorf("parse update commands: line %d: more than %d commands", line, maxCommands)
		}
		cmd.Line = line
		out = append(out, cmd)
	}
	return out, nil
}

// parseCommand reads one line; ok is false where there is nothing in it.
func parseCommand(line string) (c Command, ok bool, err error) {
	words, err := splitWords(line)
	if err != nil || len(words) == 0 {
		return c, false, err
	}
	for ; int(c.Verb) < len(verbs) && !strings.EqualFold(verbs[c.Verb].word, words[0]); c.Verb++ {
	}
	if int(c.Verb) == len(verbs) {
		return c, false, fmt.Errorf("unknown command %q: want add, delete or rename", words[0])
	}
	rule := verbs[c.Verb]
	var args []string
	for _, w := range words[1:] {
		if strings.HasPrefix(w, "--") {
			if err := c.option(w); err != nil {
				return c, false, err
			}
			continue
		}
		if args = append(args, w); len(args) > rule.args {
			return c, false, fmt.Errorf("unexpected argument %q: %s takes %d; quote what has blanks in it", w, rule.word, rule.args)
		}
	}
	if len(args) < rule.args {
		return c, false, fmt.Errorf("%s takes %d arguments, here are %d", rule.word, rule.args, len(args))
	}
	c.From = args[0]
	if rule.args > 1 {
		c.To = args[1]
	}
	return c, true, nil
}

// option sets what one option says.
func (c *Command) option(word string) error {
	known := false
	for _, o := range verbs[c.Verb].options {
		known = known || o == word
	}
	if !known {
		return fmt.Errorf("%s has no option %q: %s", c.Verb, word, optionList(c.Verb))
	}
	switch word {
	case "--dereference":
		c.Dereference = true
	case "--unix-data":
		c.UnixData = true
	case "--no-acls", "--noacls":
		c.NoACLs = true
	case "--no-replace":
		c.NoReplace = true
	case "--force":
		c.Force = true
	case "--recursive":
		c.Recursive = true
	}
	return nil
}

func optionList(v Verb) string {
	if len(verbs[v].options) == 0 {
		return "it has none"
	}
	return "it has " + strings.Join(verbs[v].options, ", ")
}

// blanks separate words.
const blanks = " \t\r\n\v\f"

// splitWords cuts a line into words.
func splitWords(line string) (words []string, err error) {
	for {
		line = strings.TrimLeft(line, blanks)
		if line == "" || len(words) == 0 && line[0] == '#' {
			return words, nil
		}
		if q := line[0]; q == '"' || q == '\'' {
			end := strings.IndexByte(line[1:], q)
			if end < 0 {
				return nil, fmt.Errorf("the quote of %s is not closed", strings.TrimRight(line, blanks))
			}
			words, line = append(words, line[1:1+end]), line[end+2:]
			continue
		}
		end := strings.IndexAny(line, blanks)
		if end < 0 {
			end = len(line)
		}
		words, line = append(words, line[:end]), line[end:]
	}
}

// String returns the command as it stands in a command file, quoted where needed.
func (c Command) String() string {
	words := []string{c.Verb.String()}
	for _, o := range []struct {
		set  bool
		word string
	}{
		{c.Dereference, "--dereference"},
		{c.UnixData, "--unix-data"},
		{c.NoACLs, "--no-acls"},
		{c.NoReplace, "--no-replace"},
		{c.Force, "--force"},
		{c.Recursive, "--recursive"},
	} {
		if o.set {
			words = append(words, o.word)
		}
	}
	words = append(words, quote(c.From))
	if c.Verb != VerbDelete {
		words = append(words, quote(c.To))
	}
	return strings.Join(words, " ")
}

// quote puts a word that would not be read back as it is in quotes. One that needs them, and has quotes of both kinds, has no way to be written.
func quote(word string) string {
	if word != "" && word[0] != '\'' && word[0] != '"' && !strings.ContainsAny(word, blanks) {
		return word
	}
	if strings.Contains(word, `"`) {
		return "'" + word + "'"
	}
	return `"` + word + `"`
}
