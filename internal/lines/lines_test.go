package lines

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// encode gives a text as UTF-16.
func encode(text string, order binary.AppendByteOrder) (out []byte) {
	for _, u := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, u)
	}
	return out
}

func TestEveryEncodingGivesTheSameText(t *testing.T) {
	for _, text := range []string{"/a\n/b c\n", "[ExclusionList]\r\n*.tmp\r\n", "/größe\n", "/文件夹/一\n/中\n", "/𝄞\n", "add 'a b' /c"} {
		for name, b := range map[string][]byte{
			"UTF-8":                     []byte(text),
			"UTF-8 with a mark":         []byte("\ufeff" + text),
			"UTF-16LE":                  encode(text, binary.LittleEndian),
			"UTF-16LE with a mark":      encode("\ufeff"+text, binary.LittleEndian),
			"UTF-16BE":                  encode(text, binary.BigEndian),
			"UTF-16BE with a mark":      encode("\ufeff"+text, binary.BigEndian),
			"UTF-16LE, whatever is odd": append(encode("\ufeff", binary.LittleEndian), encode(text, binary.LittleEndian)...),
		} {
			if got, err := Decode(b); err != nil || got != text {
				t.Errorf("%q as %s: %q, %v", text, name, got, err)
			}
		}
	}
	if got, err := Decode(nil); got != "" || err != nil {
		t.Errorf("nothing: %q, %v", got, err)
	}
}

func TestUnpairedSurrogatesStay(t *testing.T) {
	const want = "/a\xed\xa0\x80b\n"
	for _, b := range []string{want, "\xff\xfe/\x00a\x00\x00\xd8b\x00\n\x00", "\x00/\x00a\xd8\x00\x00b\x00\n"} {
		if got, err := Decode([]byte(b)); got != want || err != nil {
			t.Errorf("%q: %q, %v", b, got, err)
		}
	}
}

func TestWhatIsNoTextIsToldWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"/a\n/gr\xf6\xdfe\n": "line 2 is neither UTF-8",
		"\xff\xfe/":          "ends within a character",
		"/\x00a":             "ends within a character",
		"\xed\xa0":           "line 1 is neither",
		"\xed\x20\x80":       "line 1 is neither",
	} {
		if _, err := Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestCommentsAndEmptyLinesAreLeftOut(t *testing.T) {
	text := "# a\r\n ; b\n\n \t\r\n /c # d \r\n\"#e\"\nf\v\n;\n#\nlast"
	want := []Line{{5, "/c # d"}, {6, `"#e"`}, {7, "f"}, {10, "last"}}
	if got := slices.Collect(All(text)); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for range All(text) {
		break // a caller may stop early
	}
}

func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		"a b":             {"a", "b"},
		" a\t'b c' \"d\"": {"a", "b c", "d"},
		`a'b "c'd"`:       {"a'b", "c'd"},
		`'a'"b"`:          {"a", "b"},
		`""`:              {""},
		"a # b":           {"a", "#", "b"},
		"":                nil,
	} {
		if got, err := Words(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
	if _, err := Words(`a "b c`); err == nil || !strings.Contains(err.Error(), `the quote of "b c is not closed`) {
		t.Errorf("an open quote: %v", err)
	}
}

func TestUnquote(t *testing.T) {
	for line, want := range map[string]string{`"a b"`: "a b", `'a'`: "a", `"a'`: `"a'`, `"`: `"`, `"a" b`: `"a" b`, `a"b"`: `a"b"`, `""`: ""} {
		if got := Unquote(line); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}

// Whatever the bytes, the text is one that a name can be taken from, in UTF-8 it is what it was, and words are read back as they are written.
func FuzzText(f *testing.F) {
	f.Add([]byte("add 'a b' /c\n#x\n;y\ndelete --force \"q\"\r\nrename a b'c"))
	f.Add([]byte("\xff\xfe/\x00a\x00\n\x00"))
	f.Add([]byte("\xfe\xff\x00/\xd8\x00\x00\n"))
	f.Add([]byte("\x00/\x00a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := Decode(b)
		if err != nil {
			return
		}
		if at := invalid(text); at >= 0 {
			t.Fatalf("%q gives %q", b, text)
		}
		last := 0
		for line := range All(text) {
			if line.N <= last || line.Text == "" || strings.Trim(line.Text, blanks) != line.Text || strings.Contains(line.Text, "\n") {
				t.Fatalf("%q has the line %+v", text, line)
			}
			last = line.N
			words, err := Words(line.Text)
			if err != nil {
				continue
			}
			again := ""
			for _, w := range words {
				if strings.Contains(w, `"`) && strings.Contains(w, "'") {
					return // which no quotes can hold
				}
				again += " " + Quote(w)
			}
			if got, err := Words(again); err != nil || !slices.Equal(got, words) {
				t.Fatalf("%q is written %q, and read %q, %v", words, again, got, err)
			}
		}
	})
}
