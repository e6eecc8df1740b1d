package wim

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxXMLElements bounds how many elements and attributes the description of one image has, where it is to be changed.
const maxXMLElements = 1 << 16

// element is an XML element that is to be changed. Comments and processing instructions are not kept.
type element struct {
	name  string // with its prefix
	attrs []attribute
	nodes []xmlNode
}

type attribute struct{ name, value string }

// xmlNode is a piece of text or an element.
type xmlNode struct {
	text string
	el   *element
}

func newXMLDecoder(text []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now, whatever it says
	return d
}

// parseElement reads the one element that text holds, an IMAGE, which stands in a WIM.
func parseElement(text []byte) (*element, error) {
	if err := checkMarkup(text); err != nil {
		return nil, err
	}
	d := newXMLDecoder(text)
	top := &element{}
	open := []*element{top}
	count := 0
	for {
		tok, err := d.RawToken()
		if err == io.EOF && len(open) == 1 {
			if len(top.nodes) != 1 || top.nodes[0].el == nil {
				return nil, errors.New("there is not one element")
			}
			return top.nodes[0].el, nil
		}
		if err != nil {
			return nil, err
		}
		in := open[len(open)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			if len(open) >= maxXMLDepth { // WIM, and those in open but its first
				return nil, errors.New("elements nest too deep")
			}
			if count += 1 + len(tok.Attr); count > maxXMLElements {
				return nil, fmt.Errorf("more than %d elements and attributes", maxXMLElements)
			}
			el := &element{name: qualified(tok.Name)}
			for _, a := range tok.Attr {
				el.attrs = append(el.attrs, attribute{qualified(a.Name), a.Value})
			}
			in.nodes = append(in.nodes, xmlNode{el: el})
			open = append(open, el)
		case xml.CharData:
			if len(open) > 1 || len(bytes.TrimSpace(tok)) > 0 {
				in.addText(string(tok))
			}
		case xml.EndElement:
			if len(open) == 1 || in.name != qualified(tok.Name) {
				return nil, errors.New("elements are not nested")
			}
			open = open[:len(open)-1]
		}
	}
}

func qualified(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

func (e *element) addText(s string) {
	if n := len(e.nodes); n > 0 && e.nodes[n-1].el == nil {
		e.nodes[n-1].text += s
		return
	}
	e.nodes = append(e.nodes, xmlNode{text: s})
}

// append appends the element as text.
func (e *element) append(b []byte) []byte {
	b = append(append(b, '<'), e.name...)
	for _, a := range e.attrs {
		b = append(append(append(b, ' '), a.name...), `="`...)
		b = append(append(b, attrEscaper.Replace(a.value)...), '"')
	}
	if len(e.nodes) == 0 {
		return append(b, "/>"...)
	}
	b = append(b, '>')
	for _, n := range e.nodes {
		if n.el != nil {
			b = n.el.append(b)
		} else {
			b = append(b, textEscaper.Replace(n.text)...)
		}
	}
	b = append(append(b, "</"...), e.name...)
	return append(b, '>')
}

// The least that must be escaped: some readers know few entities.
var (
	textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	attrEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#xD;", "\n", "&#xA;", "\t", "&#x9;")
)

// checkXMLText refuses what XML cannot hold.
func checkXMLText(s string) error {
	bad := func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, bad) {
		return fmt.Errorf("%.60q is not plain text", s)
	}
	return nil
}

// child finds the n-th child element of that name, 0-based; also how many there are, up to that one.
func (e *element) child(name string, n int) (el *element, count int) {
	for _, c := range e.nodes {
		if c.el == nil || c.el.name != name {
			continue
		}
		if count == n {
			return c.el, count
		}
		count++
	}
	return nil, count
}

// text is the text of an element without children.
func (e *element) text() string {
	var s string
	for _, c := range e.nodes {
		if c.el != nil {
			return ""
		}
		s += c.text
	}
	return s
}

// attr returns an attribute's value.
func (e *element) setAttr(name, value string) {
	for i := range e.attrs {
		if e.attrs[i].name == name {
			e.attrs[i].value = value
			return
		}
	}
	e.attrs = append(e.attrs, attribute{name, value})
}
