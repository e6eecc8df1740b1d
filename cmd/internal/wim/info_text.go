package wim

import (
	"fmt"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// languages is the one property that an image may have several times.
const languages = "WINDOWS/LANGUAGES/LANGUAGE"

// shownProperty is an element of an image's XML and what info calls it. Names and their order are wimlib-imagex's,
// for scripts that look for them.
type shownProperty struct{ path, name string }

var shownProperties = []shownProperty{
	{"DISPLAYNAME", "Display Name"},
	{"DISPLAYDESCRIPTION", "Display Description"},
	{"WINDOWS/ARCH", "Architecture"},
	{"WINDOWS/PRODUCTNAME", "Product Name"},
	{"WINDOWS/EDITIONID", "Edition ID"},
	{"WINDOWS/INSTALLATIONTYPE", "Installation Type"},
	{"WINDOWS/HAL", "HAL"},
	{"WINDOWS/PRODUCTTYPE", "Product Type"},
	{"WINDOWS/PRODUCTSUITE", "Product Suite"},
	{languages, "Languages"},
	{"WINDOWS/LANGUAGES/DEFAULT", "Default Language"},
	{"WINDOWS/SYSTEMROOT", "System Root"},
	{"WINDOWS/VERSION/MAJOR", "Major Version"},
	{"WINDOWS/VERSION/MINOR", "Minor Version"},
	{"WINDOWS/VERSION/BUILD", "Build"},
	{"WINDOWS/VERSION/SPBUILD", "Service Pack Build"},
	{"WINDOWS/VERSION/SPLEVEL", "Service Pack Level"},
	{"FLAGS", "Flags"},
}

// architecture names the processors that WINDOWS/ARCH counts.
func architecture(n string) string {
	switch strings.TrimSpace(n) {
	case "0":
		return "x86"
	case "5":
		return "ARM"
	case "6":
		return "ia64"
	case "9":
		return "x86_64"
	case "12":
		return "ARM64"
	}
	return "unknown"
}

// printer writes to standard output until the first error.
type printer struct {
	*app
	err error
}

func (p *printer) text(s string) {
	if p.err == nil {
		p.err = p.Printf("%s", s)
	}
}

// field prints a line "name:   value" of the file as a whole, property one of an image, and detail one "name   = value".
func (p *printer) field(name string, value any) { p.text(fmt.Sprintf("%-16s%v\n", name+":", value)) }

func (p *printer) property(name string, value any) { p.text(fmt.Sprintf("%-24s%v\n", name+":", value)) }

func (p *printer) detail(width int, name string, value any) {
	p.text(fmt.Sprintf("%-*s= %v\n", width, name, value))
}

// wim prints what is known of the file as a whole.
func (p *printer) wim(info wimJSON) {
	p.text("WIM Information:\n----------------\n")
	p.field("Path", info.Path)
	p.field("GUID", "0x"+info.GUID)
	p.field("Version", info.Version)
	p.field("Image Count", len(info.Images))
	compression := info.Compression
	if compression == wim.None.String() {
		compression = "None" // as wimlib-imagex has it here, and only here
	}
	p.field("Compression", compression)
	p.field("Chunk Size", fmt.Sprintf("%d bytes", info.PieceSize))
	p.field("Part Number", fmt.Sprintf("%d/%d", info.Part, info.Parts))
	p.field("Boot Index", info.BootIndex)
	p.field("Size", fmt.Sprintf("%d bytes", info.Size))
	p.field("Attributes", strings.Join(info.Attributes, ", "))
	p.text("\n")
}

// images prints what the XML tells of all images, or of one that was asked for.
func (p *printer) images(images []wim.ImageInfo, one bool) {
	if one {
		title := fmt.Sprintf("Information for Image %d", images[0].Index)
		p.text(title + "\n" + strings.Repeat("-", len(title)) + "\n")
	} else if len(images) > 0 {
		p.text("Available Images:\n-----------------\n")
	}
	for _, image := range images {
		p.image(image)
		p.text("\n")
	}
}

func (p *printer) image(image wim.ImageInfo) {
	p.property("Index", image.Index)
	p.property("Name", image.Name)
	p.property("Description", image.Description)
	for _, prop := range shownProperties {
		if prop.path == "WINDOWS/ARCH" {
			p.counts(image)
		}
		switch v := image.Text(prop.path); {
		case len(v) == 0:
		case prop.path == languages:
			p.property(prop.name, strings.Join(v, " ")+" ")
		case prop.path == "WINDOWS/ARCH":
			p.property(prop.name, architecture(v[0]))
		default:
			p.property(prop.name, v[0])
		}
	}
	boot := "no"
	if v := image.Text("WIMBOOT"); len(v) > 0 && strings.TrimSpace(v[0]) == "1" {
		boot = "yes"
	}
	p.property("WIMBoot compatible", boot)
}

// counts prints the numbers and times that every image has.
func (p *printer) counts(image wim.ImageInfo) {
	p.property("Directory Count", image.DirCount)
	p.property("File Count", image.FileCount)
	p.property("Total Bytes", image.TotalBytes)
	p.property("Hard Link Bytes", image.HardLinkBytes)
	p.property("Creation Time", plainTime(image.Created))
	p.property("Last Modification Time", plainTime(image.Modified))
}

const plainLayout = "Mon Jan 02 15:04:05 2006 UTC"

// plainTime writes a time as wimlib-imagex does, in UTC.
func plainTime(t wim.Filetime) string { return t.Time().UTC().Format(plainLayout) }

// headerFlags names the bits of the header's flags.
var headerFlags = []struct {
	bit  wim.HeaderFlags
	name string
}{
	{0x1, "RESERVED"},
	{wim.FlagCompressed, "COMPRESSION"},
	{wim.FlagReadOnly, "READONLY"},
	{wim.FlagSpanned, "SPANNED"},
	{wim.FlagResourceOnly, "RESOURCE_ONLY"},
	{wim.FlagMetadataOnly, "METADATA_ONLY"},
	{wim.FlagWriteInProgress, "WRITE_IN_PROGRESS"},
	{wim.FlagRPFix, "RP_FIX"},
	{0x10000, "COMPRESS_RESERVED"},
	{wim.FlagXPRESS, "COMPRESS_XPRESS"},
	{wim.FlagLZX, "COMPRESS_LZX"},
	{wim.FlagLZMS, "COMPRESS_LZMS"},
	{wim.FlagXPRESS2, "COMPRESS_XPRESS_2"},
}

// header prints the header.
func (p *printer) header(h wim.Header) {
	line := func(name string, value any) { p.detail(28, name, value) }
	magic := `MSWIM\0\0\0`
	if h.Pipable {
		magic = `WLPWM\0\0\0`
	}
	line("Magic Characters", magic)
	line("Header Size", wim.HeaderSize)
	line("Version", fmt.Sprintf("0x%x", h.Version))
	line("Flags", fmt.Sprintf("0x%x", uint32(h.Flags)))
	for _, f := range headerFlags {
		if h.Flags&f.bit != 0 {
			p.text("    WIM_HDR_FLAG_" + f.name + " is set\n")
		}
	}
	line("Chunk Size", h.PieceSize)
	line("GUID", fmt.Sprintf("%x", h.GUID))
	line("Part Number", h.Part)
	line("Total Parts", h.Parts)
	line("Image Count", h.ImageCount)
	for _, t := range []struct {
		name string
		at   wim.Location
	}{{"Blob Table", h.BlobTable}, {"XML Data", h.XML}, {"Boot Metadata", h.BootMetadata}} {
		line(t.name+" Size", t.at.StoredSize)
		line(t.name+" Flags", fmt.Sprintf("0x%x", uint8(t.at.Flags)))
		line(t.name+" Offset", t.at.Offset)
		line(t.name+originalSize(t.name), t.at.Size)
	}
	line("Boot Index", h.BootIndex)
	line("Integrity Size", h.Integrity.StoredSize)
	line("Integrity Flags", fmt.Sprintf("0x%x", uint8(h.Integrity.Flags)))
	line("Integrity Offset", h.Integrity.Offset)
	line("Integrity Original_size", h.Integrity.Size)
}

// originalSize is what wimlib-imagex calls the uncompressed size of a table, which is not always the same.
func originalSize(table string) string {
	if table == "Blob Table" {
		return " Original_size"
	}
	return " Original Size"
}

// blob prints a resource.
func (p *printer) blob(b blobJSON) {
	line := func(name string, value any) { p.detail(18, name, value) }
	line("Hash", "0x"+b.Hash)
	line("Uncompressed size", fmt.Sprintf("%d bytes", b.Size))
	flags := ""
	if b.RunOffset != nil {
		line("Solid resource", fmt.Sprintf("%d => %d bytes @ offset %d", b.RunSize, b.StoredSize, b.Offset))
		line("Solid offset", fmt.Sprintf("%d bytes", *b.RunOffset))
		flags = "WIM_RESHDR_FLAG_SOLID  "
	} else {
		line("Compressed size", fmt.Sprintf("%d bytes", b.StoredSize))
		line("Offset in WIM", fmt.Sprintf("%d bytes", b.Offset))
	}
	line("Part Number", b.Part)
	line("Reference Count", b.Refs)
	if b.Compressed {
		flags += "WIM_RESHDR_FLAG_COMPRESSED  "
	}
	if b.Metadata {
		flags += "WIM_RESHDR_FLAG_METADATA  "
	}
	line("Flags", flags)
}
