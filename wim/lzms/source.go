package lzms

const (
	// batches is how many may be on their way from the finder to the parser.
	batches = 8
	// inlineSize is the size up to which a piece is encoded by one goroutine alone: there are many such pieces, and others can be
	// encoded meanwhile.
	inlineSize = 1 << 20
)

// source gives the parser what the finder finds. For large pieces the finder runs in a goroutine of its own, ahead of the parser; it finds
// the same without.
type source struct {
	finder finder
	own    batch // of small pieces
	free   chan *batch
	full   chan *batch
	quit   chan struct{}

	now  *batch
	seen int // how many of its matches were passed
	i    int // position in it
}

// start starts on a piece.
func (s *source) start(data []byte, size int) {
	s.finder.reset(data, size)
	s.now, s.full = nil, nil
	if size <= inlineSize {
		s.own.start = 0
		s.now = &s.own
		s.take()
		return
	}
	if s.free == nil {
		s.free = make(chan *batch, batches)
		for range batches {
			s.free <- new(batch)
		}
	}
	s.full, s.quit = make(chan *batch, batches), make(chan struct{})
	go s.run(s.full, s.quit)
	s.take()
}

func (s *source) run(full chan<- *batch, quit <-chan struct{}) {
	defer close(full)
	for s.finder.pos < s.finder.size {
		select {
		case <-quit:
			return
		case b := <-s.free:
			s.finder.fill(b)
			full <- b
		}
	}
}

// take goes on to the next batch.
func (s *source) take() {
	s.i, s.seen = 0, 0
	if s.full == nil {
		s.finder.fill(s.now)
		return
	}
	if s.now != nil {
		s.free <- s.now
	}
	s.now = <-s.full
}

// at returns the matches of a position. Positions must be asked for in order; some may be left out.
func (s *source) at(pos int) []match {
	for pos >= s.now.start+batchSize {
		s.take()
	}
	for s.now.start+s.i < pos {
		s.seen += int(s.now.count[s.i])
		s.i++
	}
	return s.now.matches[s.seen : s.seen+int(s.now.count[s.i])]
}

// stop ends the finder, wherever it is.
func (s *source) stop() {
	if s.full == nil {
		return
	}
	close(s.quit)
	s.free <- s.now
	for b := range s.full {
		s.free <- b
	}
	s.full = nil
}
