package apply

import (
	"fmt"
	"io"
)

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
