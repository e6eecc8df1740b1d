package apply

import (
	"fmt"
	"strings"

	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/wim"
)

// addPoint plans a reparse point. It is made when all else is there, because ntfs-3g neither reads nor writes what it holds.
func (p *planner) addPoint(d *wim.Dentry, s spot) error {
	link := d.ReparseTag == wim.TagSymlink || d.ReparseTag == wim.TagMountTree
	res, size, err := p.sideResource(d.Reparse(), d, s)
	if err != nil {
		return err
	}
	if link && res == noResource || size > ntfs3g.MaxReparse-reparseHeader {
		return fmt.Errorf("plan reparse point %s: %d bytes of reparse data, want 1 to %d: %w", p.nameOf(d, s), size, ntfs3g.MaxReparse-reparseHeader, wim.ErrCorrupt)
	}
	l := symlink{spot: s, res: res, data: noResource}
	if !d.IsDir() {
		if l.data, size, err = p.sideResource(d.Data(), d, s); err != nil {
			return err
		}
		p.report.Bytes += size
		p.squeezes(d)
	}
	streams, err := p.streamsOf(d, s)
	if err != nil {
		return err
	}
	p.pointed = append(p.pointed, streams...)
	switch {
	case link:
		p.report.Symlinks++
	case d.IsDir():
		p.report.Dirs++
	default:
		p.report.Files++
	}
	p.symlinks = append(p.symlinks, l)
	p.countDetails(d)
	return nil
}

// sideResource is resource, of something that is read from the work folder when all else is there.
func (p *planner) sideResource(hash wim.SHA1, d *wim.Dentry, s spot) (int32, int64, error) {
	res, size, err := p.resource(hash, d, s)
	if err == nil && res != noResource {
		p.side.set(int(res))
		p.aside.set(int(res))
	}
	return res, size, err
}

// addKept plans what the target keeps of an ordinary file or directory, and counts what it does not.
func (p *planner) addKept(d *wim.Dentry, s spot) error {
	streams, err := p.streamsOf(d, s)
	if err != nil {
		return err
	}
	p.streams = append(p.streams, streams...)
	if !d.IsDir() {
		p.files[len(p.files)-1].set(late, len(streams) > 0)
	}
	p.countDetails(d)
	return nil
}

// streamsOf plans the named streams of a dentry.
func (p *planner) streamsOf(d *wim.Dentry, at spot) ([]stream, error) {
	var streams []stream
	for n, s := range d.Streams {
		if s.Kind != wim.StreamNamed {
			continue
		}
		r, ok := p.wf.Lookup(s.Hash)
		root := at.dir == rootDir && !p.ntfs.rootStreams
		if p.ntfs.streamSize == 0 || root || (ok && r.Size > p.ntfs.streamSize) || strings.ContainsAny(s.Name, ":/\x00") {
			p.report.Lost.NamedStreams++
			continue
		}
		res, _, err := p.sideResource(s.Hash, d, at)
		if err != nil {
			return nil, err
		}
		streams = append(streams, stream{at, int32(n), res})
	}
	return streams, nil
}

// countDetails counts what the target cannot keep of a dentry.
func (p *planner) countDetails(d *wim.Dentry) {
	lost := &p.report.Lost
	keeps := p.ntfs.file
	if d.IsDir() {
		keeps = p.ntfs.dir
	}
	if p.keepsRaw(d) {
		keeps |= wim.AttrEncrypted
	}
	if plainAttributes(d)&^keeps != 0 {
		lost.Attributes++
	}
	if size, _ := p.securityOf(d); size > maxSecurity {
		lost.Security++
	}
	if b, ok := d.Item(wim.TagEAs); ok {
		if _, err := wim.ParseEAs(b); err != nil {
			lost.Xattrs++
		}
	}
	if _, unix := d.Unix(); unix {
		lost.Owners++
	}
}
