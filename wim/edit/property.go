package edit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds on properties.
const (
	maxPropertyDepth = 32      // elements in a property's path
	maxPropertyValue = 1 << 16 // bytes of a value
	maxXMLElements   = 1 << 20 // in one IMAGE element
)

// Property is a value in the XML of an image: Path names an element below IMAGE, as "WINDOWS/VERSION/MAJOR" or "SERVICINGDATA/X[2]" for the second
// of several X. An empty value removes the element.
type Property struct {
	Path, Value string
}

// ParseProperty reads NAME=VALUE.
func ParseProperty(s string) (Property, error) {
	path, value, ok := strings.Cut(s, "=")
	if !ok {
		return Property{}, fmt.Errorf("image property %q: want NAME=VALUE", s)
	}
	p := Property{path, value}
	_, err := p.steps()
	return p, err
}

// step is one element of a property's path.
type step struct {
	name   string
	number int // 1-based, among its siblings of that name
}

// steps checks the property and gives its path.
func (p Property) steps() ([]step, error) {
	fail := func(why string) ([]step, error) {
		return nil, fmt.Errorf("image property %q: %s", p.Path, why)
	}
	if len(p.Value) > maxPropertyValue || !plainText(p.Value) {
		return fail(fmt.Sprintf("its value is not plain text of up to %d bytes", maxPropertyValue))
	}
	names := strings.Split(p.Path, "/")
	if len(names) > maxPropertyDepth {
		return fail(fmt.Sprintf("more than %d elements deep", maxPropertyDepth))
	}
	out := make([]step, 0, len(names))
	for _, name := range names {
		s := step{name, 1}
		if base, index, ok := strings.Cut(name, "["); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if err != nil || n < 1 || n > maxXMLElements || !strings.HasSuffix(index, "]") {
				return fail("a number in brackets counts elements of one name from 1, as X[2]")
			}
			s = step{base, n}
		}
		if !elementName(s.name) {
			return fail("want names of XML elements separated by slashes, as WINDOWS/VERSION/MAJOR")
		}
		out = append(out, s)
	}
	return out, nil
}

// elementName says whether an element can have the name: letters, digits and a few signs, in ASCII, and no digit or sign first.
func elementName(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// plainText says whether XML can hold the text.
func plainText(s string) bool {
	bad := func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	}
	return utf8.ValidString(s) && !strings.ContainsFunc(s, bad)
}

// element is where one element stands in the text.
type element struct {
	name       string
	start, end int // of all of it
	open       int // behind its start tag
	close      int // at its end tag; open where it has none, as <A/>
	children   []*element
}

// empty says whether the element is one tag, as <A/>.
func (e *element) empty() bool { return e.close == e.end }

// parseElement reads text that is one element.
func parseElement(text []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	root := &element{}
	open := []*element{root}
	for count := 0; ; {
		before := int(d.InputOffset())
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) && len(open) == 1 && len(root.children) == 1 {
			return root.children[0], nil
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if count++; count > maxXMLElements || len(open) > maxPropertyDepth*2 {
				return nil, errors.New("too many elements")
			}
			e := &element{name: fullName(tok.Name), start: before, open: int(d.InputOffset())}
			parent := open[len(open)-1]
			parent.children = append(parent.children, e)
			open = append(open, e)
		case xml.EndElement:
			e := open[len(open)-1]
			if len(open) == 1 || e.name != fullName(tok.Name) {
				return nil, errors.New("elements are not nested")
			}
			e.close, e.end = before, int(d.InputOffset())
			open = open[:len(open)-1]
		}
	}
}

func fullName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// child gives the n-th child of that name, 1-based, and how many there are.
func (e *element) child(s step) (found *element, count int) {
	for _, c := range e.children {
		if c.name == s.name {
			if count++; count == s.number {
				found = c
			}
		}
	}
	return found, count
}

// Set changes the property in the text of an IMAGE element, which stays as it is otherwise. An element that is not there is added behind its
// siblings; number n needs n-1 to be there.
func (p Property) Set(image []byte) ([]byte, error) {
	steps, err := p.steps()
	if err != nil {
		return nil, err
	}
	at, err := parseElement(image)
	if err != nil {
		return nil, fmt.Errorf("set image property %q: read the image's XML: %w", p.Path, err)
	}
	for len(steps) > 0 {
		next, count := at.child(steps[0])
		if next == nil {
			if steps[0].number != count+1 {
				return nil, fmt.Errorf("set image property %q: there are %d elements %s, so the next to add is %s[%d]", p.Path, count, steps[0].name, steps[0].name, count+1)
			}
			break
		}
		at, steps = next, steps[1:]
	}
	switch {
	case p.Value == "" && len(steps) > 0:
		return image, nil
	case p.Value == "":
		return splice(image, at.start, at.end, ""), nil
	case len(steps) == 0:
		return at.fill(image, at.open, escape(p.Value)), nil
	}
	for _, s := range steps[1:] {
		if s.number != 1 {
			return nil, fmt.Errorf("set image property %q: there is no element %s yet, so the next to add is %s[1]", p.Path, s.name, s.name)
		}
	}
	var b strings.Builder
	for _, s := range steps {
		b.WriteString("<" + s.name + ">")
	}
	b.WriteString(escape(p.Value))
	for i := range steps {
		b.WriteString("</" + steps[len(steps)-1-i].name + ">")
	}
	return at.fill(image, at.close, b.String()), nil
}

// fill replaces what is between from and the end tag of e.
func (e *element) fill(text []byte, from int, with string) []byte {
	if e.empty() {
		slash := bytes.LastIndexByte(text[e.start:e.end], '/') + e.start
		return splice(text, slash, e.end, ">"+with+"</"+e.name+">")
	}
	return splice(text, from, e.close, with)
}

// splice gives text with what is from start to end replaced.
func splice(text []byte, start, end int, with string) []byte {
	out := make([]byte, 0, len(text)-(end-start)+len(with))
	out = append(out, text[:start]...)
	out = append(out, with...)
	return append(out, text[end:]...)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
