package wim

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
)

// encodeXML returns the XML in UTF-16LE: the images, then what the document old, which may be empty, says of neither images nor sizes. total
// is the size of the file up to the XML.
func encodeXML(images []ImageInfo, old []byte, total int64) ([]byte, error) {
	top, rest, err := xmlBesideImages(old)
	if err != nil {
		return nil, corruptf("read XML: %w", err)
	}
	open := top.append([]byte("\ufeff"))
	b := append(bytes.TrimSuffix(open, []byte("/>")), '>')
	for i := range images {
		m := images[i]
		m.Index = i + 1
		el, err := m.tree()
		if err != nil {
			return nil, wrapf(err, "write XML of image %d", m.Index)
		}
		b = el.append(b)
	}
	b = append(b, rest...)
	b = append(append(b, "<TOTALBYTES>"...), strconv.FormatInt(total, 10)...)
	b = append(append(append(b, "</TOTALBYTES></"...), top.name...), '>')
	if err := checkMarkup(b); err != nil { // escaping may have made it longer
		return nil, wrapf(err, "write XML")
	}
	out, ok := encodeUTF16(string(b))
	if !ok || len(out) > maxXML {
		return nil, errors.New("write XML: it is not text, or longer than 16 MiB")
	}
	return out, nil
}

// xmlBesideImages returns the outermost element without its content, and of its content what is neither IMAGE nor TOTALBYTES, as it stands.
func xmlBesideImages(text []byte) (top *element, rest []byte, err error) {
	top = &element{name: "WIM"}
	if len(bytes.TrimSpace(text)) == 0 {
		return top, nil, nil
	}
	d := newXMLDecoder(text)
	depth, from, keep := 0, int64(0), false
	for {
		before := d.InputOffset()
		tok, err := d.RawToken()
		if err == io.EOF && depth == 0 {
			return top, rest, nil
		}
		if err != nil {
			return nil, nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			switch depth++; {
			case depth > maxXMLDepth:
				return nil, nil, errors.New("elements nest too deep")
			case depth == 1:
				top = &element{name: qualified(tok.Name)}
				for _, a := range tok.Attr {
					top.attrs = append(top.attrs, attribute{qualified(a.Name), a.Value})
				}
			case depth == 2:
				from, keep = before, tok.Name.Local != "IMAGE" && tok.Name.Local != "TOTALBYTES"
			}
		case xml.EndElement:
			if depth--; depth == 1 && keep {
				rest = append(rest, text[from:d.InputOffset()]...)
			}
		}
	}
}
