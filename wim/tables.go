package wim

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
)

// writeTables writes all that stands behind the image metadata, and then the header.
func (c *capture) writeTables(ctx context.Context) error {
	h := Header{
		Version: versionNormal, Compression: c.opts.Compression, Part: 1, Parts: 1,
		ImageCount: len(c.images), BootIndex: c.opts.BootIndex,
	}
	if h.Compression == XPRESS {
		h.Flags, h.PieceSize = FlagCompressed|FlagXPRESS, xpressPieceSize
	}
	if h.BootIndex > 0 {
		h.BootMetadata = c.images[h.BootIndex-1].metadata
	}
	sum := sha1.New()
	table := c.blobTable()
	var err error
	if h.BlobTable, err = c.plain(table, sum); err != nil {
		return err
	}
	if h.XML, err = c.plain(c.buildXML(c.out.end), sum); err != nil {
		return err
	}
	// A random GUID would make two captures of one tree differ.
	copy(h.GUID[:], sum.Sum(nil))
	if c.opts.Check {
		if h.Integrity, err = c.writeIntegrity(ctx, h.BlobTable.End()); err != nil {
			return err
		}
	}
	c.stats.Size, c.stats.Resources = c.out.end, len(c.resources)
	return c.out.writeAt(h.append(nil), 0)
}

// plain writes one of the file's tables, which are marked as metadata.
func (c *capture) plain(b []byte, sum io.Writer) (Location, error) {
	sum.Write(b)
	at := Location{Offset: c.out.end, StoredSize: int64(len(b)), Size: int64(len(b)), Flags: ResourceMetadata}
	return at, c.out.write(b)
}

// blobTable gives the bytes of the blob table: first the images' metadata, in order, then the other resources.
func (c *capture) blobTable() []byte {
	var b []byte
	entry := func(at Location, refs uint32, hash SHA1) {
		b = at.append(b)
		b = binary.LittleEndian.AppendUint16(b, 1)
		b = binary.LittleEndian.AppendUint32(b, refs)
		b = append(b, hash[:]...)
	}
	for _, img := range c.images {
		entry(img.metadata, 1, img.hash)
	}
	for i := range c.resources {
		r := &c.resources[i]
		entry(r.Location, r.Refs, r.Hash)
	}
	return b
}

// buildXML gives the XML in UTF-16LE. total is the size of the file so far.
func (c *capture) buildXML(total int64) []byte {
	var b bytes.Buffer
	b.WriteString("\ufeff<WIM>")
	for i, img := range c.images {
		info := &img.info
		fmt.Fprintf(&b, `<IMAGE INDEX="%d"><NAME>%s</NAME>`, i+1, escape(info.Name))
		if info.Description != "" {
			fmt.Fprintf(&b, "<DESCRIPTION>%s</DESCRIPTION>", escape(info.Description))
		}
		fmt.Fprintf(&b, "<DIRCOUNT>%d</DIRCOUNT><FILECOUNT>%d</FILECOUNT>", info.DirCount, info.FileCount)
		fmt.Fprintf(&b, "<TOTALBYTES>%d</TOTALBYTES><HARDLINKBYTES>%d</HARDLINKBYTES>", info.TotalBytes, info.HardLinkBytes)
		writeTime(&b, "CREATIONTIME", info.Created)
		writeTime(&b, "LASTMODIFICATIONTIME", info.Modified)
		b.WriteString("</IMAGE>")
	}
	fmt.Fprintf(&b, "<TOTALBYTES>%d</TOTALBYTES></WIM>", total)
	out, _ := encodeUTF16(b.String()) // names were checked with the options
	return out
}

func writeTime(w io.Writer, element string, t Filetime) {
	fmt.Fprintf(w, "<%s><HIGHPART>0x%08X</HIGHPART><LOWPART>0x%08X</LOWPART></%s>", element, uint32(t>>32), uint32(t), element)
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer takes everything
	return b.String()
}

// writeIntegrity reads back what was written up to end, and writes its sums.
func (c *capture) writeIntegrity(ctx context.Context, end int64) (Location, error) {
	if err := c.out.flush(); err != nil {
		return Location{}, err
	}
	r := c.out.w.(io.ReaderAt) // the options were checked
	n := (end - HeaderSize + integrityPiece - 1) / integrityPiece
	le := binary.LittleEndian
	var b []byte
	for _, v := range []int64{12 + 20*n, n, integrityPiece} {
		b = le.AppendUint32(b, uint32(v))
	}
	buf := make([]byte, min(integrityPiece, end-HeaderSize))
	for off := int64(HeaderSize); off < end; off += integrityPiece {
		if err := ctx.Err(); err != nil {
			return Location{}, err
		}
		p := buf[:min(integrityPiece, end-off)]
		if err := readFull(r, p, off); err != nil {
			return Location{}, wrapf(err, "read back what was written")
		}
		sum := sha1.Sum(p)
		b = append(b, sum[:]...)
	}
	at := Location{Offset: c.out.end, StoredSize: int64(len(b)), Size: int64(len(b))}
	return at, c.out.write(b)
}
