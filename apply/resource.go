package apply

import (
	"fmt"

	"github.com/wimcast/wimcast/wim"
)

// A resource is written whole if it is no larger than this, stored and decoded.
const (
	wholeStored = 256 << 10
	wholeSize   = 2 << 20
)

// resource is one stored stream that the image needs, and how far it is.
type resource struct {
	wim.Resource
	index int
	path  string // the first place that needs it, for errors
	files []int  // indices of the files that hold it
	side  bool   // a symlink or xattr needs it too
	whole bool   // written at once
	fed   bool   // every byte was put

	open *progress // what waits; nil when nothing was put yet, and when fed
	out  *output   // of a resource written piecewise: what its worker has written
}

func newResource(r wim.Resource, path string) *resource {
	return &resource{Resource: r, path: path, whole: r.StoredSize <= wholeStored && r.Size <= wholeSize}
}

// progress is what was put of a resource, and what of it waits. Offsets count from the resource's first stored byte.
type progress struct {
	got    spans
	table  []byte          // the piece table, as far as it was put
	pieces *wim.PieceTable // nil until the table is there
	tables []*frag         // the table's bytes, kept for a restart until the resource is complete
	early  []*frag         // what came before the table
	units  map[int]*unit   // pieces of which a part waits; the resource itself, as 0, if it is written whole
}

// unit is something that is written at once and of which some bytes wait.
type unit struct {
	frags []*frag
	have  int64
	size  int64 // stored; counted as waiting
}

// begin gives r's progress, made if need be.
func (r *resource) begin() (*progress, error) {
	if r.open != nil {
		return r.open, nil
	}
	r.open = &progress{units: map[int]*unit{}}
	if r.whole {
		return r.open, nil
	}
	r.out = newOutput()
	if r.PieceTableSize() == 0 {
		return r.open, r.open.parse(r)
	}
	return r.open, nil
}

// parse reads the piece table, which is complete.
func (g *progress) parse(r *resource) error {
	pt, err := wim.ParsePieceTable(r.Run, g.table)
	if err != nil {
		return fmt.Errorf("read piece table of %s: %w", r.path, err)
	}
	g.pieces = &pt
	return nil
}

// feed takes bytes of a resource and hands what can be written to the workers.
func (p *Plan) feed(r *resource, off int64, data []byte) error {
	end := off + int64(len(data))
	if r.fed {
		return nil
	}
	if r.whole && int64(len(data)) == r.StoredSize {
		p.unfeed(r)
		r.fed = true
		return p.send(task{r: r, data: data})
	}
	g, err := r.begin()
	if err != nil || g.got.has(off, end) {
		return err
	}
	g.got.add(off, end)
	if r.whole {
		err = p.join(r, 0, r.StoredSize, off, data, func(all []byte) task { return task{r: r, data: all} })
	} else {
		err = p.feedPieces(r, g, off, data)
	}
	if err == nil && g.got.has(0, r.StoredSize) {
		p.unfeed(r)
		r.fed = true
	}
	return err
}

// unfeed forgets what waits of r.
func (p *Plan) unfeed(r *resource) {
	if r.open == nil {
		return
	}
	for _, f := range r.open.tables {
		p.spool.free(f)
	}
	for _, u := range r.open.units {
		p.spool.reserved -= u.size
		for _, f := range u.frags {
			p.spool.free(f)
		}
	}
	for _, f := range r.open.early {
		p.spool.reserved -= f.size
		p.spool.free(f)
	}
	r.open = nil
}

// feedPieces takes bytes of a resource that is written piecewise: first for its table, then for its pieces.
func (p *Plan) feedPieces(r *resource, g *progress, off int64, data []byte) error {
	if size := r.PieceTableSize(); off < size {
		n := min(int64(len(data)), size-off)
		if g.table == nil {
			g.table = make([]byte, size)
		}
		copy(g.table[off:], data[:n])
		g.tables = append(g.tables, p.spool.hold(r.index, fragTable, off, g.table[off:off+n]))
		if g.got.has(0, size) {
			if err := g.parse(r); err != nil {
				return err
			}
			if err := p.feedEarly(r, g); err != nil {
				return err
			}
		}
		off, data = off+n, data[n:]
	}
	switch {
	case len(data) == 0:
		return nil
	case g.pieces == nil:
		g.early = append(g.early, p.spool.hold(r.index, fragEarly, off, data))
		p.spool.reserved += int64(len(data))
		return nil
	case g.pieces.Direct():
		return p.send(task{r: r, pieces: g.pieces, off: off, data: data})
	}
	return p.cut(r, g, off, data)
}

// feedEarly hands on what waited for the table.
func (p *Plan) feedEarly(r *resource, g *progress) error {
	early := g.early
	g.early = nil
	for _, f := range early {
		data, err := p.spool.load(f)
		if err != nil {
			return err
		}
		p.spool.reserved -= f.size
		p.spool.free(f)
		if err := p.cut(r, g, f.off, data); err != nil {
			return err
		}
	}
	return nil
}

// cut sends the pieces that lie wholly in data to the workers and lets the rest wait for its other bytes.
func (p *Plan) cut(r *resource, g *progress, off int64, data []byte) error {
	n := int64(len(data))
	first, end := g.pieces.Within(off, n)
	if first < end {
		a, b := g.pieces.Piece(first), g.pieces.Piece(end-1)
		part := data[a.StoredOffset-off : b.StoredOffset+b.StoredSize-off]
		if err := p.send(task{r: r, pieces: g.pieces, first: first, end: end, data: part}); err != nil {
			return err
		}
	}
	from, to := g.pieces.Find(off, n)
	for i := from; i < to; i++ {
		if i >= first && i < end {
			i = end - 1
			continue
		}
		pc := g.pieces.Piece(i)
		a, b := max(off, pc.StoredOffset), min(off+n, pc.StoredOffset+pc.StoredSize)
		err := p.join(r, i, pc.StoredSize, a, data[a-off:b-off], func(all []byte) task {
			return task{r: r, pieces: g.pieces, first: i, end: i + 1, data: all}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// join adds bytes to unit i of r, of that stored size, and sends it when it is complete; else the bytes wait. Units of a resource that is
// written piecewise start at the piece, else at the resource.
func (p *Plan) join(r *resource, i int, size, off int64, data []byte, made func([]byte) task) error {
	g := r.open
	u := g.units[i]
	if u == nil {
		u = &unit{size: size}
		g.units[i] = u
		p.spool.reserved += size
	}
	u.have += int64(len(data))
	if u.have < size {
		u.frags = append(u.frags, p.spool.hold(r.index, fragUnit, off, append([]byte(nil), data...)))
		return nil
	}
	start := off
	for _, f := range u.frags {
		start = min(start, f.off)
	}
	all := make([]byte, size)
	copy(all[off-start:], data)
	for _, f := range u.frags {
		b, err := p.spool.load(f)
		if err != nil {
			return err
		}
		copy(all[f.off-start:], b)
		p.spool.free(f)
	}
	delete(g.units, i)
	p.spool.reserved -= size
	return p.send(made(all))
}

// weigh says by how much putting a part of r would let what waits grow, and whether something waits for it.
func (r *resource) weigh(off, n int64) (grow int64, wanted bool) {
	g := r.open
	switch {
	case r.fed || n == r.StoredSize:
		return 0, g != nil
	case g != nil && g.got.has(off, off+n):
		return 0, false
	case r.whole && g != nil:
		return 0, true
	case r.whole:
		return r.StoredSize, false
	}
	if table := r.PieceTableSize(); off < table {
		return max(0, off+n-table), true
	}
	if g == nil || g.pieces == nil {
		if r.Compression == wim.None {
			return 0, false
		}
		return n, false
	}
	if g.pieces.Direct() {
		return 0, false
	}
	first, end := g.pieces.Within(off, n)
	from, to := g.pieces.Find(off, n)
	for i := from; i < to; i++ {
		if i >= first && i < end {
			i = end - 1
			continue
		}
		if g.units[i] != nil {
			wanted = true
		} else {
			grow += g.pieces.Piece(i).StoredSize
		}
	}
	return grow, wanted
}
