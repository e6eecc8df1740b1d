package apply

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// orderLinks puts that name of a file first, which is the one that is written, that has the short name: NTFS takes one a file, and
// only as long as there is one long name.
func (t *tree) orderLinks(group []*wim.Dentry) {
	if t.ntfs == nil {
		return
	}
	slices.SortStableFunc(group, func(a, b *wim.Dentry) int {
		switch {
		case (a.ShortName == "") == (b.ShortName == ""):
			return 0
		case a.ShortName != "":
			return -1
		}
		return 1
	})
	for _, d := range group[1:] {
		if d.ShortName != "" {
			t.dropShort(d)
		}
	}
}

// dropShort notes a short name that cannot be kept.
func (t *tree) dropShort(d *wim.Dentry) {
	if t.noShort == nil {
		t.noShort = map[*wim.Dentry]bool{}
	}
	if !t.noShort[d] {
		t.noShort[d] = true
		t.report.Lost.ShortNames++
	}
}

// shortName gives the short name that is to be set, "" if there is none.
func (t *tree) shortName(d *wim.Dentry) string {
	if t.noShort[d] {
		return ""
	}
	return d.ShortName
}

// checkShortNames drops the short names of a directory's entries that are another one's name. NTFS would take both and find one.
func (t *tree) checkShortNames(dir *wim.Dentry) {
	short := slices.ContainsFunc(dir.Children, func(c *wim.Dentry) bool { return c.ShortName != "" })
	if !short {
		return
	}
	owner := make(map[string]*wim.Dentry, len(dir.Children))
	for _, c := range dir.Children {
		owner[strings.ToUpper(c.Name)] = c
	}
	for _, c := range dir.Children {
		if c.ShortName == "" || t.noShort[c] {
			continue
		}
		key := strings.ToUpper(c.ShortName)
		switch o := owner[key]; {
		case o == nil:
			owner[key] = c
		case o != c:
			t.dropShort(c)
		}
	}
}

// addPoint plans a reparse point. It is made when all else is there, because ntfs-3g neither reads nor writes what it holds.
func (t *tree) addPoint(d *wim.Dentry, path string) error {
	link := d.ReparseTag == wim.TagSymlink || d.ReparseTag == wim.TagMountTree
	if len(d.Children) > 0 {
		return fmt.Errorf("%w: %s is a link and has children", ErrHostile, path)
	}
	res, size, err := t.sideResource(d.Reparse(), path)
	if err != nil {
		return err
	}
	if link && res == noResource || size > maxReparse-reparseHeader {
		return fmt.Errorf("plan reparse point %s: %d bytes of reparse data, want 1 to %d: %w", path, size, maxReparse-reparseHeader, wim.ErrCorrupt)
	}
	l := symlink{path: path, d: d, res: res, data: noResource}
	if !d.IsDir() {
		if l.data, size, err = t.sideResource(d.Data(), path); err != nil {
			return err
		}
		t.report.Bytes += size
		l.squeezed = t.ntfs.inherited && d.Attributes&attrCompressed != 0
	}
	if l.streams, err = t.streamsOf(d, path); err != nil {
		return err
	}
	switch {
	case link:
		t.report.Symlinks++
	case d.IsDir():
		t.report.Dirs++
	default:
		t.report.Files++
	}
	t.symlinks = append(t.symlinks, l)
	t.countDetails(d)
	return nil
}

// sideResource is resource, of something that is read from the work folder when all else is there.
func (t *tree) sideResource(hash wim.SHA1, path string) (int, int64, error) {
	res, size, err := t.resource(hash, path)
	if err == nil && res != noResource {
		t.resources[res].side, t.resources[res].aside = true, true
	}
	return res, size, err
}

// addKept plans what the target keeps of an ordinary file or directory, and counts what it does not.
func (t *tree) addKept(d *wim.Dentry, path string) error {
	streams, err := t.streamsOf(d, path)
	if err != nil {
		return err
	}
	t.streams = append(t.streams, streams...)
	if !d.IsDir() {
		t.files[len(t.files)-1].late = len(streams) > 0
	}
	t.countDetails(d)
	return nil
}

// streamsOf plans the named streams of a dentry.
func (t *tree) streamsOf(d *wim.Dentry, path string) ([]stream, error) {
	var streams []stream
	for _, s := range d.Streams {
		if s.Kind != wim.StreamNamed {
			continue
		}
		r, ok := t.wf.Lookup(s.Hash)
		root := d.Parent == nil && !t.ntfs.rootStreams
		if t.ntfs.streamSize == 0 || root || (ok && r.Size > t.ntfs.streamSize) || strings.ContainsAny(s.Name, ":/\x00") {
			t.report.Lost.NamedStreams++
			continue
		}
		res, _, err := t.sideResource(s.Hash, path+":"+s.Name)
		if err != nil {
			return nil, err
		}
		streams = append(streams, stream{path, s.Name, res})
	}
	return streams, nil
}

// countDetails counts what the target cannot keep of a dentry.
func (t *tree) countDetails(d *wim.Dentry) {
	lost := &t.report.Lost
	keeps := t.ntfs.file
	if d.IsDir() {
		keeps = t.ntfs.dir
	}
	if plainAttributes(d)&^keeps != 0 {
		lost.Attributes++
	}
	if id := d.SecurityID; id >= 0 && int(id) < len(t.security) && len(t.security[id]) > maxSecurity {
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
