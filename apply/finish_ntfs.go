package apply

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/wimcast/wimcast/wim"
)

// reparseHeader is the length of the header of reparse data; of a tag that is not Microsoft's a GUID follows it, which is not counted
// in the header's length.
const (
	reparseHeader = 8
	reparseGUID   = 16
	tagMicrosoft  = 1 << 31
)

// finishStreams writes the named streams of ordinary files and directories, and what metadata had to wait for them.
func (p *Plan) finishStreams(ctx context.Context) error {
	buf := make([]byte, copySize)
	for _, s := range p.tree.streams {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.writeStream(s, buf); err != nil {
			return err
		}
		p.crew.changed(s.path)
	}
	for i := range p.tree.files {
		f := &p.tree.files[i]
		if !f.late {
			continue
		}
		if err := p.keep(f.paths[0], nil, p.metadataOf(f.d)); err != nil {
			return err
		}
		p.event(EventFile, f.paths[0], 0)
	}
	return nil
}

// writeStream writes a named stream; one that the target refuses is counted.
func (p *Plan) writeStream(s stream, buf []byte) error {
	var size int64
	if s.res != noResource {
		size = p.tree.resources[s.res].Size
	}
	out, err := p.keeper.stream(s.path, s.name, size)
	if err == nil {
		err = p.copyContent(out, s.res, buf)
		if e := out.Close(); err == nil {
			err = e
		}
	}
	return tell(&p.tree.report.Lost.NamedStreams, "stream "+s.name, s.path, err)
}

// copyContent writes a resource that is complete.
func (p *Plan) copyContent(to io.Writer, res int, buf []byte) error {
	if res == noResource {
		return nil
	}
	r := p.tree.resources[res]
	f, err := p.fsys.OpenFile(p.contentPath(r), os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("read %s: %w", r.path, err)
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{f}, buf)
	return err
}

// finishPoints makes the reparse points. Nothing is created below a directory afterwards.
func (p *Plan) finishPoints(ctx context.Context) error {
	buf := make([]byte, copySize)
	for _, l := range p.tree.symlinks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.makePoint(l, buf); err != nil {
			return err
		}
		p.crew.changed(parent(l.path))
		p.event(EventFile, l.path, 0)
	}
	return nil
}

func (p *Plan) makePoint(l symlink, buf []byte) error {
	if err := p.makeEmpty(l, buf); err != nil {
		return err
	}
	for _, s := range l.streams {
		if err := p.writeStream(s, buf); err != nil {
			return err
		}
	}
	data, err := p.content(l.res)
	if err != nil {
		return err
	}
	m := p.metadataOf(l.d)
	m.reparse = reparseData(l.d, data)
	return p.keep(l.path, nil, m)
}

// makeEmpty makes what becomes a reparse point: a directory, or a file with its contents, which no one can write later.
func (p *Plan) makeEmpty(l symlink, buf []byte) error {
	if l.d.IsDir() {
		if err := p.fsys.Mkdir(l.path, 0o777); err != nil {
			return fmt.Errorf("make directory %s: %w", l.path, err)
		}
		return nil
	}
	path := l.path
	if l.squeezed {
		path = squeezedName + "/point"
	}
	f, err := p.fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("create %s: %w", l.path, err)
	}
	err = p.copyContent(f, l.data, buf)
	if err == nil && (l.data != noResource || len(l.streams) > 0) {
		err = f.Sync() // later it cannot be opened
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil && l.squeezed {
		err = p.fsys.Rename(path, l.path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", l.path, err)
	}
	return nil
}

// reparseData puts the header before reparse data as an image has it.
func reparseData(d *wim.Dentry, data []byte) []byte {
	n := len(data)
	if d.ReparseTag&tagMicrosoft == 0 {
		n = max(0, n-reparseGUID)
	}
	b := binary.LittleEndian.AppendUint32(nil, d.ReparseTag)
	b = binary.LittleEndian.AppendUint16(b, uint16(n))
	b = binary.LittleEndian.AppendUint16(b, d.ReparseReserved)
	return append(b, data...)
}
