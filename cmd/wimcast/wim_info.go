package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/wim"
)

func (a *app) wimInfoCommand() *cli.Command {
	return &cli.Command{
		Name:      "info",
		Usage:     "show what a WIM file holds, or change what it says of an image",
		ArgsUsage: "WIMFILE [IMAGE [NEW_NAME [NEW_DESC]]]",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "verify every resource and the integrity table first"},
			&cli.BoolFlag{Name: "xml", Usage: "write the XML as it is in the file, in UTF-8, and nothing else"},
			&cli.StringFlag{Name: "extract-xml", Usage: "write the XML to `FILE` and nothing else"},
			&cli.BoolFlag{Name: "header", Usage: "show the header too"},
			&cli.BoolFlag{Name: "blobs", Usage: "show every resource too"},
			refFlag(),
			jsonFlag(),
		}, infoEditFlags()...),
		Action: a.wimInfo,
	}
}

// imageJSON is one image in the output of info --json.
type imageJSON struct {
	Index         int    `json:"index"`
	Name          string `json:"name"`
	Description   string `json:"description,omitempty"`
	Dirs          int64  `json:"dirs"`
	Files         int64  `json:"files"`
	Bytes         int64  `json:"bytes"`
	HardLinkBytes int64  `json:"hard_link_bytes"`
	Created       string `json:"created,omitempty"`
	Modified      string `json:"modified,omitempty"`
}

// wimJSON is the output of info --json.
type wimJSON struct {
	Path        string      `json:"path"`
	GUID        string      `json:"guid"`
	Version     uint32      `json:"version"`
	Compression string      `json:"compression"`
	PieceSize   int         `json:"piece_size"`
	BootIndex   int         `json:"boot_index"`
	Integrity   bool        `json:"integrity"`
	Resources   int         `json:"resources"`
	Images      []imageJSON `json:"images"`
	Blobs       []blobJSON  `json:"blobs,omitempty"`
}

// blobJSON is one resource in the output of info --blobs --json.
type blobJSON struct {
	Hash       string `json:"sha1"`
	Offset     int64  `json:"offset"`
	StoredSize int64  `json:"stored_size"`
	Size       int64  `json:"size"`
	Refs       uint32 `json:"refs"`
	Metadata   bool   `json:"metadata,omitempty"`
}

func (a *app) wimInfo(ctx context.Context, cmd *cli.Command) error {
	if infoEdits(cmd) {
		return a.wimInfoEdit(ctx, cmd)
	}
	path, which, err := fileAndImage(cmd)
	if err != nil {
		return err
	}
	w, err := openWIM(path, cmd.StringSlice("ref")...)
	if err != nil {
		return err
	}
	defer w.Close()
	if cmd.Bool("check") {
		if err := w.Verify(ctx, nil); err != nil {
			return wimHint(fmt.Errorf("verify %s: %w", path, err))
		}
	}
	switch {
	case cmd.String("extract-xml") != "":
		if err := os.WriteFile(cmd.String("extract-xml"), w.RawXML(), 0o644); err != nil {
			return fmt.Errorf("write XML: %w", err)
		}
		return nil
	case cmd.Bool("xml"):
		return a.printf("%s\n", w.RawXML())
	}
	images := w.Images()
	if which != "" {
		n, err := imageNumber(w.File, which)
		if err != nil {
			return err
		}
		images = images[n-1 : n]
	}
	info := describeWIM(path, w.File, images, cmd.Bool("blobs"))
	if cmd.Bool("json") {
		return a.printJSON(info)
	}
	return a.printWIM(info, w.Header, cmd.Bool("header"))
}

// fileAndImage gives the arguments WIMFILE [IMAGE].
func fileAndImage(cmd *cli.Command) (path, image string, err error) {
	got := cmd.Args().Slice()
	if len(got) == 2 {
		return got[0], got[1], nil
	}
	got, err = args(cmd, "WIMFILE")
	if err != nil {
		return "", "", err
	}
	return got[0], "", nil
}

func describeWIM(path string, w *wim.File, images []wim.ImageInfo, blobs bool) wimJSON {
	resources := w.Resources()
	info := wimJSON{
		Path:        path,
		GUID:        fmt.Sprintf("%x", w.Header.GUID),
		Version:     w.Header.Version,
		Compression: w.Header.Compression.String(),
		PieceSize:   w.Header.PieceSize,
		BootIndex:   w.Header.BootIndex,
		Integrity:   w.Header.Integrity.Size > 0,
		Resources:   len(resources),
	}
	for _, image := range images {
		info.Images = append(info.Images, imageJSON{
			Index: image.Index, Name: image.Name, Description: image.Description,
			Dirs: image.DirCount, Files: image.FileCount, Bytes: image.TotalBytes, HardLinkBytes: image.HardLinkBytes,
			Created: formatFiletime(image.Created), Modified: formatFiletime(image.Modified),
		})
	}
	if blobs {
		for _, res := range resources {
			info.Blobs = append(info.Blobs, blobJSON{
				Hash: res.Hash.String(), Offset: res.Offset, StoredSize: res.StoredSize, Size: res.Size,
				Refs: res.Refs, Metadata: res.IsMetadata(),
			})
		}
	}
	return info
}

// formatFiletime writes t in UTC; "" when it is not known.
func formatFiletime(t wim.Filetime) string {
	if t == 0 {
		return ""
	}
	return t.Time().Format(time.RFC3339Nano)
}

func (a *app) printWIM(info wimJSON, h wim.Header, header bool) error {
	p := &printer{app: a}
	p.field("Path", info.Path)
	p.field("GUID", "0x"+info.GUID)
	p.field("Version", info.Version)
	p.field("Compression", info.Compression)
	p.field("Chunk Size", fmt.Sprintf("%d bytes", info.PieceSize))
	p.field("Image Count", h.ImageCount)
	p.field("Boot Index", info.BootIndex)
	p.field("Integrity Info", yesNo(info.Integrity))
	p.field("Resources", info.Resources)
	if header {
		p.field("Flags", fmt.Sprintf("0x%x", uint32(h.Flags)))
		p.field("Part Number", fmt.Sprintf("%d/%d", h.Part, h.Parts))
		p.field("Blob Table", fmt.Sprintf("%d bytes at %d", h.BlobTable.StoredSize, h.BlobTable.Offset))
		p.field("XML Data", fmt.Sprintf("%d bytes at %d", h.XML.StoredSize, h.XML.Offset))
	}
	for _, image := range info.Images {
		p.text("\n")
		p.field("Index", image.Index)
		p.field("Name", image.Name)
		if image.Description != "" {
			p.field("Description", image.Description)
		}
		p.field("Directory Count", image.Dirs)
		p.field("File Count", image.Files)
		p.field("Total Bytes", image.Bytes)
		p.field("Hard Link Bytes", image.HardLinkBytes)
		p.field("Creation Time", image.Created)
		p.field("Last Modification Time", image.Modified)
	}
	for _, blob := range info.Blobs {
		p.text(fmt.Sprintf("\n%s  offset %d, stored %d, size %d, references %d", blob.Hash, blob.Offset, blob.StoredSize, blob.Size, blob.Refs))
		if blob.Metadata {
			p.text(", metadata")
		}
	}
	if len(info.Blobs) > 0 {
		p.text("\n")
	}
	return p.err
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// printer writes to standard output until the first error.
type printer struct {
	*app
	err error
}

func (p *printer) text(s string) {
	if p.err == nil {
		p.err = p.printf("%s", s)
	}
}

func (p *printer) field(name string, value any) { p.text(fmt.Sprintf("%-24s%v\n", name+":", value)) }
