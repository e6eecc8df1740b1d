package wim

import (
	"fmt"
	"strings"
	"time"

	"github.com/wimcast/wimcast/wim"
)

// attributeNames names the bits of a file's attributes, from the lowest on.
var attributeNames = []string{
	"READONLY", "HIDDEN", "SYSTEM", "", "DIRECTORY", "ARCHIVE", "DEVICE", "NORMAL", "TEMPORARY", "SPARSE_FILE", "REPARSE_POINT",
	"COMPRESSED", "OFFLINE", "NOT_CONTENT_INDEXED", "ENCRYPTED", "", "VIRTUAL",
}

// file prints all that is known of a file, with the names that wimlib-imagex has for it.
func (p *printer) file(f fileJSON) {
	line := func(name string, value any) { p.detail(20, name, value) }
	p.text(strings.Repeat("-", 76) + "\n")
	line("Full Path", `"`+f.Path+`"`)
	line("Short Name", `"`+f.ShortName+`"`)
	line("Attributes", fmt.Sprintf("0x%08x", f.Attributes))
	for i, name := range attributeNames {
		if name != "" && f.Attributes&(1<<i) != 0 {
			p.text("    FILE_ATTRIBUTE_" + name + " is set\n")
		}
	}
	if f.Descriptor != "" {
		line("Security Descriptor", f.Descriptor)
	}
	line("Creation Time", plain(f.Created))
	line("Last Write Time", plain(f.Modified))
	line("Last Access Time", plain(f.Accessed))
	if f.Attributes&wim.AttrReparse != 0 {
		line("Reparse Tag", fmt.Sprintf("0x%x", f.ReparseTag))
	}
	line("Link Group ID", fmt.Sprintf("0x%016x", f.HardLink))
	line("Link Count", f.Links)
	for i, name := range []string{"Object ID", "Birth Volume ID", "Birth Object ID", "Domain ID"} {
		if len(f.ObjectID) < 32*(i+1) {
			break
		}
		if id := f.ObjectID[32*i : 32*(i+1)]; i == 0 || strings.Trim(id, "0") != "" {
			line(name, "0x"+id)
		}
	}
	if u := f.Unix; u != nil {
		line("UNIX Data", fmt.Sprintf("uid:%d gid:%d mode:0%o rdev:0x%x", u.UID, u.GID, u.Mode, u.Rdev))
	}
	for _, e := range f.EAs {
		line("Extended Attribute", fmt.Sprintf("%q, %d bytes", e.Name, len(e.Value)))
	}
	p.streams(f)
}

// plain turns a time of fileJSON into the form of plainTime.
func plain(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return plainTime(0)
	}
	return t.UTC().Format(plainLayout)
}

// streams prints the streams, and of a file that is nothing special an unnamed one in any case.
func (p *printer) streams(f fileJSON) {
	if f.Hash == "" && f.Attributes&(wim.AttrReparse|wim.AttrEncrypted) == 0 {
		p.stream(streamJSON{Kind: "data", Hash: wim.SHA1{}.String()})
	}
	for _, s := range f.Streams {
		p.stream(s)
	}
}

func (p *printer) stream(s streamJSON) {
	switch s.Kind {
	case "data":
		p.text("\tUnnamed data stream:\n")
	case "reparse":
		p.text("\tReparse point stream:\n")
	case "raw":
		p.text("\tRaw encrypted data stream:\n")
	default:
		p.text(fmt.Sprintf("\tNamed data stream \"%s\":\n", s.Name))
	}
	blob := blobJSON{Hash: s.Hash}
	if s.Blob != nil {
		blob = *s.Blob
	}
	p.blob(blob)
	p.text("\n")
}
