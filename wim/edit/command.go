package edit

import (
	"fmt"
	"strings"

	"github.com/wimcast/wimcast/internal/lines"
)

// maxCommands bounds how many commands an update may have.
const maxCommands = 4 << 20

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

// ParseCommands reads commands, one per line, as wimlib-imagex update takes them, from a text as package lines reads it. Words are separated
// by blanks; one that starts with a quote, of either kind, goes to the next such quote, and nothing in it is special. Empty lines, and those
// that start with # or ;, are left out. Options stand anywhere behind the verb.
func ParseCommands(text string) ([]Command, error) {
	text, err := lines.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("parse update commands: %w", err)
	}
	var out []Command
	for line := range lines.All(text) {
		cmd, err := parseCommand(line.Text)
		if err == nil && len(out) == maxCommands {
			err = fmt.Errorf("more than %d commands", maxCommands)
		}
		if err != nil {
			return nil, fmt.Errorf("parse update commands: line %d: %w", line.N, err)
		}
		cmd.Line = line.N
		out = append(out, cmd)
	}
	return out, nil
}

// parseCommand reads one line.
func parseCommand(line string) (c Command, err error) {
	words, err := lines.Words(line)
	if err != nil {
		return c, err
	}
	for ; int(c.Verb) < len(verbs) && !strings.EqualFold(verbs[c.Verb].word, words[0]); c.Verb++ {
	}
	if int(c.Verb) == len(verbs) {
		return c, fmt.Errorf("unknown command %q: want add, delete or rename", words[0])
	}
	rule := verbs[c.Verb]
	var args []string
	for _, w := range words[1:] {
		if strings.HasPrefix(w, "--") {
			if err := c.option(w); err != nil {
				return c, err
			}
			continue
		}
		if args = append(args, w); len(args) > rule.args {
			return c, fmt.Errorf("unexpected argument %q: %s takes %d; quote what has blanks in it", w, rule.word, rule.args)
		}
	}
	if len(args) < rule.args {
		return c, fmt.Errorf("%s takes %d arguments, here are %d", rule.word, rule.args, len(args))
	}
	c.From = args[0]
	if rule.args > 1 {
		c.To = args[1]
	}
	return c, nil
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
	words = append(words, lines.Quote(c.From))
	if c.Verb != VerbDelete {
		words = append(words, lines.Quote(c.To))
	}
	return strings.Join(words, " ")
}
