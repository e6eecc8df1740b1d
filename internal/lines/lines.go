// Package lines reads the text files that people and scripts give to a verb: commands of an update, lists of paths or sources, capture
// configurations. All are read alike:
//
//   - [Decode]: UTF-8, UTF-16LE or UTF-16BE, with or without a byte order mark;
//   - [All]: a line ends with LF or CR LF; blanks around it do not count, and neither do empty lines and comments, which begin with # or ;
//   - [Words]: words stand apart by blanks; one in quotes, of either kind, may have blanks in it;
//   - [Unquote]: a line that is one path is taken as it is, and may stand in quotes as well.
package lines

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Line is a line that says something.
type Line struct {
	N    int    // of the text, from 1
	Text string // without blanks around it
}

// blanks separate words.
const blanks = " \t\r\n\v\f"

// All gives the lines of a text but for empty ones and comments.
func All(text string) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		n := 0
		for line := range strings.Lines(text) {
			n++
			line = strings.Trim(line, blanks)
			if line == "" || line[0] == '#' || line[0] == ';' {
				continue
			}
			if !yield(Line{n, line}) {
				return
			}
		}
	}
}

// Words cuts a line into words. A quote within a word is a character like others.
func Words(line string) (words []string, err error) {
	for line = strings.TrimLeft(line, blanks); line != ""; line = strings.TrimLeft(line, blanks) {
		var word string
		if q := line[0]; q == '"' || q == '\'' {
			end := strings.IndexByte(line[1:], q)
			if end < 0 {
				return nil, fmt.Errorf("the quote of %s is not closed", strings.TrimRight(line, blanks))
			}
			word, line = line[1:1+end], line[2+end:]
		} else {
			end := strings.IndexAny(line, blanks)
			if end < 0 {
				end = len(line)
			}
			word, line = line[:end], line[end:]
		}
		words = append(words, word)
	}
	return words, nil
}

// Unquote takes a pair of quotes off a line that stands in it.
func Unquote(line string) string {
	if n := len(line); n >= 2 && (line[0] == '"' || line[0] == '\'') && line[n-1] == line[0] {
		return line[1 : n-1]
	}
	return line
}

// Quote gives a word as Words reads it. One that needs quotes, and has both kinds in it, has no way to be written.
func Quote(word string) string {
	if word != "" && !strings.ContainsAny(word[:1], `'"#;`) && !strings.ContainsAny(word, blanks) {
		return word
	}
	if strings.Contains(word, `"`) {
		return "'" + word + "'"
	}
	return `"` + word + `"`
}

// Decode gives the text of a file as UTF-8, without a byte order mark. Without one the text is UTF-16 if there are zero bytes in it. An unpaired
// surrogate, which a name in an image may have, is the three bytes that encode its number. An error names the line.
func Decode(b []byte) (string, error) {
	var order binary.ByteOrder
	switch {
	case len(b) >= 2 && b[0] == 0xff && b[1] == 0xfe:
		b, order = b[2:], binary.LittleEndian
	case len(b) >= 2 && b[0] == 0xfe && b[1] == 0xff:
		b, order = b[2:], binary.BigEndian
	default:
		order = guess(b)
	}
	if order != nil {
		if len(b)%2 != 0 {
			return "", fmt.Errorf("it is UTF-16 and ends within a character")
		}
		return decode16(b, order), nil
	}
	text := strings.TrimPrefix(string(b), "\ufeff")
	if at := invalid(text); at >= 0 {
		return "", fmt.Errorf("line %d is neither UTF-8 nor is the file UTF-16; save it as UTF-8", 1+strings.Count(text[:at], "\n"))
	}
	return text, nil
}

// guess gives the byte order of UTF-16 without a mark; nil for what is none. Zero bytes are the upper halves of letters, blanks and line
// ends, of which a text with names and paths has more than of characters whose lower half is zero.
func guess(b []byte) binary.ByteOrder {
	var zeros [2]int
	for i, c := range b {
		if c == 0 {
			zeros[i%2]++
		}
	}
	switch {
	case zeros[0] == 0 && zeros[1] == 0:
		return nil
	case zeros[1] >= zeros[0]:
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// decode16 turns UTF-16 into UTF-8.
func decode16(b []byte, order binary.ByteOrder) string {
	out := make([]byte, 0, len(b))
	for ; len(b) >= 2; b = b[2:] {
		r := rune(order.Uint16(b))
		if utf16.IsSurrogate(r) && len(b) >= 4 {
			if p := utf16.DecodeRune(r, rune(order.Uint16(b[2:]))); p != utf8.RuneError {
				r, b = p, b[2:]
			}
		}
		if utf16.IsSurrogate(r) {
			out = append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// invalid gives the offset of the first byte that is not UTF-8, nor of an unpaired surrogate; -1 if there is none.
func invalid(s string) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 {
			if len(s)-i < 3 || s[i] != 0xed || s[i+1] < 0xa0 || s[i+1] > 0xbf || s[i+2]&0xc0 != 0x80 {
				return i
			}
			n = 3
		}
		i += n
	}
	return -1
}
