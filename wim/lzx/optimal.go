package lzx

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// optimal finds a cheap way through a segment of a piece: steps[i] is the last step of the cheapest known way to byte i.
type optimal struct {
	cache  []token // see chains.collect
	steps  []step
	queues []queue
	costs  costs
	path   []token
	nice   int
}

// parse finds the cheapest way through data[from:to], as the costs have it, and appends its tokens to tokens. cache holds the matches of the
// positions. It returns the queue behind them and the rest of the cache.
func (o *optimal) parse(tokens []token, data []byte, from, to int, cache []token, q queue) ([]token, queue, []token) {
	n := to - from
	steps := o.steps[:n+1]
	queues := o.queues[:n+1]
	for i := range steps {
		steps[i] = math.MaxUint64
	}
	steps[0] = 0
	queues[0] = q
	for i := 0; i < n; {
		here := steps[i]
		if i > 0 {
			t := token(here & (1<<31 - 1))
			if k := t.length(); k == 0 {
				queues[i] = queues[i-1]
			} else {
				p := queues[i-k]
				p.take(t.v())
				queues[i] = p
			}
		}
		here &^= 1<<32 - 1
		pos := from + i
		count := int(cache[0])
		found := cache[1 : 1+count]
		cache = cache[1+count:]
		if count > 0 {
			if k := found[count-1].length(); k >= o.nice {
				// A very long match is taken whole.
				t := found[count-1]
				o.relaxOne(steps[i:], here, t)
				o.recentWhole(steps[i:], data, pos, here, &queues[i], k)
				i += k
				continue
			}
		}
		steps[i+1] = min(steps[i+1], here+o.costs.literal[data[pos]])
		o.recent(steps[i:], data, pos, to, here, &queues[i])
		length := minMatch
		for _, t := range found {
			length = o.relax(steps[i:], here, t, length)
		}
		i++
	}
	// Walk back.
	o.path = o.path[:0]
	for i := n; i > 0; {
		t := token(steps[i] & (1<<31 - 1))
		o.path = append(o.path, t)
		i -= t.step()
	}
	for i := len(o.path) - 1; i >= 0; i-- {
		tokens = append(tokens, o.path[i])
	}
	last := token(steps[n] & (1<<31 - 1))
	if k := last.length(); k == 0 {
		q = queues[n-1]
	} else {
		q = queues[n-k]
		q.take(last.v())
	}
	return tokens, q, cache
}

// relax enters the steps of a match with the lengths from length to its own, and returns the length behind.
func (o *optimal) relax(steps []step, here step, t token, length int) int {
	v := t.v()
	slot := slotOf(v)
	here += step(v)
	short := &o.costs.short[slot]
	end := t.length()
	for ; length <= end && length < minMatch+lengthPrimary; length++ {
		steps[length] = min(steps[length], here+short[length-minMatch])
	}
	if length <= end {
		here += short[lengthPrimary]
		to := steps[length : end+1]
		long := o.costs.long[length-minMatch-lengthPrimary:][:len(to)]
		for i := range to {
			to[i] = min(to[i], here+long[i])
		}
		length = end + 1
	}
	return length
}

// relaxOne enters a match with its whole length.
func (o *optimal) relaxOne(steps []step, here step, t token) {
	v, k := t.v(), t.length()
	s := here + step(v)
	short := &o.costs.short[slotOf(v)]
	if k < minMatch+lengthPrimary {
		s += short[k-minMatch]
	} else {
		s += short[lengthPrimary] + o.costs.long[k-minMatch-lengthPrimary]
	}
	steps[k] = min(steps[k], s)
}

// recent enters the matches at the recent offsets.
func (o *optimal) recent(steps []step, data []byte, pos, to int, here step, q *queue) {
	if pos+8 > to {
		return
	}
	v := binary.LittleEndian.Uint64(data[pos:])
	for i, r := range q {
		at := pos - int(r)
		if at < 0 {
			continue
		}
		x := binary.LittleEndian.Uint64(data[at:]) ^ v
		if x&0xffff != 0 {
			continue
		}
		k := 8
		if x != 0 {
			k = bits.TrailingZeros64(x) >> 3
		} else if limit := min(to-pos, maxMatch); limit > 8 {
			k = 8 + matchLen(data[at+8:], data[pos+8:pos+limit])
		}
		o.relax(steps, here, matchToken(k, uint32(i)), minMatch)
	}
}

// recentWhole enters the recent offset that has a match of the k bytes too.
func (o *optimal) recentWhole(steps []step, data []byte, pos int, here step, q *queue, k int) {
	for i, r := range q {
		if at := pos - int(r); at >= 0 && matchLen(data[at:], data[pos:pos+k]) == k {
			o.relaxOne(steps, here, matchToken(k, uint32(i)))
			return
		}
	}
}
