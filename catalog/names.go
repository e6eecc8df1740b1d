package catalog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxName bounds the name and the version of a content, and the names of sites and nodes, in bytes.
const MaxName = 64

// maxImage is the highest number of an image in a WIM.
const maxImage = 65535

// Ref names a content on the command line: NAME[@VERSION][:IMAGE].
type Ref struct {
	Name    string
	Version string // empty: the latest published
	Image   int    // 1..65535; 0 when not said
}

// String writes what ParseRef reads.
func (r Ref) String() string {
	s := r.Name
	if r.Version != "" {
		s += "@" + r.Version
	}
	if r.Image != 0 {
		s += ":" + strconv.Itoa(r.Image)
	}
	return s
}

// ParseRef parses NAME[@VERSION][:IMAGE].
func ParseRef(s string) (Ref, error) {
	var r Ref
	rest, image, hasImage := strings.Cut(s, ":")
	name, version, hasVersion := strings.Cut(rest, "@")
	r.Name, r.Version = name, version
	err := checkWord("name", name)
	if err == nil && hasVersion {
		err = checkWord("version", version)
	}
	if err == nil && hasImage {
		r.Image, err = parseImage(image)
	}
	if err != nil {
		return Ref{}, fmt.Errorf("parse %q as NAME[@VERSION][:IMAGE]: %w", s, err)
	}
	return r, nil
}

// ParseName parses NAME@VERSION, both of which must be there.
func ParseName(s string) (name, version string, err error) {
	r, err := ParseRef(s)
	switch {
	case err != nil:
		return "", "", err
	case r.Version == "":
		return "", "", fmt.Errorf("parse %q as NAME@VERSION: no version; write for example %s@1", s, r.Name)
	case r.Image != 0:
		return "", "", fmt.Errorf("parse %q as NAME@VERSION: an image number has no place here", s)
	}
	return r.Name, r.Version, nil
}

func parseImage(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxImage || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("image number %q: want 1 to %d", s, maxImage)
	}
	return n, nil
}

// checkWord checks a content's name or version: letters, digits and "._+-" of ASCII, a letter or digit first, so that
// it can stand in a command line, a URL and a file name.
func checkWord(what, s string) error {
	if s == "" {
		return fmt.Errorf("the %s is empty", what)
	}
	if len(s) > MaxName {
		return fmt.Errorf("the %s has %d bytes: at most %d", what, len(s), MaxName)
	}
	for i := range len(s) {
		c := s[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alnum && (i == 0 || !strings.ContainsRune("._+-", rune(c))) {
			return fmt.Errorf("%s %q: want letters, digits and . _ + - (a letter or digit first)", what, s)
		}
	}
	return nil
}

var errLabel = errors.New("want 1 to 64 bytes of UTF-8 without control characters or spaces at the ends")

// CheckLabel checks the name of a site or a node: text for people, safe to print. The rule is spelt out in code points
// rather than taken from package unicode, so that all versions agree on what is well-formed.
func CheckLabel(what, s string) error {
	ok := s != "" && len(s) <= MaxName && utf8.ValidString(s) && strings.Trim(s, " ") == s
	if !ok || strings.ContainsFunc(s, unprintable) {
		return fmt.Errorf("%s %q: %w", what, s, errLabel)
	}
	return nil
}

func unprintable(c rune) bool {
	control := c < 0x20 || c >= 0x7f && c <= 0x9f
	direction := c >= 0x200b && c <= 0x200f || c >= 0x2028 && c <= 0x202e || c >= 0x2060 && c <= 0x2069 || c == 0xfeff
	return control || direction
}

// FitLabel makes a name that nobody chose, such as a host name, one that CheckLabel takes: what must not be in it is left out, what is too
// long is cut. "" when nothing is left.
func FitLabel(s string) string {
	s = strings.Map(func(c rune) rune {
		if unprintable(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	s = strings.Trim(s, " ")
	if len(s) > MaxName {
		s = strings.Trim(strings.ToValidUTF8(s[:MaxName], ""), " ")
	}
	return s
}
