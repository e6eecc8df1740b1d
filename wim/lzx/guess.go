package lzx

// guess adds to counts the tokens of a lazy parse of data[from:to] over the cached matches, from which the first costs are made.
func guess(n *counts, data []byte, from, to int, cache []token, q queue, nice int) {
	pos := from
	free := from // positions before are in a match
	var held token
	for pos < to {
		count := int(cache[0])
		found := cache[1 : 1+count]
		cache = cache[1+count:]
		skip := 1
		var best token
		if count > 0 {
			best = found[count-1]
			if best.length() >= nice {
				skip = best.length()
			}
		}
		if pos >= free {
			if k, i := bestRecent(data[:to], pos, &q); k >= minMatch && (best == 0 || worth(k, uint32(i)) >= worth(best.length(), best.v())) {
				best = matchToken(k, uint32(i))
			}
			if held != 0 {
				if best != 0 && worth(best.length(), best.v()) > worth(held.length(), held.v())+4 {
					n.add(token(data[pos-1]))
					held = best
				} else {
					n.add(held)
					q.take(held.v())
					free = pos - 1 + held.length()
					held = 0
				}
			} else if best != 0 {
				held = best
			} else {
				n.add(token(data[pos]))
			}
		}
		pos += skip
		if held != 0 && skip > 1 {
			n.add(held)
			q.take(held.v())
			free = pos
			held = 0
		}
	}
}
