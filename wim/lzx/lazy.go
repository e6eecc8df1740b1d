package lzx

import "math/bits"

// bestRecent gives the longest match at a recent offset, or 0.
func bestRecent(data []byte, pos int, q *queue) (length, which int) {
	limit := min(len(data)-pos, maxMatch)
	for i, r := range q {
		if at := pos - int(r); at >= 0 && data[at] == data[pos] {
			if n := matchLen(data[at:], data[pos:pos+limit]); n > length {
				length, which = n, i
			}
		}
	}
	return length, which
}

// worth compares matches: a byte more of length is worth two bits, more or less.
func worth(length int, v uint32) int {
	if v < recents {
		return 4*length + 14
	}
	return 4*length + 16 - bits.Len32(v)
}

// lazy appends the tokens of a piece: a match is put off by one byte when the next position has a better one.
func (f *chains[P]) lazy(tokens []token, data []byte) []token {
	f.reset()
	last := len(data) - tail // the last position that is searched or entered
	q := firstQueue
	pos := 0
	length, v := 0, uint32(0)
	for pos <= last {
		if length == 0 {
			length, v = f.choose(data, pos, 0, &q)
		}
		if length < minMatch {
			tokens = append(tokens, token(data[pos]))
			pos, length = pos+1, 0
			continue
		}
		entered := pos + 1
		if length < f.nice && pos < last {
			entered++
			if n, w := f.choose(data, pos+1, length-1, &q); n != 0 && worth(n, w) > worth(length, v)+4 {
				tokens = append(tokens, token(data[pos]))
				pos, length, v = pos+1, n, w
				continue
			}
		}
		tokens = append(tokens, matchToken(length, v))
		q.take(v)
		for pos += length; entered < pos && entered <= last; entered++ {
			f.enter(data, entered)
		}
		length = 0
	}
	for ; pos < len(data); pos++ {
		tokens = append(tokens, token(data[pos]))
	}
	return tokens
}

// choose gives the best match at pos that is longer than floor, or 0.
func (f *chains[P]) choose(data []byte, pos, floor int, q *queue) (length int, v uint32) {
	length, offset := f.find(data, pos, floor)
	v = uint32(offset) + offsetBias
	if n, i := bestRecent(data, pos, q); n > floor && n >= minMatch && (length == 0 || worth(n, uint32(i)) >= worth(length, v)) {
		return n, uint32(i)
	}
	return length, v
}
