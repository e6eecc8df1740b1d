package apply

import (
	"fmt"
	"sort"

	"github.com/wimcast/wimcast/wim"
)

// A run is decoded at once if it is no larger than this, stored and decoded.
const (
	wholeStored = 256 << 10
	wholeSize   = 2 << 20
)

// run is a stored run of which the image needs something, and how far it is. Its bytes wait for each other as pieces; behind the decoder its
// content is cut into the resources that the image needs.
type run struct {
	*wim.Run
	index   int
	members []*resource // that the image needs, by where they start in the content; they do not overlap
	whole   bool        // decoded at once
	fed     bool        // every needed byte was put
	open    *progress   // what waits; nil when nothing was put yet, and when fed
}

// resource is one stream that the image needs.
type resource struct {
	wim.Resource
	index  int
	run    *run
	path   string  // the first place that needs it, for errors
	files  []int   // indices of the files that hold it
	side   bool    // a symlink, named stream or xattr needs it too
	aside  bool    // it is in the work folder even if files hold it: a file may be no longer readable when its contents are needed
	sparse bool    // zeros are left out of the part file
	done   bool    // an earlier run of the program has completed it
	out    *output // of a resource written piecewise: what its worker has written
}

// end is where the resource ends in its run's content.
func (r *resource) end() int64 { return r.Start + r.Size }

// atOnce reports whether the resource is created from memory, because one decoded piece has all of it.
func (r *resource) atOnce() bool {
	size := int64(r.PieceSize)
	return r.run.whole || (r.Compression != wim.None && r.Start/size == (r.end()-1)/size)
}

// newRuns groups resources, sorted by run and place in it, by run. Runs that overlap would let one chunk stand for two; they are refused.
func newRuns(resources []*resource, size int64) ([]*run, error) {
	var runs []*run
	var last *run
	for _, r := range resources {
		if last == nil || last.Offset != r.Offset {
			if last != nil && r.Offset < last.Offset+last.StoredSize || r.StoredSize > size-r.Offset {
				return nil, fmt.Errorf("plan %s: it is stored where another file is, or behind the end of the WIM file: %w", r.path, wim.ErrCorrupt)
			}
			last = &run{Run: r.Run, index: len(runs), whole: r.StoredSize <= wholeStored && r.Run.Size <= wholeSize}
			runs = append(runs, last)
		} else if m := last.members[len(last.members)-1]; r.Start < m.end() {
			return nil, fmt.Errorf("plan %s: its content is in part that of %s: %w", r.path, m.path, wim.ErrCorrupt)
		}
		if r.Start < 0 || r.end() > last.Size {
			return nil, fmt.Errorf("plan %s: its bytes %d to %d are not in the %d of its run: %w", r.path, r.Start, r.end(), last.Size, wim.ErrCorrupt)
		}
		r.run = last
		last.members = append(last.members, r)
	}
	return runs, nil
}

// inContent gives the members that have a byte in [from, to) of the content.
func (r *run) inContent(from, to int64) []*resource {
	i := sort.Search(len(r.members), func(i int) bool { return r.members[i].end() > from })
	j := i
	for j < len(r.members) && r.members[j].Start < to {
		j++
	}
	return r.members[i:j]
}

// wants reports whether a needed resource that is not complete has a byte in the piece.
func (r *run) wants(pc wim.Piece) bool {
	for _, m := range r.inContent(pc.Offset, pc.Offset+pc.Size) {
		if !m.done {
			return true
		}
	}
	return false
}

// wanted calls fn with every range of stored bytes that must be put, in order: all of the run, but of one whose piece table is
// known without them only the wanted pieces.
func (r *run) wanted(fn func(from, to int64)) {
	pt, known := r.Table()
	switch {
	case r.whole || !known:
		fn(0, r.StoredSize)
		return
	case pt.Direct():
		for _, m := range r.members {
			if !m.done {
				fn(m.Start, m.end())
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

// name says for errors which files a run holds.
func (r *run) name() string { return r.members[0].path }
