package lzms

import "encoding/binary"

// The kinds of items. Those of LZ and of delta matches are three that use a recent offset, and one that tells its offset.
const (
	isLiteral  = 0
	isLZRep    = 1
	isLZ       = isLZRep + recentCount
	isDeltaRep = isLZ + 1
	isDelta    = isDeltaRep + recentCount
)

// powerShift is where the power stands in the value of a delta match, above the raw offset.
const powerShift = 29

// item is a step of a path through the data.
type item struct {
	length uint32 // of all
	value  uint32 // offset
	kind   uint8
	first  uint16 // if not 0, this is a match of that length, a literal, and a match of the rest with the same offset
}

// state is what the cost of the next item depends on, besides the tables.
type state struct {
	recent      [recentCount + 1]uint32 // as in Decoder
	recentDelta [recentCount + 1]uint32
	before      uint8
	main        uint8
	match       uint8
	lz          uint8
	delta       uint8
	lzRep       [recentCount - 1]uint8
	deltaRep    [recentCount - 1]uint8
}

func (s *state) reset() {
	*s = state{}
	for i := range uint32(recentCount + 1) {
		s.recent[i], s.recentDelta[i] = i+1, i+1
	}
}

// after brings s behind an item.
func (s *state) after(it *item) {
	s.step(it.kind, it.value)
	if it.first != 0 {
		s.step(isLiteral, 0)
		s.step(repOf(it.kind), it.value)
	}
}

// repOf is the kind that uses the latest offset of the kind's queue.
func repOf(kind uint8) uint8 {
	if kind <= isLZ {
		return isLZRep
	}
	return isDeltaRep
}

func (s *state) step(kind uint8, value uint32) {
	switch {
	case kind == isLiteral:
		s.main = s.main << 1 & (mainStates - 1)
		s.before = wasLiteral
	case kind <= isLZ:
		s.main = (s.main<<1 | 1) & (mainStates - 1)
		s.match = s.match << 1 & (matchStates - 1)
		from := recentCount
		if kind == isLZ {
			s.lz = s.lz << 1 & (lzStates - 1)
		} else {
			s.lz = (s.lz<<1 | 1) & (lzStates - 1)
			from = stepRep(&s.lzRep, kind-isLZRep)
			if s.before == wasLZ {
				from++
			}
		}
		front(&s.recent, from, value)
		s.before = wasLZ
	default:
		s.main = (s.main<<1 | 1) & (mainStates - 1)
		s.match = (s.match<<1 | 1) & (matchStates - 1)
		from := recentCount
		if kind == isDelta {
			s.delta = s.delta << 1 & (deltaStates - 1)
		} else {
			s.delta = (s.delta<<1 | 1) & (deltaStates - 1)
			from = stepRep(&s.deltaRep, kind-isDeltaRep)
			if s.before == wasDelta {
				from++
			}
		}
		front(&s.recentDelta, from, value)
		s.before = wasDelta
	}
}

func stepRep(r *[recentCount - 1]uint8, which uint8) int {
	if which == 0 {
		r[0] = r[0] << 1 & (repStates - 1)
		return 0
	}
	r[0] = (r[0]<<1 | 1) & (repStates - 1)
	r[1] = (r[1]<<1 | (which - 1)) & (repStates - 1)
	return int(which)
}

// front moves the first ones up by one and puts v to the front.
func front(r *[recentCount + 1]uint32, from int, v uint32) {
	for i := from; i > 0; i-- {
		r[i] = r[i-1]
	}
	r[0] = v
}

// blockSize is how far a path is looked for before it is written.
const blockSize = 4096

// parser finds cheap paths. The arrays are by position in the block; what a long item leads to is not in them.
type parser struct {
	cost  [blockSize + 2*maxNice + 2]uint32
	item  [blockSize + 2*maxNice + 2]item // the last one of the cheapest path to there
	state [blockSize + 2*maxNice + 2]state
	end   int // the farthest position that has a path
	path  []item
	nice  int
	pos   int // of the block
}

// reach makes sure that all up to end have a cost.
func (p *parser) reach(end int) {
	for p.end < end {
		p.end++
		p.cost[p.end] = noPath
	}
}

// best finds a path from pos. It ends where all paths meet, or with an item that is taken because it is long.
func (e *Encoder) best() (path []item) {
	p := &e.parser
	p.cost[0], p.end = 0, 0
	p.state[0] = e.state
	cur := 0
	var long item
	for {
		if cur > 0 {
			it := &p.item[cur]
			p.state[cur] = p.state[cur-int(it.length)]
			p.state[cur].after(it)
			if cur == p.end || cur >= blockSize {
				break
			}
		}
		if long = e.relax(cur); long.length != 0 {
			break
		}
		cur++
	}
	path = p.path[:0]
	if long.length != 0 {
		path = append(path, long)
	}
	for at := cur; at > 0; at -= int(p.item[at].length) {
		path = append(path, p.item[at])
	}
	p.path = path
	return path
}

// relax tries all items from position cur of the block. If one is long enough to be taken at once, it is given back.
func (e *Encoder) relax(cur int) (long item) {
	p, s, ch := &e.parser, &e.parser.state[cur], &e.chances
	data := e.data
	pos := p.pos + cur
	limit := min(e.size-pos, p.nice)
	base := p.cost[cur]
	p.reach(cur + 1)
	mainHistory := ch.main[s.main]
	if c := base + cost0(mainHistory) + e.costs.literal[data[pos]]; c < p.cost[cur+1] {
		p.cost[cur+1] = c
		p.item[cur+1] = item{length: 1, kind: isLiteral}
	}
	matches := e.source.at(pos)
	base += cost1(mainHistory)
	lz := base + cost0(ch.match[s.match])
	rep := lz + cost1(ch.lz[s.lz])
	skip := 0
	if s.before == wasLZ {
		skip = 1
	}
	longest := 1
	word := binary.LittleEndian.Uint16(data[pos:])
	for i := range recentCount {
		offset := int(s.recent[skip+i])
		here := rep + repCost(&ch.lzRep, &s.lzRep, i)
		if offset > pos || binary.LittleEndian.Uint16(data[pos-offset:]) != word || limit < 2 {
			continue
		}
		n := matchLength(data, pos-offset, pos, 2, limit)
		it := item{value: uint32(offset), kind: isLZRep + uint8(i)}
		if n >= p.nice {
			it.length = uint32(matchLength(data, pos-offset, pos, n, e.size-pos))
			return it
		}
		e.lengths(cur, 2, n, here, it)
		e.again(cur, n, here, it)
		if i == 0 {
			longest = n
		}
	}
	if k := len(matches); k > 0 && int(matches[k-1].length) >= p.nice {
		m := matches[k-1]
		return item{length: m.length, value: m.offset, kind: isLZ}
	}
	lz += cost0(ch.lz[s.lz])
	from := longest + 1
	if from <= 3 && limit >= 3 {
		from = e.relaxShort(cur, pos, from, lz)
	}
	for _, m := range matches {
		n := int(m.length)
		if n < from {
			continue
		}
		here := lz + e.costs.offset[e.slots.offset(m.offset)]
		it := item{value: m.offset, kind: isLZ}
		e.lengths(cur, from, n, here, it)
		e.again(cur, n, here, it)
		from = n + 1
	}
	if from > enoughForRep {
		return item{}
	}
	return e.relaxDelta(cur, pos, limit, base+cost1(ch.match[s.match]), from <= enough)
}

// Where there is an LZ match of that length no delta match is looked for, and none with a recent offset. That spares a third of the parser's time, and costs
// 0.3 % of size on Windows programs; data that delta matches are for has few such matches.
const (
	enough       = 4
	enoughForRep = 8
)

func repCost(ch *[recentCount - 1][repStates]uint64, s *[recentCount - 1]uint8, which int) uint32 {
	h := ch[0][s[0]]
	if which == 0 {
		return cost0(h)
	}
	if which == 1 {
		return cost1(h) + cost0(ch[1][s[1]])
	}
	return cost1(h) + cost1(ch[1][s[1]])
}

// relaxShort tries the nearest matches of two and three bytes, and returns the shortest length that is left to be tried.
func (e *Encoder) relaxShort(cur, pos, from int, cost uint32) int {
	offset2, offset3 := e.short.look(pos)
	if from == 2 && offset2 != 0 && offset2 != offset3 {
		it := item{value: uint32(offset2), kind: isLZ}
		here := cost + e.costs.offset[e.slots.offset(it.value)]
		e.lengths(cur, 2, 2, here, it)
		e.again(cur, 2, here, it)
		from = 3
	}
	if offset3 != 0 {
		it := item{value: uint32(offset3), kind: isLZ}
		here := cost + e.costs.offset[e.slots.offset(it.value)]
		e.lengths(cur, from, 3, here, it)
		e.again(cur, 3, here, it)
		from = 4
	}
	return from
}

// relaxDelta tries the delta matches, those with a new offset if that is asked for.
func (e *Encoder) relaxDelta(cur, pos, limit int, base uint32, fresh bool) (long item) {
	p, s, ch, data := &e.parser, &e.parser.state[cur], &e.chances, e.data
	rep := base + cost1(ch.delta[s.delta])
	skip := 0
	if s.before == wasDelta {
		skip = 1
	}
	for i := range recentCount {
		value := s.recentDelta[skip+i]
		span, offset := spanAndOffset(value)
		if offset+span > pos || data[pos]-data[pos-span] != data[pos-offset]-data[pos-offset-span] {
			continue
		}
		n := deltaLength(e.data, pos, offset, span, limit)
		if n < 2 {
			continue
		}
		it := item{value: value, kind: isDeltaRep + uint8(i)}
		if n >= p.nice {
			it.length = uint32(deltaLength(e.data, pos, offset, span, e.size-pos))
			return it
		}
		here := rep + repCost(&ch.deltaRep, &s.deltaRep, i)
		e.lengths(cur, 2, n, here, it)
		e.again(cur, n, here, it)
	}
	if !fresh {
		return item{}
	}
	base += cost0(ch.delta[s.delta])
	e.deltas.look(e.data, pos, &e.deltaOffsets)
	for power, offset := range e.deltaOffsets {
		raw := uint32(offset) >> power
		if offset == 0 || raw >= 1<<powerShift {
			continue
		}
		n := deltaLength(e.data, pos, offset, 1<<power, limit)
		if n < minDelta {
			continue
		}
		it := item{value: raw | uint32(power)<<powerShift, kind: isDelta}
		if n >= p.nice {
			it.length = uint32(deltaLength(e.data, pos, offset, 1<<power, e.size-pos))
			return it
		}
		here := base + e.costs.power[power] + e.costs.deltaOffset[e.slots.offset(raw)]
		e.lengths(cur, minDelta, n, here, it)
		e.again(cur, n, here, it)
	}
	return item{}
}

func spanAndOffset(value uint32) (span, offset int) {
	power := value >> powerShift
	return 1 << power, int(value&(1<<powerShift-1)) << power
}

// lengths tries the match it with all lengths from from to n; cost is without that of the length.
func (e *Encoder) lengths(cur, from, n int, cost uint32, it item) {
	p := &e.parser
	p.reach(cur + n)
	for l := from; l <= n; l++ {
		if c := cost + e.costs.length[l]; c < p.cost[cur+l] {
			p.cost[cur+l] = c
			it.length = uint32(l)
			p.item[cur+l] = it
		}
	}
}

// again tries the match it of length n, then a literal, then a match with the same offset.
func (e *Encoder) again(cur, n int, cost uint32, it item) {
	p, ch := &e.parser, &e.chances
	next := p.pos + cur + n + 1
	limit := min(e.size-next, p.nice)
	if limit < 2 {
		return
	}
	n2 := 0
	if it.kind <= isLZ {
		back := next - int(it.value)
		if binary.LittleEndian.Uint16(e.data[back:]) != binary.LittleEndian.Uint16(e.data[next:]) {
			return
		}
		n2 = matchLength(e.data, back, next, 2, limit)
	} else {
		span, offset := spanAndOffset(it.value)
		if n2 = deltaLength(e.data, next, offset, span, limit); n2 < 2 {
			return
		}
	}
	s := p.state[cur]
	s.step(it.kind, it.value)
	cost += e.costs.length[n] + e.costs.length[n2]
	cost += cost0(ch.main[s.main]) + e.costs.literal[e.data[next-1]]
	s.main = s.main << 1 & (mainStates - 1)
	cost += cost1(ch.main[s.main])
	if it.kind <= isLZ {
		cost += cost0(ch.match[s.match]) + cost1(ch.lz[s.lz]) + cost0(ch.lzRep[0][s.lzRep[0]])
	} else {
		cost += cost1(ch.match[s.match]) + cost1(ch.delta[s.delta]) + cost0(ch.deltaRep[0][s.deltaRep[0]])
	}
	total := n + 1 + n2
	p.reach(cur + total)
	if cost < p.cost[cur+total] {
		p.cost[cur+total] = cost
		it.length, it.first = uint32(total), uint16(n)
		p.item[cur+total] = it
	}
}
