package lzx

import "math"

// optimal finds a cheap way through a block: steps[i] is the last step of the cheapest known way to byte i.
type optimal struct {
	steps  []step
	queues []queue
	costs  costs
	path   []token
	nice   int
}

// parse finds the cheapest way through t[from:to], as the costs have it, and appends its tokens to tokens. cache holds the matches of the
// positions, which it brings up to those behind, and q the queue, likewise.
func (o *optimal) parse(tokens []token, t *text, from, to int, cache []token, q *queue) []token {
	n := to - from
	steps, queues := o.steps[:n+1], o.queues[:n+1]
	for i := range steps {
		steps[i] = math.MaxUint64
	}
	steps[0], queues[0] = 0, *q
	for i := 0; i < n; {
		if i > 0 {
			o.settle(i)
		}
		here := steps[i] &^ (1<<32 - 1)
		pos := from + i
		count := int(cache[0])
		found := cache[1 : 1+count]
		cache = cache[1+count:]
		if count > 0 && found[count-1].length() >= o.nice {
			i += o.whole(steps[i:], t, pos, here, found[count-1], &queues[i])
			continue
		}
		steps[i+1] = min(steps[i+1], here+o.costs.literal[t[pos]])
		if pos > 0 {
			if x, any := t.recents(pos, &queues[i]); any {
				o.recent(steps[i:], t, pos, here, &x, &queues[i])
			}
		}
		length := minMatch
		for _, m := range found {
			end := min(m.length(), n-i)
			o.relax(steps[i:], here, m.v(), length, end)
			length = end + 1
		}
		i++
	}
	o.settle(n)
	*q = queues[n]
	return o.back(tokens, n)
}

// settle computes the queue at byte i > 0, when the cheapest way there is known.
func (o *optimal) settle(i int) {
	t := token(o.steps[i] & (1<<31 - 1))
	k := t.length()
	if k == 0 {
		o.queues[i] = o.queues[i-1]
		return
	}
	q := o.queues[i-k]
	q.take(t.v())
	o.queues[i] = q
}

// back appends the tokens of the way to byte n.
func (o *optimal) back(tokens []token, n int) []token {
	o.path = o.path[:0]
	for i := n; i > 0; {
		t := token(o.steps[i] & (1<<31 - 1))
		o.path = append(o.path, t)
		i -= t.step()
	}
	for i := len(o.path) - 1; i >= 0; i-- {
		tokens = append(tokens, o.path[i])
	}
	return tokens
}

// relax enters the steps of a match of value v with the lengths from length to end, as far as costs go.
func (o *optimal) relax(steps []step, here step, v uint32, length, end int) {
	end = min(end, o.nice)
	if length > end {
		return
	}
	here += step(v)
	tab := o.costs.match[slotOf(v)][length : end+1]
	to := steps[length : end+1]
	for i := range tab {
		to[i] = min(to[i], here+tab[i])
	}
}

// recent enters the matches at the recent offsets, of which x tells.
func (o *optimal) recent(steps []step, t *text, pos int, here step, x *[recents]uint64, q *queue) {
	limit := min(len(steps)-1, maxMatch)
	for i, r := range q {
		if uint16(x[i]) != 0 {
			continue
		}
		k := t.length(x[i], pos, r, limit)
		o.relax(steps, here, uint32(i), minMatch, k)
		if k > o.nice {
			o.relaxLong(steps, here, uint32(i), k)
		}
	}
}

// relaxLong enters a match with its whole length.
func (o *optimal) relaxLong(steps []step, here step, v uint32, k int) {
	steps[k] = min(steps[k], here+step(v)+o.costs.of(slotOf(v), k))
}

// whole takes a very long match with its whole length, from a recent offset when there is one that has it too, and returns the length.
func (o *optimal) whole(steps []step, t *text, pos int, here step, m token, q *queue) int {
	k := m.length()
	v := m.v()
	if pos > 0 {
		for i, r := range q {
			if t.matchLen(pos-int(r), pos, 0, k) == k {
				v = uint32(i)
				break
			}
		}
	}
	o.relaxLong(steps, here, v, k)
	return k
}
