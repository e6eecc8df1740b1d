package apply

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/wim"
)

// resume goes on where an earlier run was cut short. It returns false if that had not begun yet.
func (j *Job) resume() (bool, error) {
	data, err := io.ReadAll(io.NewSectionReader(j.journal.file, 0, maxJournal))
	if err != nil {
		return false, fmt.Errorf("read journal %s: %w", markerName, err)
	}
	id, recs, size, crc, err := parseJournal(data, len(j.plan.blocks.chunks), j.plan.count())
	if err != nil {
		return false, j.resumeBlank()
	}
	if id != j.id {
		return false, fmt.Errorf("apply to the target: it holds the unfinished apply of image %d of content %s: %w; "+
			"go on with that one and the same options, or empty the target", id.image, id.content, ErrOther)
	}
	if err := j.journal.file.Truncate(size); err != nil {
		return false, fmt.Errorf("cut journal %s: %w", markerName, err)
	}
	j.journal.size, j.journal.crc = size, crc
	complete := j.replay(recs)
	if n := len(recs); n > 0 && recs[n-1].kind == recordEnd {
		j.ended = true
		j.put = slices.Clone(j.plan.need) // a local apply tells the journal of the end alone: nothing may be written again
		return true, nil
	}
	if err := j.sweep(complete); err != nil {
		return false, err
	}
	if err := j.makeDirs(); err != nil || !j.lost {
		return true, err
	}
	return true, j.snapshot()
}

// snapshot tells the journal what is held after some of what it said was found to be gone.
func (j *Job) snapshot() error {
	rec := &record{kind: recordReset, blocks: j.put.list()}
	var all []*frag
	rec.resources = j.plan.done.list()
	for _, i := range slices.Sorted(maps.Keys(j.open)) {
		g := j.open[i].open
		all = append(append(all, g.tables...), g.early...)
		for _, u := range g.units {
			all = append(all, u.frags...)
		}
	}
	for _, f := range all {
		rec.waiting = append(rec.waiting, *f)
	}
	j.spool.freed = nil
	j.spool.restore(all)
	return j.journal.add(rec)
}

// resumeBlank checks that a target whose journal never got its header holds nothing else.
func (j *Job) resumeBlank() error {
	entries, err := j.fsys.ReadDir(".")
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

// replay takes over what the journal says. It returns the complete resources.
func (j *Job) replay(recs []record) bitset {
	complete := newBitset(j.plan.count())
	waiting := map[int64]*frag{}
	for _, rec := range recs {
		if rec.kind == recordReset {
			j.put, complete, waiting = newBlockSet(len(j.plan.blocks.chunks)), newBitset(j.plan.count()), map[int64]*frag{}
		}
		for _, b := range rec.blocks {
			if j.plan.need.has(b) {
				j.put.set(b)
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
	j.spool.restore(frags)
	byRun := map[int][]*frag{}
	for _, f := range frags {
		byRun[f.run] = append(byRun[f.run], f)
	}
	j.plan.done = slices.Clone(complete)
	for i := range j.plan.runs(0, j.plan.count()) {
		if j.plan.complete(i) {
			j.fed.set(i)
		} else {
			j.restore(i, byRun[i])
		}
	}
	return complete
}

// complete reports whether an earlier run of the program has completed all of a run that is needed.
func (p *plan) complete(run int) bool {
	for i := run; i < p.endOf(run); i++ {
		if p.todo(i) {
			return false
		}
	}
	return true
}

// restore rebuilds the progress of a run from the held blocks and what waits in the spool. If they do not fit together, or the
// spool cannot be read, what is not complete of the run starts again.
func (j *Job) restore(i int, frags []*frag) {
	var got spans
	at := j.plan.placeOf(i)
	j.plan.blocks.covering(at.Offset, at.End(), func(block chunk.Block, from, to int64) {
		if j.put.has(block) {
			got.add(max(0, from-at.Offset), min(at.StoredSize, to-at.Offset))
		}
	})
	if len(got) == 0 && len(frags) == 0 {
		return
	}
	r := j.run(i)
	if !j.rebuild(r, got, frags) {
		j.lose(r)
	}
}

// rebuild makes r's progress and the outputs of its members; false if what is known of it is not consistent.
func (j *Job) rebuild(r *run, got spans, frags []*frag) bool {
	g, err := j.begin(r)
	if err != nil {
		return false
	}
	g.got = got
	for _, f := range frags {
		if f.off+f.size > r.StoredSize || !got.has(f.off, f.off+f.size) {
			return false
		}
		if f.kind == fragTable && !j.restoreTable(r, g, f) {
			return false
		}
	}
	if at := r.PieceTableRange(); g.pieces == nil && !r.whole && got.has(at.Offset, at.End()) {
		if int64(len(g.table)) != at.Size || g.parse(r) != nil {
			return false
		}
	}
	for _, f := range frags {
		if f.kind != fragTable && !j.restoreFrag(r, g, f) {
			return false
		}
	}
	return r.restoreOutput(g) && !g.all(r)
}

func (j *Job) restoreTable(r *run, g *progress, f *frag) bool {
	at := r.PieceTableRange()
	if f.off < at.Offset || f.off+f.size > at.End() || r.whole {
		return false
	}
	if g.table == nil {
		g.table = make([]byte, at.Size)
	}
	if j.spool.loadInto(f, g.table[f.off-at.Offset:][:f.size]) != nil {
		return false
	}
	g.tables = append(g.tables, f)
	return true
}

func (j *Job) restoreFrag(r *run, g *progress, f *frag) bool {
	if f.kind == fragEarly {
		if r.whole || g.pieces != nil {
			return false
		}
		g.early = append(g.early, f)
		j.spool.reserved += f.size
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
		j.spool.reserved += size
	}
	u.frags = append(u.frags, f)
	u.have += f.size
	return u.have < size
}

// restoreOutput marks as written what was held and does not wait; false if what is held is neither written nor waits.
func (r *run) restoreOutput(g *progress) bool {
	switch {
	case r.whole:
		u := g.units[0]
		return u != nil && u.have == g.got.size(0, r.StoredSize)
	case g.pieces == nil:
		at := r.PieceTableRange()
		return sizeOf(g.tables) == g.got.size(at.Offset, at.End()) &&
			sizeOf(g.early) == g.got.size(0, r.StoredSize)-g.got.size(at.Offset, at.End())
	case g.pieces.Direct():
		for i := r.index; i < r.end; i++ {
			s := r.span(i)
			if r.plan.todo(i) {
				g.got.common(s.from, s.to, func(from, to int64) { r.out(i).written.add(from-s.from, to-s.from) })
			}
		}
		return true
	}
	for i := range g.pieces.Count() {
		pc := g.pieces.Piece(i)
		held, u := g.got.size(pc.StoredOffset, pc.StoredOffset+pc.StoredSize), g.units[i]
		switch {
		case u != nil:
			if u.have != held || !r.wants(pc) {
				return false
			}
		case held == 0 || !r.wants(pc):
		case held < pc.StoredSize:
			return false
		case !r.written(pc):
			return false
		default:
			g.left--
		}
	}
	return true
}

// written marks a piece as written; false if something of it should be complete and is not.
func (r *run) written(pc wim.Piece) bool {
	end := pc.Offset + pc.Size
	for i, stop := r.inContent(pc.Offset, end); i < stop; i++ {
		s := r.span(i)
		switch {
		case !r.plan.todo(i):
		case !r.needsPart(i):
			return false
		default:
			r.out(i).written.add(max(pc.Offset, s.from)-s.from, min(end, s.to)-s.from)
		}
	}
	return true
}

// sizeOf adds up frags.
func sizeOf(frags []*frag) (n int64) {
	for _, f := range frags {
		n += f.size
	}
	return n
}

// lose makes the blocks of what is not complete of a run needed again, and that part of the run start again.
func (j *Job) lose(r *run) {
	j.unfeed(r)
	j.fed.clear(r.index)
	r.outs = nil
	j.plan.coverWanted(r, j.put.clear)
	j.lost = true
}
