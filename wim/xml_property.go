package wim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Property returns the text of an element of the image's description, named by a path such as "NAME", "WINDOWS/VERSION/BUILD" or
// "WINDOWS/LANGUAGES/LANGUAGE[2]", where numbers count from 1. ok is false when there is none.
func (m *ImageInfo) Property(path string) (value string, ok bool) {
	steps, err := parsePath(path)
	if err != nil {
		return "", false
	}
	el, err := m.tree()
	if err != nil {
		return "", false
	}
	for _, s := range steps {
		if el, _ = el.child(s.name, s.n); el == nil {
			return "", false
		}
	}
	return el.text(), true
}

// SetProperty sets the text of an element, as Property names it, and makes elements that are missing; an empty value removes the element.
// A number may be one more than there are. Name, Description and what else m has fields for change with it.
func (m *ImageInfo) SetProperty(path, value string) error {
	fail := func(err error) error { return fmt.Errorf("set image property %q: %w", path, err) }
	steps, err := parsePath(path)
	if err != nil {
		return fail(err)
	}
	if err := checkXMLText(value); err != nil {
		return fail(err)
	}
	el, err := m.tree()
	if err != nil {
		return fail(err)
	}
	if err := el.set(steps, value); err != nil {
		return fail(err)
	}
	raw := el.append(nil)
	if len(raw) > maxXML/2 {
		return fail(fmt.Errorf("the description would have %d bytes, the limit is %d", len(raw), maxXML/2))
	}
	if _, err := parseElement(raw); err != nil { // what was added may have been too much
		return fail(err)
	}
	next := el.info()
	next.Index, next.RawXML = m.Index, raw
	*m = next
	return nil
}

// step is one part of a path: the n-th child of that name, 0-based.
type step struct {
	name string
	n    int
}

// parsePath cuts a path into steps.
func parsePath(path string) ([]step, error) {
	var steps []step
	for _, part := range strings.Split(path, "/") {
		s := step{name: part}
		if name, rest, ok := strings.Cut(part, "["); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
			if err != nil || n < 1 || n > maxXMLElements || !strings.HasSuffix(rest, "]") {
				return nil, fmt.Errorf("%q is not a name with a number from 1, as LANGUAGE[2]", part)
			}
			s = step{name, n - 1}
		}
		if !isXMLName(s.name) {
			return nil, fmt.Errorf("%q is not the name of an element", s.name)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func isXMLName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || r != '-' && r != '.' && r != ':' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != "" && s[len(s)-1] != ':'
}

// set gives the element at the path a text; "" removes it.
func (e *element) set(steps []step, value string) error {
	for i, s := range steps {
		el, count := e.child(s.name, s.n)
		if value == "" && (el == nil || i == len(steps)-1) {
			e.nodes = slices.DeleteFunc(e.nodes, func(n xmlNode) bool { return el != nil && n.el == el })
			return nil
		}
		if el == nil {
			if s.n > count {
				return fmt.Errorf("there are only %d of %s", count, s.name)
			}
			el = &element{name: s.name}
			e.nodes = append(e.nodes, xmlNode{el: el})
		}
		e = el
	}
	if slices.ContainsFunc(e.nodes, func(n xmlNode) bool { return n.el != nil }) {
		return fmt.Errorf("%s has elements in it", e.name)
	}
	e.nodes = []xmlNode{{text: value}}
	return nil
}

// info returns what the fields of ImageInfo tell.
func (e *element) info() (m ImageInfo) {
	e.each("", func(path, text string) { m.set(path, text) })
	return m
}

// each calls fn for every element below e.
func (e *element) each(path string, fn func(path, text string)) {
	for _, n := range e.nodes {
		if n.el != nil {
			fn(path+n.el.name, n.el.text())
			n.el.each(path+n.el.name+"/", fn)
		}
	}
}

// tree returns the description as it is now: the element that was read, and over it the fields that say something else.
func (m *ImageInfo) tree() (*element, error) {
	el := &element{name: "IMAGE"}
	was := ImageInfo{DirCount: -1, FileCount: -1, TotalBytes: -1, HardLinkBytes: -1}
	if len(m.RawXML) > 0 {
		var err error
		if el, err = parseElement(m.RawXML); err != nil {
			return nil, fmt.Errorf("read its XML: %w", err)
		}
		was = el.info()
	}
	el.setAttr("INDEX", strconv.Itoa(max(m.Index, 1)))
	fields := []struct {
		changed     bool
		path, value string
	}{
		{m.DirCount != was.DirCount, "DIRCOUNT", strconv.FormatInt(m.DirCount, 10)},
		{m.FileCount != was.FileCount, "FILECOUNT", strconv.FormatInt(m.FileCount, 10)},
		{m.TotalBytes != was.TotalBytes, "TOTALBYTES", strconv.FormatInt(m.TotalBytes, 10)},
		{m.HardLinkBytes != was.HardLinkBytes, "HARDLINKBYTES", strconv.FormatInt(m.HardLinkBytes, 10)},
		{m.Created != was.Created, "CREATIONTIME/HIGHPART", fmt.Sprintf("0x%08X", uint32(m.Created>>32))},
		{m.Created != was.Created, "CREATIONTIME/LOWPART", fmt.Sprintf("0x%08X", uint32(m.Created))},
		{m.Modified != was.Modified, "LASTMODIFICATIONTIME/HIGHPART", fmt.Sprintf("0x%08X", uint32(m.Modified>>32))},
		{m.Modified != was.Modified, "LASTMODIFICATIONTIME/LOWPART", fmt.Sprintf("0x%08X", uint32(m.Modified))},
		{m.Name != was.Name, "NAME", m.Name},
		{m.Description != was.Description, "DESCRIPTION", m.Description},
	}
	for _, f := range fields {
		if !f.changed {
			continue
		}
		if err := checkXMLText(f.value); err != nil {
			return nil, fmt.Errorf("its %s: %w", f.path, err)
		}
		steps, err := parsePath(f.path)
		if err != nil {
			return nil, err
		}
		if err := el.set(steps, f.value); err != nil {
			return nil, err
		}
	}
	return el, nil
}
