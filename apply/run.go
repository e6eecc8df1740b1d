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
// content is cut into the resources that the image needs. A run is made when something is done with it, and kept, in Job.open, only
// while something of it waits or is in the work folder.
type run struct {
	*wim.Run
	plan       *plan
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
func (p *plan) count() int { return p.wf.Placed() }

// todo reports whether a resource is needed and not complete.
func (p *plan) todo(res int) bool { return p.needed.has(res) && !p.done.has(res) }

// runs returns the runs of needed resources from first to below end, which are bounds of runs.
func (p *plan) runs(first, end int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := p.needed.next(first); i >= 0 && i < end; {
			if !yield(p.runOf(i)) {
				return
			}
			i = p.needed.next(p.endOf(i))
		}
	}
}

// placeOf says where the run of a resource is.
func (p *plan) placeOf(res int) wim.Place { return p.wf.Place(res) }

// runOf returns the run that a resource is in.
func (p *plan) runOf(res int) int {
	at := p.wf.Place(res).Offset
	if res == 0 || p.wf.Place(res-1).Offset != at {
		return res
	}
	return sort.Search(res, func(i int) bool { return p.wf.Place(i).Offset >= at })
}

// endOf is the number behind the last resource of the run that a resource is in.
func (p *plan) endOf(res int) int {
	at, n := p.wf.Place(res).Offset, res+1
	if n == p.count() || p.wf.Place(n).Offset != at {
		return n
	}
	return n + sort.Search(p.count()-n, func(i int) bool { return p.wf.Place(n+i).Offset > at })
}

// isWhole reports whether a run is decoded at once.
func isWhole(p wim.Place) bool { return p.StoredSize <= wholeStored && p.RunSize <= wholeSize }

// newRun makes a run of which nothing was put.
func (p *plan) newRun(i int) *run {
	return &run{Run: p.wf.Resource(i).Run, plan: p, index: i, end: p.endOf(i), whole: isWhole(p.placeOf(i))}
}

// run returns a run with what is known of it.
func (j *Job) run(i int) *run {
	if r := j.open[i]; r != nil {
		return r
	}
	return j.plan.newRun(i)
}

// resource returns a resource by its index, of a run of which nothing was put.
func (p *plan) resource(i int) *resource { return p.newRun(p.runOf(i)).member(i) }

// sizeOf is a resource's size.
func (p *plan) sizeOf(res int) int64 { return p.wf.SizeOf(res) }

// member returns a resource of the run.
func (r *run) member(i int) *resource {
	return &resource{Resource: r.plan.wf.Resource(i), index: i, run: r}
}

// span returns the range of the content that a resource of the run has.
func (r *run) span(i int) span {
	from := r.plan.wf.Place(i).Start
	return span{from, from + r.plan.wf.SizeOf(i)}
}

// needsPart reports whether a resource of the run is written piecewise, because no one decoded piece has all of it.
func (r *run) needsPart(i int) bool {
	s, size := r.span(i), int64(r.PieceSize)
	return !r.whole && (r.Compression == wim.None || s.from/size != (s.to-1)/size)
}

// out returns what is known of a resource that is written piecewise.
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

// inContent returns the resources [i, j) that have a byte in [from, to) of the content.
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
		if r.plan.todo(i) {
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
			if r.plan.todo(i) {
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
func (r *run) name() string { return r.plan.resourceName(r.plan.needed.next(r.index)) }

// out returns what is known of a resource that is written piecewise.
func (r *resource) out() *output { return r.run.out(r.index) }

// path says for errors which file a resource is of.
func (r *resource) path() string { return r.run.plan.resourceName(r.index) }

// resourceName says for errors what needs a resource.
func (p *plan) resourceName(res int) string {
	var at *spot
	if first, end := p.filesOf(res); first < end {
		at = &p.files[first].spot
	}
	for i := range p.symlinks {
		if l := &p.symlinks[i]; at == nil && (l.res == int32(res) || l.data == int32(res)) {
			at = &l.spot
		}
	}
	for i := range p.streams {
		if s := &p.streams[i]; at == nil && s.res == int32(res) {
			at = &s.spot
		}
	}
	if at != nil {
		if path, err := p.path(*at); err == nil {
			return path
		}
	}
	return "resource " + p.wf.Resource(res).Hash.String()
}
