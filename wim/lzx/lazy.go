package lzx

import "math/bits"

// worth compares matches: a byte more of length is worth two bits, more or less.
func worth(t token) int {
	if t.v() < recents {
		return 4*t.length() + 14
	}
	return 4*t.length() + 16 - bits.Len32(t.v())
}

// gain is by how much a match must be worth more than the one before it.
const gain = 4

// bestRecent returns the longest match at a recent offset, or 0.
func (t *text) bestRecent(pos, limit int, q *queue) token {
	x, any := t.recents(pos, q)
	if !any || limit < minMatch {
		return 0
	}
	length, which := 0, 0
	for i, r := range q {
		if uint16(x[i]) == 0 {
			if n := t.length(x[i], pos, r, limit); n > length {
				length, which = n, i
			}
		}
	}
	return matchToken(length, uint32(which))
}

// lazy appends the tokens of a piece of size bytes: a match is put off by one byte when the next position has a better one.
func (f *chains[P]) lazy(tokens []token, t *text, size int) []token {
	last := size - tail // the last position that is searched or entered
	q := firstQueue
	tokens = append(tokens, token(t[0]))
	if last >= 0 {
		f.enter(load32(t, 0), 0)
	}
	pos := 1
	var held token
	for pos <= last {
		if held == 0 {
			if held = f.choose(t, pos, 0, size, &q); held == 0 {
				tokens = append(tokens, token(t[pos]))
				pos++
				continue
			}
		}
		entered := pos + 1
		if held.length() < f.nice && pos < last {
			entered++
			if next := f.choose(t, pos+1, held.length()-1, size, &q); next != 0 && worth(next) > worth(held)+gain {
				tokens = append(tokens, token(t[pos]))
				pos, held = pos+1, next
				continue
			}
		}
		tokens = append(tokens, held)
		q.take(held.v())
		pos += held.length()
		f.enterAll(t, entered, min(pos, last+1))
		held = 0
	}
	for ; pos < size; pos++ {
		tokens = append(tokens, token(t[pos]))
	}
	return tokens
}

// choose returns the best match at pos that is longer than floor, or 0.
func (f *chains[P]) choose(t *text, pos, floor, size int, q *queue) token {
	limit := min(size-pos, maxMatch)
	var best token
	if length, offset := f.find(t, pos, floor, limit); length != 0 {
		best = matchToken(length, uint32(offset)+offsetBias)
	}
	if r := t.bestRecent(pos, limit, q); r.length() > floor && (best == 0 || worth(r) >= worth(best)) {
		return r
	}
	return best
}
