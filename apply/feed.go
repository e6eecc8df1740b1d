package apply

import (
	"fmt"

	"github.com/wimcast/wimcast/wim"
)

// Limits of a batch: runs that are decoded at once go to a worker together.
const (
	batchSize = 1 << 20   // stored bytes
	batchGap  = 128 << 10 // stored bytes between two of its runs
)

// progress is what was put of a run, and what of it waits. Offsets count from the run's first stored byte.
type progress struct {
	got    spans
	table  []byte          // the piece table, as far as it was put
	pieces *wim.PieceTable // nil until the table is there
	tables []*frag         // the table's bytes, kept for a restart until the run is complete
	early  []*frag         // what came before the table
	units  map[int]*unit   // pieces of which a part waits; the run itself, as 0, if it is decoded at once
	left   int             // pieces wanted that no worker got yet
}

// unit is something that is decoded at once and of which some bytes wait.
type unit struct {
	frags []*frag
	have  int64
	size  int64 // stored; counted as waiting
}

// begin returns r's progress, made if need be.
func (j *Job) begin(r *run) (*progress, error) {
	if r.open != nil {
		return r.open, nil
	}
	r.open = &progress{units: map[int]*unit{}}
	j.open[r.index] = r
	if r.whole {
		return r.open, nil
	}
	if pt, ok := r.Table(); ok {
		r.open.know(r, &pt)
		return r.open, nil
	}
	if j.source == nil {
		if at := r.PieceTableRange(); at.Size == 0 { // what makes this run without a table wrong
			return r.open, r.open.parse(r)
		}
		return r.open, nil
	}
	var err error
	if r.open.table, err = readTable(j.source, r.Run); err != nil {
		return nil, fmt.Errorf("read piece table of %s: %w", r.name(), err)
	}
	return r.open, r.open.parse(r)
}

// parse reads the piece table, which is complete.
func (g *progress) parse(r *run) error {
	pt, err := wim.ParsePieceTable(r.Run, g.table)
	if err != nil {
		return fmt.Errorf("read piece table of %s: %w", r.name(), err)
	}
	g.know(r, &pt)
	return nil
}

// know takes the piece table.
func (g *progress) know(r *run, pt *wim.PieceTable) {
	g.pieces = pt
	if pt.Direct() {
		return
	}
	for i := range pt.Count() {
		if r.wants(pt.Piece(i)) {
			g.left++
		}
	}
}

// all reports whether everything needed of r was put.
func (g *progress) all(r *run) bool {
	switch {
	case r.whole:
		return g.got.has(0, r.StoredSize)
	case g.pieces == nil:
		return false
	case !g.pieces.Direct():
		return g.left == 0
	}
	for i := r.index; i < r.end; i++ {
		if s := r.span(i); r.plan.todo(i) && !g.got.has(s.from, s.to) {
			return false
		}
	}
	return true
}

// feed takes bytes of a run and hands what can be written to the workers.
func (j *Job) feed(r *run, off int64, data stored) error {
	g, err := j.begin(r)
	if err != nil || g.got.has(off, off+data.n) {
		return err
	}
	g.got.add(off, off+data.n)
	if r.whole {
		err = j.join(r, 0, wim.Piece{StoredSize: r.StoredSize}, off, data)
	} else {
		err = j.feedPieces(r, g, off, data)
	}
	if err == nil && g.all(r) {
		j.unfeed(r)
		j.fed.set(r.index)
	}
	return err
}

// unfeed forgets what waits of r.
func (j *Job) unfeed(r *run) {
	if r.open == nil {
		return
	}
	for _, f := range r.open.tables {
		j.spool.free(f)
	}
	for _, u := range r.open.units {
		j.spool.reserved -= u.size
		for _, f := range u.frags {
			j.spool.free(f)
		}
	}
	for _, f := range r.open.early {
		j.spool.reserved -= f.size
		j.spool.free(f)
	}
	r.open = nil
	delete(j.open, r.index)
}

// feedPieces takes bytes of a run that is written piecewise: for its table, which may stand at either end, and for its pieces. The table comes
// first, so that pieces in the same block need not wait for it.
func (j *Job) feedPieces(r *run, g *progress, off int64, data stored) error {
	end := off + data.n
	from, to := tableIn(r.Run, off, data.n)
	if from < to && g.pieces == nil {
		if err := j.feedTable(r, g, from, data.slice(from-off, to-off)); err != nil {
			return err
		}
	}
	if off < from {
		if err := j.feedContent(r, g, off, data.slice(0, from-off)); err != nil {
			return err
		}
	}
	if to < end {
		return j.feedContent(r, g, to, data.slice(to-off, data.n))
	}
	return nil
}

// tableIn returns the part of [off, off+n) that is of the run's piece table. It is empty, and where off is or the part ends, if there is none.
func tableIn(r *wim.Run, off, n int64) (from, to int64) {
	t := r.PieceTableRange()
	from, to = max(off, t.Offset), min(off+n, t.End())
	if from >= to {
		return off, off
	}
	return from, to
}

// feedTable takes a part of the piece table, which is not known yet.
func (j *Job) feedTable(r *run, g *progress, off int64, data stored) error {
	at := r.PieceTableRange()
	if g.table == nil {
		g.table = make([]byte, at.Size)
	}
	b, _, err := data.bytes(nil)
	if err != nil {
		return err
	}
	part := g.table[off-at.Offset:][:data.n]
	copy(part, b)
	g.tables = append(g.tables, j.spool.hold(r.index, fragTable, off, part))
	if !g.got.has(at.Offset, at.End()) {
		return nil
	}
	if err := g.parse(r); err != nil {
		return err
	}
	return j.feedEarly(r, g)
}

// feedContent takes bytes that are not of the table.
func (j *Job) feedContent(r *run, g *progress, off int64, data stored) error {
	switch {
	case g.pieces == nil:
		b, _, err := data.bytes(nil)
		if err != nil {
			return err
		}
		g.early = append(g.early, j.spool.hold(r.index, fragEarly, off, b))
		j.spool.reserved += data.n
		return nil
	case g.pieces.Direct():
		return j.send(task{r: r, pieces: g.pieces, off: off, data: data})
	}
	return j.cut(r, g, off, data)
}

// feedEarly hands on what waited for the table.
func (j *Job) feedEarly(r *run, g *progress) error {
	early := g.early
	g.early = nil
	for _, f := range early {
		data, err := j.spool.load(f)
		if err != nil {
			return err
		}
		j.spool.reserved -= f.size
		j.spool.free(f)
		if err := j.cut(r, g, f.off, stored{mem: data, n: f.size}); err != nil {
			return err
		}
	}
	return nil
}

// cut sends the pieces that lie wholly in data to the workers and lets the rest wait for its other bytes. Pieces that are not wanted
// are left out.
func (j *Job) cut(r *run, g *progress, off int64, data stored) error {
	first, end := g.pieces.Within(off, data.n)
	for i := first; i < end; i++ {
		if !r.wants(g.pieces.Piece(i)) {
			continue
		}
		to := i + 1
		for to < end && !r.big() && r.wants(g.pieces.Piece(to)) {
			to++
		}
		a, b := g.pieces.Piece(i), g.pieces.Piece(to-1)
		g.left -= to - i
		part := data.slice(a.StoredOffset-off, b.StoredOffset+b.StoredSize-off)
		if err := j.sendPieces(task{r: r, pieces: g.pieces, first: i, end: to, data: part}); err != nil {
			return err
		}
		i = to - 1
	}
	from, to := g.pieces.Find(off, data.n)
	for i := from; i < to; i++ {
		if i >= first && i < end {
			i = end - 1
			continue
		}
		pc := g.pieces.Piece(i)
		if !r.wants(pc) {
			continue
		}
		a, b := max(off, pc.StoredOffset), min(off+data.n, pc.StoredOffset+pc.StoredSize)
		if err := j.join(r, i, pc, a, data.slice(a-off, b-off)); err != nil {
			return err
		}
	}
	return nil
}

// join adds bytes to unit i of r, stored as pc says, and sends it when it is complete; else the bytes wait.
func (j *Job) join(r *run, i int, pc wim.Piece, off int64, data stored) error {
	g := r.open
	u := g.units[i]
	if u == nil {
		u = &unit{size: pc.StoredSize}
		g.units[i] = u
		j.spool.reserved += u.size
	}
	b, _, err := data.bytes(nil)
	if err != nil {
		return err
	}
	u.have += data.n
	if u.have < u.size {
		u.frags = append(u.frags, j.spool.hold(r.index, fragUnit, off, append([]byte(nil), b...)))
		return nil
	}
	t := task{r: r, pieces: g.pieces, first: i, end: i + 1}
	if r.whole {
		t = task{first: r.index, end: r.end, base: r.Offset}
	}
	all := j.room(&t, u.size)
	copy(all[off-pc.StoredOffset:], b)
	for _, f := range u.frags {
		if err := j.spool.loadInto(f, all[f.off-pc.StoredOffset:][:f.size]); err != nil {
			j.unroom(&t)
			return err
		}
		j.spool.free(f)
	}
	delete(g.units, i)
	j.spool.reserved -= u.size
	g.left--
	t.data = stored{mem: all, n: u.size}
	return j.send(t)
}

// weigh says by how much putting a part of r, which is not fed, would let what waits grow, and whether something waits for it.
func (r *run) weigh(off, n int64) (grow int64, wanted bool) {
	g := r.open
	switch {
	case n == r.StoredSize:
		return 0, g != nil
	case g != nil && g.got.has(off, off+n):
		return 0, false
	case r.whole && g != nil:
		return 0, true
	case r.whole:
		return r.StoredSize, false
	}
	var pieces *wim.PieceTable
	if g != nil {
		pieces = g.pieces
	} else if pt, ok := r.Table(); ok {
		pieces = &pt
	}
	if pieces == nil {
		from, to := tableIn(r.Run, off, n)
		return n - (to - from), from < to
	}
	if pieces.Direct() {
		return 0, false
	}
	first, end := pieces.Within(off, n)
	from, to := pieces.Find(off, n)
	for i := from; i < to; i++ {
		if i >= first && i < end {
			i = end - 1
			continue
		}
		switch pc := pieces.Piece(i); {
		case g != nil && g.units[i] != nil:
			wanted = true
		case r.wants(pc):
			grow += pc.StoredSize
		}
	}
	return grow, wanted
}
