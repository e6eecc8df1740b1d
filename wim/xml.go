package wim

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	maxXMLDepth  = 64       // of elements
	maxXMLMarkup = 64 << 10 // bytes from < to >
)

// ImageInfo is what the XML says of one image.
type ImageInfo struct {
	Index         int // 1-based
	Name          string
	Description   string
	DirCount      int64
	FileCount     int64
	TotalBytes    int64
	HardLinkBytes int64
	Created       Filetime
	Modified      Filetime
	RawXML        []byte // the IMAGE element as it stands in the file, in UTF-8
}

// StoredXML reads the XML as it is stored: UTF-16LE, with a byte order mark where there is one.
func (f *File) StoredXML() ([]byte, error) {
	b, err := f.readPlain(f.Header.XML, &f.volumes[0])
	if err != nil {
		return nil, wrapf(err, "read XML")
	}
	return b, nil
}

// readXML reads the XML and keeps what it says of each image. An image of which it says nothing is known by its index only.
func (f *File) readXML() error {
	if f.Header.XML.Size > maxXML {
		return FaultXML.Of(corruptf("read XML: %d bytes, the limit is %d", f.Header.XML.Size, maxXML))
	}
	b, err := f.StoredXML()
	if err != nil {
		return err
	}
	text := strings.TrimPrefix(decodeUTF16(b), "\ufeff")
	f.xml = []byte(strings.TrimRight(text, "\x00"))
	f.images = make([]ImageInfo, f.Header.ImageCount)
	for i := range f.images {
		f.images[i].Index = i + 1
	}
	if len(bytes.TrimSpace(f.xml)) == 0 {
		return nil
	}
	if err := parseXML(f.xml, f.images); err != nil {
		return FaultXML.Of(corruptf("read XML: %w", err))
	}
	return nil
}

// checkMarkup refuses markup of unreasonable length, for each attribute in it costs memory.
func checkMarkup(text []byte) error {
	for {
		i := bytes.IndexByte(text, '<')
		if i < 0 {
			return nil
		}
		text = text[i:]
		n := bytes.IndexByte(text[:min(len(text), maxXMLMarkup)], '>')
		if n < 0 && len(text) >= maxXMLMarkup {
			return errors.New("a tag or comment of more than " + strconv.Itoa(maxXMLMarkup) + " bytes")
		}
		text = text[max(n, 0)+1:]
	}
}

// Text returns the text of all elements of the image's XML that are at a path, such as WINDOWS/LANGUAGES/LANGUAGE, in their order.
func (m ImageInfo) Text(path string) []string { return textAt(m.RawXML, "IMAGE/"+path) }

// Text returns the text of all elements of the file's XML that are at a path, such as WIM/TOTALBYTES, in their order.
func (f *File) Text(path string) []string { return textAt(f.xml, path) }

// textAt returns the text of elements. The XML has been parsed before, so that errors are no matter here.
func textAt(text []byte, path string) (found []string) {
	steps := strings.Split(path, "/")
	var at []string
	var value strings.Builder
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		tok, err := d.RawToken()
		if err != nil {
			return found
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			at = append(at, tok.Name.Local)
			value.Reset()
		case xml.CharData:
			value.Write(tok)
		case xml.EndElement:
			if slices.Equal(at, steps) {
				found = append(found, value.String())
			}
			at = at[:max(0, len(at)-1)]
			value.Reset()
		}
	}
}

// parseXML fills images from the IMAGE elements by their INDEX.
func parseXML(text []byte, images []ImageInfo) error {
	if err := checkMarkup(text); err != nil {
		return err
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var path []string
	var info *ImageInfo
	var start int64
	var value strings.Builder
	for {
		before := d.InputOffset()
		tok, err := d.RawToken()
		if err == io.EOF && len(path) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if len(path) == maxXMLDepth {
				return errors.New("elements nest too deep")
			}
			path = append(path, tok.Name.Local)
			value.Reset()
			if len(path) == 2 && tok.Name.Local == "IMAGE" {
				start = before
				if info, err = imageOf(tok, images); err != nil {
					return err
				}
			}
		case xml.CharData:
			value.Write(tok)
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != tok.Name.Local {
				return errors.New("elements are not nested")
			}
			if info != nil && len(path) > 2 {
				info.set(strings.Join(path[2:], "/"), value.String())
			}
			if len(path) == 2 && info != nil {
				info.RawXML = text[start:d.InputOffset()]
				info = nil
			}
			path = path[:len(path)-1]
			value.Reset()
		}
	}
}

// imageOf finds the image that an IMAGE element describes.
func imageOf(el xml.StartElement, images []ImageInfo) (*ImageInfo, error) {
	for _, a := range el.Attr {
		if a.Name.Local != "INDEX" {
			continue
		}
		n, err := strconv.Atoi(a.Value)
		if err != nil || n < 1 || n > len(images) {
			return nil, errors.New("it describes image " + strconv.Quote(a.Value) + " of " + strconv.Itoa(len(images)))
		}
		if images[n-1].RawXML != nil {
			return nil, errors.New("it describes image " + a.Value + " twice")
		}
		return &images[n-1], nil
	}
	return nil, errors.New("an IMAGE element has no INDEX")
}

// set takes the text of one element. What is not a number where one should be counts as 0, as it only informs.
func (m *ImageInfo) set(path, value string) {
	number := func() int64 { n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64); return max(n, 0) }
	half := func() Filetime {
		n, _ := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(value), "0x"), 16, 32)
		return Filetime(n)
	}
	switch path {
	case "NAME":
		m.Name = value
	case "DESCRIPTION":
		m.Description = value
	case "DIRCOUNT":
		m.DirCount = number()
	case "FILECOUNT":
		m.FileCount = number()
	case "TOTALBYTES":
		m.TotalBytes = number()
	case "HARDLINKBYTES":
		m.HardLinkBytes = number()
	case "CREATIONTIME/HIGHPART":
		m.Created |= half() << 32
	case "CREATIONTIME/LOWPART":
		m.Created |= half()
	case "LASTMODIFICATIONTIME/HIGHPART":
		m.Modified |= half() << 32
	case "LASTMODIFICATIONTIME/LOWPART":
		m.Modified |= half()
	}
}
