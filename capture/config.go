package capture

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wimcast/wimcast/internal/lines"
)

// Bounds on a capture configuration.
const (
	MaxConfigBytes = 1 << 20
	maxGlobs       = 1 << 14
)

// Config is a capture configuration: globs of the files that are left out. The zero value leaves nothing out.
//
// It is read from an INI-like text: sections [ExclusionList] and [ExclusionException], one glob a line, lines that begin with # or ; are
// comments. In a glob * stands for any characters of one name, and ? for one. A glob that begins with a slash or backslash is a path from
// the image's root, and matches what is below it too; one without slashes matches a name in any directory. A directory that is left out is still
// captured when a path of [ExclusionException] leads through it, and holds nothing else then. [PrepopulateList] and what Windows
// writes beside it are read and mean nothing to a capture.
type Config struct {
	FoldCase bool     // compare names without case, as Windows does
	Notes    []string // what was odd about the text but is no error: unknown sections, drive letters

	exclude, except globs
}

// defaultConfig is what wimlib-imagex and Microsoft's tools leave out of a capture when they are not told otherwise.
const defaultConfig = `[ExclusionList]
\$ntfs.log
\hiberfil.sys
\pagefile.sys
\swapfile.sys
\System Volume Information
\RECYCLER
\$RECYCLE.BIN
\$Recycle.Bin
\Windows\CSC
`

// DefaultConfig leaves out what is of no use on another machine: page and hibernation files, recycle bins, NTFS's log.
func DefaultConfig() *Config {
	c, err := ParseConfig([]byte(defaultConfig))
	if err != nil {
		panic("capture: the default configuration does not parse: " + err.Error())
	}
	return c
}

// ParseConfig reads a configuration, a text as package lines reads it, of up to MaxConfigBytes. An error names the line.
func ParseConfig(text []byte) (*Config, error) {
	if len(text) > MaxConfigBytes {
		return nil, fmt.Errorf("parse capture configuration: %d bytes are over the limit of %d", len(text), MaxConfigBytes)
	}
	plain, err := lines.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("parse capture configuration: %w", err)
	}
	c := &Config{}
	to := &globs{} // of the section; what is not needed goes nowhere
	inside := false
	for line := range lines.All(plain) {
		switch text := line.Text; {
		case text[0] == '[' && text[len(text)-1] == ']':
			inside, to = true, c.section(text[1:len(text)-1], line.N)
		case !inside:
			c.Notes = append(c.Notes, fmt.Sprintf("line %d is not in a [section] and was passed over", line.N))
		case to == nil:
		default:
			g, err := c.glob(lines.Unquote(text), line.N)
			if err != nil {
				return nil, fmt.Errorf("parse capture configuration: line %d: %w", line.N, err)
			}
			*to = append(*to, g)
		}
		if len(c.exclude)+len(c.except) > maxGlobs || len(c.Notes) > maxGlobs {
			return nil, fmt.Errorf("parse capture configuration: line %d: over the limit of %d globs", line.N, maxGlobs)
		}
	}
	return c, nil
}

// section returns where the globs of a section go; nil when they are not needed.
func (c *Config) section(name string, line int) *globs {
	switch name {
	case "ExclusionList":
		return &c.exclude
	case "ExclusionException":
		return &c.except
	case "PrepopulateList", "CompressionExclusionList", "CompressionFolderList":
	default:
		c.Notes = append(c.Notes, fmt.Sprintf("line %d: section [%s] is not known and was passed over", line, name))
	}
	return nil
}

// glob reads one line.
func (c *Config) glob(s string, line int) (glob, error) {
	path := strings.ReplaceAll(s, `\`, "/")
	if len(path) >= 2 && path[1] == ':' && (path[0]|0x20) >= 'a' && (path[0]|0x20) <= 'z' {
		if len(path) == 2 || path[2] != '/' {
			return glob{}, fmt.Errorf("glob %q has a drive letter but is no path from the root; write %q", s, path[:2]+"/"+path[2:])
		}
		c.Notes = append(c.Notes, fmt.Sprintf("line %d: the drive letter of %q was passed over", line, s))
		path = path[2:]
	}
	g := glob{anchored: strings.HasPrefix(path, "/")}
	for name := range strings.SplitSeq(path, "/") {
		if name != "" {
			g.names = append(g.names, name)
		}
	}
	switch {
	case !g.anchored && len(g.names) == 0:
		return glob{}, errors.New(`an empty glob; write "/" for everything`)
	case !g.anchored && len(g.names) > 1:
		return glob{}, fmt.Errorf("glob %q has several names but does not begin at the root; write %q", s, "/"+path)
	}
	return g, nil
}

// excludes reports whether the file at path, given by its names from the root, is left out. The root never is.
func (c *Config) excludes(path []string) bool {
	if c == nil || len(path) == 0 || !c.exclude.match(path, c.FoldCase, false) {
		return false
	}
	return !c.except.match(path, c.FoldCase, true)
}
