package apply

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// maxJournal bounds what is read of a journal in bytes.
const maxJournal = 1 << 30

// parent gives a path's directory.
func parent(name string) string { return path.Dir(name) }

func (r *resource) partPath() string { return workName + "/part-" + strconv.Itoa(r.index) }
func (r *resource) sidePath() string { return workName + "/side-" + strconv.Itoa(r.index) }

// contentPath is where a complete resource can be read.
func (p *Plan) contentPath(r *resource) string {
	if len(r.files) > 0 {
		return p.tree.files[r.files[0]].paths[0]
	}
	return r.sidePath()
}

// openTarget takes an empty target, or goes on with an unfinished one.
func (p *Plan) openTarget() error {
	marked, err := p.inspect()
	if err != nil {
		return err
	}
	if p.lock, err = p.fsys.Lock(markerName); err != nil {
		if errors.Is(err, vfs.ErrLocked) {
			return fmt.Errorf("apply to the target: another apply is writing there: %w", err)
		}
		return fmt.Errorf("mark target as incomplete: %w", err)
	}
	f, err := p.fsys.OpenFile(markerName, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	p.journal.file = f
	if marked {
		resumed, err := p.resume()
		if err != nil || resumed {
			return err
		}
	}
	return p.fresh()
}

// inspect reports whether the target is marked as incomplete, and refuses it if it is not and holds anything.
func (p *Plan) inspect() (marked bool, err error) {
	entries, err := p.fsys.ReadDir(".")
	if err != nil {
		return false, fmt.Errorf("read target: %w", err)
	}
	other := ""
	for _, e := range entries {
		switch {
		case e.Name() == markerName:
			marked = true
		case e.Name() == workName || ignored(".", e):
		default:
			other = e.Name()
		}
	}
	if other != "" && !marked {
		return false, fmt.Errorf("apply to the target: it holds %s: %w; empty it or name another directory", other, ErrNotEmpty)
	}
	return marked, nil
}

// ignored reports whether an entry is one that a new file system comes with.
func ignored(dir string, e fs.DirEntry) bool {
	return dir == "." && e.IsDir() && (e.Name() == "lost+found" || e.Name() == "System Volume Information")
}

// fresh marks an empty target and makes what needs no contents.
func (p *Plan) fresh() error {
	if err := p.journal.file.Truncate(0); err != nil {
		return fmt.Errorf("write journal %s: %w", markerName, err)
	}
	if err := p.fsys.RemoveAll(workName); err != nil {
		return fmt.Errorf("remove %s: %w", workName, err)
	}
	h := p.id.header()
	if _, err := p.journal.file.WriteAt(h, 0); err != nil {
		return fmt.Errorf("write journal %s: %w", markerName, err)
	}
	p.journal.size, p.journal.crc = int64(len(h)), headerSum(h)
	if err := p.fsys.SyncAll([]string{markerName, "."}); err != nil {
		return fmt.Errorf("mark target as incomplete: %w", err)
	}
	return p.makeDirs()
}

// makeDirs makes the work folder, the directories, and the files that are empty.
func (p *Plan) makeDirs() error {
	c := p.crew
	for i := range p.tree.dirs {
		name := p.tree.dirs[i].path
		if name == "." {
			name = workName
		}
		if err := p.fsys.Mkdir(name, 0o777); err != nil {
			if info, e := p.fsys.Lstat(name); !errors.Is(err, fs.ErrExist) || e != nil || !info.IsDir() {
				return fmt.Errorf("make directory %s: %w", name, err)
			}
		}
		c.changed(parent(name))
	}
	w := &worker{p: p}
	for i := range p.tree.files {
		f := &p.tree.files[i]
		if f.res != noResource {
			continue
		}
		if err := w.create(f.paths[0], nil); err != nil {
			return err
		}
		if err := p.finishFile(f); err != nil {
			return err
		}
	}
	return nil
}

// resume goes on where an earlier run was cut short. It gives false if that had not begun yet.
func (p *Plan) resume() (bool, error) {
	data, err := io.ReadAll(io.NewSectionReader(p.journal.file, 0, maxJournal))
	if err != nil {
		return false, fmt.Errorf("read journal %s: %w", markerName, err)
	}
	id, recs, size, crc, err := parseJournal(data, len(p.blocks.chunks), len(p.tree.resources))
	if err != nil {
		return false, p.resumeBlank()
	}
	if id != p.id {
		return false, fmt.Errorf("apply to the target: it holds the unfinished apply of image %d of content %s: %w; "+
			"go on with that one and the same options, or empty the target", id.image, id.content, ErrOther)
	}
	if err := p.journal.file.Truncate(size); err != nil {
		return false, fmt.Errorf("cut journal %s: %w", markerName, err)
	}
	p.journal.size, p.journal.crc = size, crc
	complete := p.replay(recs)
	if n := len(recs); n > 0 && recs[n-1].kind == recordEnd {
		p.ended = true
		return true, nil
	}
	if err := p.sweep(complete); err != nil {
		return false, err
	}
	if err := p.makeDirs(); err != nil || !p.lost {
		return true, err
	}
	return true, p.snapshot()
}

// snapshot tells the journal what is held after some of what it said was found to be gone.
func (p *Plan) snapshot() error {
	rec := &record{kind: recordReset, blocks: p.put.list(len(p.blocks.chunks))}
	var all []*frag
	for i, r := range p.tree.resources {
		if r.fed {
			rec.resources = append(rec.resources, i)
		}
		if g := r.open; g != nil {
			all = append(append(all, g.tables...), g.early...)
			for _, u := range g.units {
				all = append(all, u.frags...)
			}
		}
	}
	for _, f := range all {
		rec.waiting = append(rec.waiting, *f)
	}
	p.spool.freed = nil
	p.spool.restore(all)
	return p.journal.add(rec)
}

// resumeBlank checks that a target whose journal never got its header holds nothing else.
func (p *Plan) resumeBlank() error {
	entries, err := p.fsys.ReadDir(".")
	if err != nil {
		return fmt.Errorf("read target: %w", err)
	}
	for _, e := range entries {
		if n := e.Name(); n != markerName && n != workName && !ignored(".", e) {
			return fmt.Errorf("apply to the target: its journal %s cannot be read and it holds %s: %w; empty it", markerName, n, ErrNotEmpty)
		}
	}
	return nil
}

// replay takes over what the journal says. It gives the complete resources.
func (p *Plan) replay(recs []record) bitset {
	complete := newBitset(len(p.tree.resources))
	waiting := map[int64]*frag{}
	for _, rec := range recs {
		if rec.kind == recordReset {
			p.put, complete, waiting = newBitset(len(p.blocks.chunks)), newBitset(len(p.tree.resources)), map[int64]*frag{}
		}
		for _, b := range rec.blocks {
			if p.need.has(b) {
				p.put.set(b)
			}
		}
		for _, i := range rec.resources {
			complete.set(i)
		}
		for _, at := range rec.freed {
			delete(waiting, at)
		}
		for _, f := range rec.waiting {
			waiting[f.at] = &f
		}
	}
	frags := make([]*frag, 0, len(waiting))
	for _, f := range waiting {
		frags = append(frags, f)
	}
	p.spool.restore(frags)
	byResource := map[int][]*frag{}
	for _, f := range frags {
		byResource[f.res] = append(byResource[f.res], f)
	}
	for i, r := range p.tree.resources {
		if complete.has(i) {
			r.fed = true
		} else {
			p.restore(r, byResource[i])
		}
	}
	return complete
}

// restore rebuilds the progress of a resource from the held blocks and what waits in the spool. If they do not fit together, or the
// spool cannot be read, the resource starts again.
func (p *Plan) restore(r *resource, frags []*frag) {
	var got spans
	p.blocks.covering(r.Offset, r.Offset+r.StoredSize, func(block int, from, to int64) {
		if p.put.has(block) {
			got.add(max(0, from-r.Offset), min(r.StoredSize, to-r.Offset))
		}
	})
	if len(got) == 0 && len(frags) == 0 {
		return
	}
	if !p.rebuild(r, got, frags) {
		p.unfeed(r)
		p.lose(r)
	}
}

// rebuild makes r's progress and output; false if what is known of it is not consistent.
func (p *Plan) rebuild(r *resource, got spans, frags []*frag) bool {
	g, err := r.begin()
	if err != nil {
		return false
	}
	g.got = got
	var waits int64
	for _, f := range frags {
		if f.off+f.size > r.StoredSize || !got.has(f.off, f.off+f.size) {
			return false
		}
		waits += f.size
		if f.kind == fragTable && !p.restoreTable(r, g, f) {
			return false
		}
	}
	if size := r.PieceTableSize(); g.pieces == nil && !r.whole && got.has(0, size) {
		if int64(len(g.table)) != size || g.parse(r) != nil {
			return false
		}
	}
	for _, f := range frags {
		if f.kind != fragTable && !p.restoreFrag(r, g, f) {
			return false
		}
	}
	written := r.restoreOutput(g)
	var have int64
	for _, s := range got {
		have += s.to - s.from
	}
	return have == waits+written && have < r.StoredSize
}

func (p *Plan) restoreTable(r *resource, g *progress, f *frag) bool {
	size := r.PieceTableSize()
	if f.off+f.size > size || r.whole {
		return false
	}
	if g.table == nil {
		g.table = make([]byte, size)
	}
	b, err := p.spool.load(f)
	if err != nil {
		return false
	}
	copy(g.table[f.off:], b)
	g.tables = append(g.tables, f)
	return true
}

func (p *Plan) restoreFrag(r *resource, g *progress, f *frag) bool {
	if f.kind == fragEarly {
		if r.whole || g.pieces != nil {
			return false
		}
		g.early = append(g.early, f)
		p.spool.reserved += f.size
		return true
	}
	i, size := 0, r.StoredSize
	if !r.whole {
		if g.pieces == nil || g.pieces.Direct() {
			return false
		}
		first, end := g.pieces.Find(f.off, f.size)
		if end != first+1 {
			return false
		}
		i, size = first, g.pieces.Piece(first).StoredSize
	}
	u := g.units[i]
	if u == nil {
		u = &unit{size: size}
		g.units[i] = u
		p.spool.reserved += size
	}
	u.frags = append(u.frags, f)
	u.have += f.size
	return u.have < size
}

// restoreOutput marks as written what was held and does not wait, and gives how many stored bytes that was.
func (r *resource) restoreOutput(g *progress) (stored int64) {
	if r.whole || g.pieces == nil {
		return 0
	}
	for _, s := range g.got {
		if g.pieces.Direct() {
			r.out.written.add(s.from, s.to)
			stored += s.to - s.from
			continue
		}
		first, end := g.pieces.Within(s.from, s.to-s.from)
		for i := first; i < end; i++ {
			if g.units[i] != nil {
				continue
			}
			pc := g.pieces.Piece(i)
			r.out.written.add(pc.Offset, pc.Offset+pc.Size)
			stored += pc.StoredSize
		}
	}
	return stored
}

// lose makes the blocks of a resource needed again, and the resource start again.
func (p *Plan) lose(r *resource) {
	r.open, r.out, r.fed = nil, nil, false
	p.blocks.covering(r.Offset, r.Offset+r.StoredSize, func(b int, _, _ int64) { p.put.clear(b) })
	p.lost = true
}

// sweep takes away what the earlier run left that is not complete, and checks that what should be there is.
func (p *Plan) sweep(complete bitset) error {
	s := &sweeper{p: p, want: map[string]bool{}, seen: map[string]bool{}}
	for i := range p.tree.dirs {
		s.want[p.tree.dirs[i].path] = true
	}
	for i := range p.tree.files {
		f := &p.tree.files[i]
		for j, name := range f.paths {
			s.want[name] = j == 0 && f.res != noResource && complete.has(f.res)
		}
	}
	for i := range p.tree.symlinks {
		s.want[p.tree.symlinks[i].path] = false
	}
	if err := s.parts(); err != nil {
		return err
	}
	for i := range p.tree.dirs {
		if err := s.dir(p.tree.dirs[i].path); err != nil {
			return err
		}
	}
	for i, r := range p.tree.resources {
		if complete.has(i) && !s.whole(r) {
			p.lose(r)
			for _, j := range r.files {
				if name := p.tree.files[j].paths[0]; s.seen[name] {
					if err := p.fsys.Remove(name); err != nil {
						return fmt.Errorf("remove %s: %w", name, err)
					}
					p.crew.changed(parent(name))
				}
			}
		}
	}
	return nil
}

// sweeper compares the target with what should be there.
type sweeper struct {
	p    *Plan
	want map[string]bool // names of the image; true: to be kept
	seen map[string]bool
}

// parts looks after the work folder: a part file that was renamed too late for the journal gets its old name back, and a resource
// whose part file is gone starts again.
func (s *sweeper) parts() error {
	p := s.p
	if err := p.fsys.Mkdir(workName, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory %s: %w", workName, err)
	}
	for _, r := range p.tree.resources {
		if r.out == nil || len(r.out.written) == 0 {
			continue
		}
		_, err := p.fsys.Lstat(r.partPath())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look for the part file of %s: %w", r.path, err)
		}
		if err != nil && !p.recoverPart(r) {
			p.unfeed(r)
			p.lose(r)
		}
	}
	entries, err := p.fsys.ReadDir(workName)
	if err != nil {
		return fmt.Errorf("read %s: %w", workName, err)
	}
	keep := map[string]bool{spoolName: true}
	for _, r := range p.tree.resources {
		switch {
		case r.fed && len(r.files) == 0:
			keep[r.sidePath()] = true
		case r.out != nil && len(r.out.written) > 0:
			keep[r.partPath()] = true
		}
	}
	for _, e := range entries {
		name := workName + "/" + e.Name()
		if s.seen[name] = true; keep[name] {
			continue
		}
		if err := p.fsys.RemoveAll(name); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

// recoverPart renames a part file back.
func (p *Plan) recoverPart(r *resource) bool {
	name := p.contentPath(r)
	if info, err := p.fsys.Lstat(name); err != nil || !info.Mode().IsRegular() || info.Size() != r.Size {
		return false
	}
	p.crew.changed(parent(name), workName)
	return p.fsys.Rename(name, r.partPath()) == nil
}

// dir takes away what is in a directory and not to be kept.
func (s *sweeper) dir(name string) error {
	entries, err := s.p.fsys.ReadDir(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for _, e := range entries {
		full := path.Join(name, e.Name())
		if full == markerName || full == workName || ignored(name, e) {
			continue
		}
		keep, ours := s.want[full]
		if !ours {
			return fmt.Errorf("go on with the target: it holds %s, which is not of this image: %w; take it away", full, ErrNotEmpty)
		}
		if s.seen[full] = true; keep {
			continue
		}
		if err := s.p.fsys.Remove(full); err != nil {
			return fmt.Errorf("remove %s: %w", full, err)
		}
		delete(s.seen, full)
		s.p.crew.changed(name)
	}
	return nil
}

// whole reports whether every file of a complete resource is there.
func (s *sweeper) whole(r *resource) bool {
	for _, i := range r.files {
		if !s.seen[s.p.tree.files[i].paths[0]] {
			return false
		}
	}
	return len(r.files) > 0 || s.seen[r.sidePath()]
}

// checkSum compares a resource's SHA-1.
func checkSum(r *resource, sum wim.SHA1) error {
	if sum != r.Hash {
		return fmt.Errorf("check %s: SHA-1 is %s, the image says %s: %w", r.path, sum, r.Hash, wim.ErrHash)
	}
	return nil
}
