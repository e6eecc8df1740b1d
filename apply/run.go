package apply

import (
	"iter"
	"sort"

	"github.com/wimcast/wimcast/wim"
)

// A run is decoded at once if it is no larger than this, stored and decoded.
const (
	wholeStored = 256 << 10
	wholeSize   = 2 << 20
)

// run is a stored run of which the image needs something, and how far it is. Its bytes wait for each other as pieces; behind the decoder its
// content is cut into the resources that the image needs. A run is made when something is done with it, and kept, in Plan.open, only
// while something of it waits or is in the work folder.
type run struct {
	*wim.Run
	t          *tree
	index, end int             // its resources, by where they start in the content; they do not overlap, and not all are needed
	whole      bool            // decoded at once
	open       *progress       // what waits; nil when nothing was put yet, and when all was
	outs       map[int]*output // of resources written piecewise, by index. While workers run, that of the run has it alone
}

// resource is one stream that the image needs. It is made when something is done with it.
type resource struct {
	wim.Resource
	index int
	run   *run
}

// count is more than the number of any resource. A run has the number of its first resource, needed or not.
func (t *tree) count() int { return t.wf.Placed() }

// todo reports whether a resource is needed and not complete.
func (t *tree) todo(res int) bool { return t.needed.has(res) && !t.done.has(res) }

// runs gives the runs of needed resources from first to below end, which are bounds of runs.
func (t *tree) runs(first, end int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := t.needed.next(first); i >= 0 && i < end; {
			if !yield(t.runOf(i)) {
				return
			}
			i = t.needed.next(t.endOf(i))
		}
	}
}

// placeOf says where the run of a resource is.
func (t *tree) placeOf(res int) wim.Place { return t.wf.Place(res) }

// runOf gives the run that a resource is in.
func (t *tree) runOf(res int) int {
	at := t.wf.Place(res).Offset
	if res == 0 || t.wf.Place(res-1).Offset != at {
		return res
	}
	return sort.Search(res, func(i int) bool { return t.wf.Place(i).Offset >= at })
}

// endOf is the number behind the last resource of the run that a resource is in.
func (t *tree) endOf(res int) int {
	at, n := t.wf.Place(res).Offset, res+1
	if n == t.count() || t.wf.Place(n).Offset != at {
		return n
	}
	return n + sort.Search(t.count()-n, func(i int) bool { return t.wf.Place(n+i).Offset > at })
}

// isWhole reports whether a run is decoded at once.
func isWhole(p wim.Place) bool { return p.StoredSize <= wholeStored && p.RunSize <= wholeSize }

// newRun makes a run of which nothing was put.
func (t *tree) newRun(i int) *run {
	return &run{Run: t.wf.Resource(i).Run, t: t, index: i, end: t.endOf(i), whole: isWhole(t.placeOf(i))}
}

// run gives a run with what is known of it.
func (p *Plan) run(i int) *run {
	if r := p.open[i]; r != nil {
		return r
	}
	return p.tree.newRun(i)
}

// resource gives a resource by its index, of a run of which nothing was put.
func (t *tree) resource(i int) *resource { return t.newRun(t.runOf(i)).member(i) }

// sizeOf is a resource's size.
func (t *tree) sizeOf(res int) int64 { return t.wf.SizeOf(res) }

// member gives a resource of the run.
func (r *run) member(i int) *resource {
	return &resource{Resource: r.t.wf.Resource(i), index: i, run: r}
}

// span gives the range of the content that a resource of the run has.
func (r *run) span(i int) span {
	from := r.t.wf.Place(i).Start
	return span{from, from + r.t.wf.SizeOf(i)}
}

// needsPart reports whether a resource of the run is written piecewise, because no one decoded piece has all of it.
func (r *run) needsPart(i int) bool {
	s, size := r.span(i), int64(r.PieceSize)
	return !r.whole && (r.Compression == wim.None || s.from/size != (s.to-1)/size)
}

// out gives what is known of a resource that is written piecewise.
func (r *run) out(i int) *output {
	o := r.outs[i]
	if o == nil {
		if r.outs == nil {
			r.outs = map[int]*output{}
		}
		o = newOutput()
		r.outs[i] = o
	}
	return o
}

// inContent gives the resources [i, j) that have a byte in [from, to) of the content.
func (r *run) inContent(from, to int64) (i, j int) {
	i = r.index + sort.Search(r.end-r.index, func(i int) bool { return r.span(r.index+i).to > from })
	j = i
	for j < r.end && r.span(j).from < to {
		j++
	}
	return i, j
}

// wants reports whether a needed resource that is not complete has a byte in the piece.
func (r *run) wants(pc wim.Piece) bool {
	i, j := r.inContent(pc.Offset, pc.Offset+pc.Size)
	for ; i < j; i++ {
		if r.t.todo(i) {
			return true
		}
	}
	return false
}

// wanted calls fn with every range of stored bytes that must be put, in order: all of the run, but of one whose piece table is
// known without them only the wanted pieces.
func (r *run) wanted(fn func(from, to int64)) {
	if r.whole {
		fn(0, r.StoredSize)
		return
	}
	pt, known := r.Table()
	switch {
	case !known:
		fn(0, r.StoredSize)
		return
	case pt.Direct():
		for i := r.index; i < r.end; i++ {
			if r.t.todo(i) {
				s := r.span(i)
				fn(s.from, s.to)
			}
		}
		return
	}
	for i := range pt.Count() {
		if pc := pt.Piece(i); r.wants(pc) {
			fn(pc.StoredOffset, pc.StoredOffset+pc.StoredSize)
		}
	}
}

// name says for errors which file a run holds.
func (r *run) name() string { return r.t.resourceName(r.t.needed.next(r.index)) }

// out gives what is known of a resource that is written piecewise.
func (r *resource) out() *output { return r.run.out(r.index) }

// path says for errors which file a resource is of.
func (r *resource) path() string { return r.run.t.resourceName(r.index) }

// resourceName says for errors what needs a resource.
func (t *tree) resourceName(res int) string {
	var at *spot
	if first, end := t.filesOf(res); first < end {
		at = &t.files[first].spot
	}
	for i := range t.symlinks {
		if l := &t.symlinks[i]; at == nil && (l.res == int32(res) || l.data == int32(res)) {
			at = &l.spot
		}
	}
	for i := range t.streams {
		if s := &t.streams[i]; at == nil && s.res == int32(res) {
			at = &s.spot
		}
	}
	if at != nil {
		if path, err := t.path(*at); err == nil {
			return path
		}
	}
	return "resource " + t.wf.Resource(res).Hash.String()
}
