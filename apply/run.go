package apply

import (
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
	index      int
	first, end int             // its resources, by where they start in the content; they do not overlap
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

// runCount is the number of runs.
func (t *tree) runCount() int { return len(t.runs) - 1 }

// placeOf says where a run is.
func (t *tree) placeOf(run int) wim.Place { return t.wf.Place(int(t.resources[t.runs[run]])) }

// isWhole reports whether a run is decoded at once.
func isWhole(p wim.Place) bool { return p.StoredSize <= wholeStored && p.RunSize <= wholeSize }

// newRun makes a run of which nothing was put.
func (t *tree) newRun(i int) *run {
	first := int(t.runs[i])
	return &run{
		Run: t.wf.Resource(int(t.resources[first])).Run, t: t, index: i, first: first, end: int(t.runs[i+1]), whole: isWhole(t.placeOf(i)),
	}
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
func (t *tree) sizeOf(i int) int64 { return t.wf.SizeOf(int(t.resources[i])) }

// runOf gives the index of the run that a resource is in.
func (t *tree) runOf(res int) int {
	return sort.Search(t.runCount(), func(i int) bool { return int(t.runs[i+1]) > res })
}

// member gives a resource of the run.
func (r *run) member(i int) *resource {
	return &resource{Resource: r.t.wf.Resource(int(r.t.resources[i])), index: i, run: r}
}

// span gives the range of the content that a resource of the run has.
func (r *run) span(i int) span {
	n := int(r.t.resources[i])
	from := r.t.wf.Place(n).Start
	return span{from, from + r.t.wf.SizeOf(n)}
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
	i = r.first + sort.Search(r.end-r.first, func(i int) bool { return r.span(r.first+i).to > from })
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
		if !r.t.done.has(i) {
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
		for i := r.first; i < r.end; i++ {
			if !r.t.done.has(i) {
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
func (r *run) name() string { return r.t.resourceName(r.first) }

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
	return "resource " + t.wf.Resource(int(t.resources[res])).Hash.String()
}
