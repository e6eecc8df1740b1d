package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
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

// ParseConfig reads a configuration in UTF-8 or UTF-16LE, with or without a byte order mark, of up to MaxConfigBytes. An error names the line.
func ParseConfig(text []byte) (*Config, error) {
	if len(text) > MaxConfigBytes {
		return nil, fmt.Errorf("parse capture configuration: %d bytes are over the limit of %d", len(text), MaxConfigBytes)
	}
	plain, err := configText(text)
	if err != nil {
		return nil, fmt.Errorf("parse capture configuration: %w", err)
	}
	c := &Config{}
	to := &globs{} // of the section; what is not needed goes nowhere
	inside := false
	for i, line := range strings.Split(plain, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[' && line[len(line)-1] == ']':
			inside, to = true, c.section(line[1:len(line)-1], i+1)
		case !inside:
			c.Notes = append(c.Notes, fmt.Sprintf("line %d is not in a [section] and was passed over", i+1))
		case to == nil:
		default:
			g, err := c.glob(unquote(line), i+1)
			if err != nil {
				return nil, fmt.Errorf("parse capture configuration: line %d: %w", i+1, err)
			}
			*to = append(*to, g)
		}
		if len(c.exclude)+len(c.except) > maxGlobs || len(c.Notes) > maxGlobs {
			return nil, fmt.Errorf("parse capture configuration: line %d: over the limit of %d globs", i+1, maxGlobs)
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

// configText returns the text as UTF-8. Text without a mark is UTF-16LE when its first character has a zero byte, which no UTF-8 one has.
func configText(b []byte) (string, error) {
	wide := bytes.HasPrefix(b, []byte{0xff, 0xfe})
	if wide || len(b) >= 2 && b[0] != 0 && b[1] == 0 {
		if len(b)%2 != 0 {
			return "", errors.New("it is UTF-16 and ends within a character")
		}
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(b[2*i:])
		}
		return strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"), nil
	}
	if at := invalidUTF8(b); at >= 0 {
		return "", fmt.Errorf("line %d is neither UTF-8 nor is the file UTF-16; save it as UTF-8", 1+bytes.Count(b[:at], []byte("\n")))
	}
	return strings.TrimPrefix(string(b), "\ufeff"), nil
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// unquote takes off a pair of quotes.
func unquote(s string) string {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		return s[1 : n-1]
	}
	return s
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
