package lzms

import (
	"encoding/binary"
	"math/bits"
)

const (
	batchSize  = 1 << 12 // positions
	maxMatches = 32      // of one position
	minTree    = 4       // the shortest match that is found here
	padding    = 16      // bytes behind the data that may be read
	// lanes is how many trees are walked in turns. A walk waits for memory at every node; others go on meanwhile.
	lanes = 8
	// headAhead is how many positions before its turn a tree's root is looked up, for the same reason.
	headAhead = 8
	// walked marks a root whose tree is being changed.
	walked = 1 << 31
)

// match is a place where the bytes at a position were before.
type match struct{ length, offset uint32 }

// batch holds the matches of a row of positions: for each of increasing length the nearest place.
type batch struct {
	start   int
	count   [batchSize]uint8
	matches []match
}

// finder finds the matches of minTree bytes and more, of all positions of a piece, in order. Every position that starts with the same
// four bytes is in one binary tree (or nearly so: trees are found by a hash). A node's left branch has what is less than it, the right one
// what is greater, and later positions are above earlier ones, so that a walk from the root meets the nearest match of each length first.
type finder struct {
	data  []byte // with padding
	size  int
	nice  int // matches of that length end a walk
	depth int // nodes that a walk takes at most
	pos   int

	long  match // that covers pos, when until is beyond it
	until int
	skip  int // end of the long match that reaches farthest: positions before it get no trees, as the place it leads to has them

	shift uint     // that leaves the bits of a hash
	roots []uint32 // position + 1 by hash; 0 is none
	nodes []uint32 // left and right child by position, in the same way

	lanes [lanes]lane
	ahead uint32 // keeps the look-ahead from being optimised away
	found [batchSize][maxMatches]match
}

// lane is a walk down a tree, to put a position above all its nodes: those that are less go to the left, the others to the right.
type lane struct {
	busy  bool
	pos   int
	at    int // position in the batch
	root  *uint32
	limit int
	best  int // length of the longest match
	count int // of matches
	left  int // nodes that may be visited

	// Where the next node that is less, or greater, goes: at first below pos, then the right branch of the one before, or the left one.
	lessAt, moreAt   int
	lessLen, moreLen int // how much of pos they match

	// The next node, its children, and its bytes behind those that are known to match. They are asked for one turn before they are needed.
	node       uint32
	less, more uint32
	word       uint64
}

func rootHashBits(size int) int { return min(max(bits.Len(uint(size))-2, 10), 23) }

// reset starts on a piece. Memory is taken by what the largest piece so far needs.
func (f *finder) reset(data []byte, size int) {
	f.data, f.size, f.pos, f.until, f.skip = data, size, 0, 0, 0
	n := rootHashBits(size)
	f.shift = uint(32 - n)
	if len(f.nodes) < 2*size {
		f.nodes, f.roots = nil, nil // so that they can go before there are others
		f.nodes, f.roots = make([]uint32, 2*size), make([]uint32, 1<<n)
	}
	clear(f.roots[:1<<n])
}

// fill finds the matches of the next positions. Those in a long match have only the rest of it.
func (f *finder) fill(b *batch) {
	n := min(batchSize, f.size-f.pos)
	f.walk(b, n)
	b.start, b.matches = f.pos, b.matches[:0]
	for i := range n {
		pos, k := f.pos+i, int(b.count[i])
		if k > 0 {
			if m := f.found[i][k-1]; int(m.length) >= f.nice && pos+int(m.length) > f.until {
				f.long, f.until = m, pos+int(m.length)
			}
		}
		if pos < f.until {
			b.matches = append(b.matches, match{uint32(f.until - pos), f.long.offset})
			b.count[i] = 1
			continue
		}
		b.matches = append(b.matches, f.found[i][:k]...)
	}
	f.pos += n
}

// matchLength returns the length of the match of a with b, up to limit, from being known up to from.
func matchLength(data []byte, a, b, from, limit int) int {
	for from < limit {
		if x := binary.LittleEndian.Uint64(data[a+from:]) ^ binary.LittleEndian.Uint64(data[b+from:]); x != 0 {
			return min(from+bits.TrailingZeros64(x)>>3, limit)
		}
		from += 8
	}
	return limit
}

// walk finds the matches of n positions and puts them into their trees, by lanes.
func (f *finder) walk(b *batch, n int) {
	next, busy := 0, 0
	for next < n || busy > 0 {
		free := next < n
		for k := range f.lanes {
			l := &f.lanes[k]
			switch {
			case l.busy:
				f.step(l)
			case free:
				if free = f.begin(l, next); !free {
					continue
				}
				next++
				free = next < n
				busy++
			default:
				continue
			}
			if !l.busy {
				b.count[l.at] = uint8(l.count)
				busy--
			}
		}
	}
}

// step goes to the next node, or ends the walk.
func (f *finder) step(l *lane) {
	data, nodes := f.data, f.nodes
	pos, at, limit := l.pos, min(l.lessLen, l.moreLen), l.limit
	i := int(l.node - 1)
	x := l.word ^ binary.LittleEndian.Uint64(data[pos+at:])
	for x == 0 && at+8 < limit {
		at += 8
		x = binary.LittleEndian.Uint64(data[i+at:]) ^ binary.LittleEndian.Uint64(data[pos+at:])
	}
	at = min(at+bits.TrailingZeros64(x)>>3, limit)
	if at > l.best {
		l.best = at
		l.count = min(l.count, maxMatches-1)
		f.found[l.at][l.count] = match{uint32(at), uint32(pos - i)}
		l.count++
	}
	if at == limit {
		// The two cannot be told apart: pos takes the place of the node.
		nodes[l.lessAt], nodes[l.moreAt] = l.less, l.more
	} else {
		var node uint32
		if data[i+at] < data[pos+at] {
			nodes[l.lessAt] = l.node
			l.lessAt, l.lessLen, node = 2*i+1, at, l.more
		} else {
			nodes[l.moreAt] = l.node
			l.moreAt, l.moreLen, node = 2*i, at, l.less
		}
		l.left--
		if node != 0 && l.left > 0 {
			f.visit(l, node)
			return
		}
		nodes[l.lessAt], nodes[l.moreAt] = 0, 0
	}
	*l.root = uint32(pos + 1)
	l.busy = false
	if l.best >= f.nice {
		m := &f.found[l.at][l.count-1]
		m.length = uint32(matchLength(data, pos-int(m.offset), pos, l.best, f.size-pos))
		f.skip = max(f.skip, pos+int(m.length))
	}
}

// visit asks for what the next turn of a lane needs.
func (f *finder) visit(l *lane, node uint32) {
	i := int(node - 1)
	pair := f.nodes[2*i : 2*i+2]
	l.node, l.less, l.more = node, pair[0], pair[1]
	l.word = binary.LittleEndian.Uint64(f.data[i+min(l.lessLen, l.moreLen):])
}

// begin starts with a position of the batch, and may end with it, too. It reports whether this was possible, as its tree may be being walked.
func (f *finder) begin(l *lane, at int) bool {
	pos := f.pos + at
	l.at, l.count = at, 0
	limit := min(f.nice, f.size-pos)
	if limit < minTree || pos < f.skip {
		return true
	}
	data := f.data
	word := binary.LittleEndian.Uint32(data[pos:])
	root := &f.roots[word*0x9e3779b1>>f.shift]
	node := *root
	if node&walked != 0 {
		return false
	}
	*root = uint32(pos+1) | walked
	if pos+headAhead < f.size {
		f.ahead ^= f.roots[binary.LittleEndian.Uint32(data[pos+headAhead:])*0x9e3779b1>>f.shift]
	}
	if node == 0 {
		f.nodes[2*pos], f.nodes[2*pos+1] = 0, 0
		*root = uint32(pos + 1)
		return true
	}
	l.busy, l.pos, l.root, l.limit, l.best, l.left = true, pos, root, limit, minTree-1, f.depth
	l.lessAt, l.moreAt, l.lessLen, l.moreLen = 2*pos, 2*pos+1, 0, 0
	f.visit(l, node)
	return true
}
