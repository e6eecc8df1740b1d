package lzx

// mark is a place where blocks may be divided: a position at which both a token and the cached matches begin.
type mark struct {
	pos    int
	cache  int // where the matches of pos are
	tokens int // tokens before
}

// markGap is how many bytes marks are apart, at least.
const markGap = 4096

// guess makes a lazy parse of t[from:to] over the cached matches, from which blocks and costs are made. It stands for the best parse,
// and so takes every match of at least nice bytes.
type guess struct {
	tokens []token
	marks  []mark
	t      *text
	q      queue
	free   int // positions before it are in a match
	held   token
}

func (g *guess) parse(t *text, from, to int, cache []token, q queue, nice int) {
	*g = guess{tokens: g.tokens[:0], marks: g.marks[:0], t: t, q: q, free: from}
	next := from
	for pos, at := from, 0; pos < to; {
		if pos >= next && g.held == 0 && pos >= g.free {
			g.marks = append(g.marks, mark{pos, at, len(g.tokens)})
			next = pos + markGap
		}
		count := int(cache[at])
		found := cache[at+1 : at+1+count]
		at += 1 + count
		if count > 0 && found[count-1].length() >= nice {
			g.take(found[count-1], pos)
			pos += found[count-1].length()
			continue
		}
		if pos >= g.free {
			var best token
			if count > 0 {
				best = found[count-1]
			}
			g.step(best, pos, to)
		}
		pos++
	}
	if g.held != 0 {
		g.take(g.held, to-g.held.length())
	}
	g.marks = append(g.marks, mark{to, 0, len(g.tokens)})
}

// step goes on by the byte at pos, where best is the best match, or 0.
func (g *guess) step(best token, pos, to int) {
	if pos > 0 {
		if r := g.t.bestRecent(pos, min(to-pos, maxMatch), &g.q); r != 0 && (best == 0 || worth(r) >= worth(best)) {
			best = r
		}
	}
	switch {
	case g.held != 0 && (best == 0 || worth(best) <= worth(g.held)+gain):
		g.tokens = append(g.tokens, g.held)
		g.q.take(g.held.v())
		g.free = pos - 1 + g.held.length()
		g.held = 0
	case g.held != 0:
		g.tokens = append(g.tokens, token(g.t[pos-1]))
		g.held = best
	case best != 0:
		g.held = best
	default:
		g.tokens = append(g.tokens, token(g.t[pos]))
	}
}

// take takes a very long match at pos, or what another match has left of it.
func (g *guess) take(m token, pos int) {
	if g.held != 0 {
		g.tokens = append(g.tokens, token(g.t[pos-1]))
		g.held = 0
	}
	n := m.length() - max(0, g.free-pos)
	if n < minMatch {
		for ; n > 0; n-- {
			g.tokens = append(g.tokens, token(g.t[pos+m.length()-n]))
		}
		return
	}
	g.tokens = append(g.tokens, matchToken(n, m.v()))
	g.q.take(m.v())
}
