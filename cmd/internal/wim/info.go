package wim

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

// infoOptions are those of info. The name and description are nil where they stay as they are.
type infoOptions struct {
	writeOptions
	xml, header, blobs bool
	extractXML         string
	ref                []string
	boot               bool
	properties         []string
	file, image        string
	name, description  *string
}

func (a *app) infoCommand() *cli.Command {
	var o infoOptions
	return &cli.Command{
		Name:      "info",
		Usage:     "show what a WIM file holds, or change what it says of an image",
		ArgsUsage: "WIMFILE [IMAGE [NEW_NAME [NEW_DESC]]]",
		Flags: append([]cli.Flag{
			checkFlag(&o.check, "check the integrity table first, if there is one; when something is changed, add one"),
			&cli.BoolFlag{Name: "xml", Usage: "write the XML as it is in the file, which is UTF-16", Destination: &o.xml},
			&cli.StringFlag{Name: "extract-xml", Usage: "write the XML as it is in the file to `FILE`", Destination: &o.extractXML},
			&cli.BoolFlag{Name: "header", Usage: "show the header", Destination: &o.header},
			&cli.BoolFlag{Name: "blobs", Aliases: []string{"lookup-table"}, Usage: "show every resource", Destination: &o.blobs},
			refFlag(&o.ref),
			ui.JSONFlag(&o.json),
		}, o.editFlags()...),
		Action: ui.Verb(
			&o, a.info, ui.Arg("WIMFILE", &o.file), ui.OptionalArg("IMAGE", &o.image), ui.GivenArg("NEW_NAME", &o.name), ui.GivenArg("NEW_DESC", &o.description),
		),
	}
}

// imageJSON is one image in the output of info --json.
type imageJSON struct {
	Index         int               `json:"index"`
	Name          string            `json:"name"`
	Description   string            `json:"description,omitempty"`
	Dirs          int64             `json:"dirs"`
	Files         int64             `json:"files"`
	Bytes         int64             `json:"bytes"`
	HardLinkBytes int64             `json:"hard_link_bytes"`
	Created       string            `json:"created,omitempty"`
	Modified      string            `json:"modified,omitempty"`
	Properties    map[string]string `json:"properties,omitempty"` // of Windows, by their path in the XML
	Languages     []string          `json:"languages,omitempty"`
}

// wimJSON is the output of info --json.
type wimJSON struct {
	Path        string      `json:"path"`
	GUID        string      `json:"guid"`
	Version     uint32      `json:"version"`
	Compression string      `json:"compression"`
	PieceSize   int         `json:"piece_size"`
	Part        int         `json:"part"`
	Parts       int         `json:"parts"`
	BootIndex   int         `json:"boot_index"`
	Size        int64       `json:"size"` // as the XML says
	Attributes  []string    `json:"attributes"`
	Integrity   bool        `json:"integrity"`
	Resources   int         `json:"resources"`
	Images      []imageJSON `json:"images"`
	Blobs       []blobJSON  `json:"blobs,omitempty"`
}

// blobJSON is one resource in the output of info --blobs --json. Where it is in a solid run, offset and stored size
// are the run's.
type blobJSON struct {
	Hash       string `json:"sha1"`
	Offset     int64  `json:"offset"`
	StoredSize int64  `json:"stored_size"`
	Size       int64  `json:"size"`
	Part       int    `json:"part"`
	Refs       uint32 `json:"refs"`
	Metadata   bool   `json:"metadata,omitempty"`
	Compressed bool   `json:"compressed,omitempty"`
	RunSize    int64  `json:"solid_size,omitempty"` // content of the solid run
	RunOffset  *int64 `json:"solid_offset,omitempty"`
}

func (a *app) info(ctx context.Context, o infoOptions) error {
	if o.edits() {
		return a.infoEdit(ctx, o)
	}
	w, err := Open(o.file, o.ref...)
	if err != nil {
		return err
	}
	defer w.Close()
	if o.check {
		if err := w.VerifyIntegrity(ctx); err != nil {
			return ui.WIMHint(fmt.Errorf("verify %s: %w", o.file, err))
		}
	}
	images, which := w.Images(), o.image
	if which != "" && !strings.EqualFold(which, "all") {
		n, err := imageNumber(w.File, which)
		if err != nil {
			return err
		}
		images = images[n-1 : n]
	}
	if o.json {
		return a.PrintJSON(describeWIM(o.file, w.File, images, o.blobs))
	}
	p := &printer{app: a}
	some, err := p.asked(o, w.File)
	if err != nil {
		return err
	}
	if !some {
		if len(images) == len(w.Images()) && (which == "" || strings.EqualFold(which, "all")) {
			p.wim(describeWIM(o.file, w.File, images, false))
		}
		p.images(images, which != "" && !strings.EqualFold(which, "all"))
	}
	return p.err
}

// asked prints what options ask for, and says whether they asked for something.
func (p *printer) asked(o infoOptions, w *wim.File) (some bool, err error) {
	if o.header {
		p.header(w.Header)
		some = true
	}
	if o.blobs {
		for _, res := range w.Resources() {
			p.blob(describeBlob(w, res))
			p.text("\n")
		}
		some = true
	}
	if o.extractXML == "" && !o.xml {
		return some, nil
	}
	text, err := w.StoredXML()
	if err != nil {
		return true, err
	}
	if o.xml {
		p.text(string(text))
	}
	if o.extractXML != "" {
		if err := os.WriteFile(o.extractXML, text, 0o666); err != nil {
			return true, fmt.Errorf("write XML: %w", err)
		}
	}
	return true, nil
}

func describeWIM(path string, w *wim.File, images []wim.ImageInfo, blobs bool) wimJSON {
	h := w.Header
	info := wimJSON{
		Path: path, GUID: fmt.Sprintf("%x", h.GUID), Version: h.Version, Compression: h.Compression.String(), PieceSize: h.PieceSize,
		Part: h.Part, Parts: h.Parts, BootIndex: h.BootIndex, Attributes: wimAttributes(h),
		Integrity: h.Integrity.Size > 0, Resources: w.Count(), Images: []imageJSON{},
	}
	if total := w.Text("WIM/TOTALBYTES"); len(total) > 0 {
		info.Size, _ = strconv.ParseInt(strings.TrimSpace(total[0]), 10, 64) // what is no number tells nothing
	}
	for _, image := range images {
		info.Images = append(info.Images, describeImage(image))
	}
	if blobs {
		for _, res := range w.Resources() {
			info.Blobs = append(info.Blobs, describeBlob(w, res))
		}
	}
	return info
}

// wimAttributes names what the header says of the whole file.
func wimAttributes(h wim.Header) []string {
	out := []string{}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Pipable", h.Pipable},
		{"Integrity info", h.Integrity.Size > 0},
		{"Relative path junction", h.Flags&wim.FlagRPFix != 0},
		{"Resource only", h.Flags&wim.FlagResourceOnly != 0},
		{"Metadata only", h.Flags&wim.FlagMetadataOnly != 0},
		{"Readonly", h.Flags&wim.FlagReadOnly != 0},
	} {
		if f.set {
			out = append(out, f.name)
		}
	}
	return out
}

func describeImage(image wim.ImageInfo) imageJSON {
	out := imageJSON{
		Index: image.Index, Name: image.Name, Description: image.Description,
		Dirs: image.DirCount, Files: image.FileCount, Bytes: image.TotalBytes, HardLinkBytes: image.HardLinkBytes,
		Created: formatFiletime(image.Created), Modified: formatFiletime(image.Modified),
		Properties: map[string]string{}, Languages: image.Text(languages),
	}
	for _, p := range shownProperties {
		if v := image.Text(p.path); len(v) > 0 && p.path != languages {
			out.Properties[p.path] = v[0]
		}
	}
	return out
}

func describeBlob(w *wim.File, res wim.Resource) blobJSON {
	_, part, at := w.Where(res.Offset)
	b := blobJSON{
		Hash: res.Hash.String(), Offset: at, StoredSize: res.StoredSize, Size: res.Size, Part: part, Refs: res.Refs,
		Metadata: res.IsMetadata(), Compressed: !res.Solid && res.Compression != wim.None,
	}
	if res.Solid {
		b.RunSize, b.RunOffset = res.Run.Size, &res.Start
	}
	return b
}

// formatFiletime writes t in UTC; "" when it is not known.
func formatFiletime(t wim.Filetime) string {
	if t == 0 {
		return ""
	}
	return t.Time().Format(time.RFC3339Nano)
}
