package wim

import (
	"crypto/sha1"
	"sync"
)

// metaSource is the content of a metadata resource.
type metaSource interface {
	size() int64
	// bytes returns n bytes, which are there. They stay as they are as long as someone has them.
	bytes(at, n int64) ([]byte, error)
}

// metaBytes has it in memory.
type metaBytes []byte

func (b metaBytes) size() int64                       { return int64(len(b)) }
func (b metaBytes) bytes(at, n int64) ([]byte, error) { return b[at : at+n : at+n], nil }

// wholeMetadata reads a metadata resource into memory.
func (f *File) wholeMetadata(res Resource) (metaSource, error) {
	b, err := f.readAll(res)
	if err != nil {
		return nil, err
	}
	if SHA1(sha1.Sum(b)) != res.Hash {
		return nil, corruptf("check it: %w", ErrHash)
	}
	return metaBytes(b), nil
}

// What a Tree keeps of its metadata.
const (
	metaCache    = 16 << 20 // bytes of decoded pieces
	metaPieceMax = 1 << 20  // of larger pieces all are kept
)

// metaPieces decodes pieces of a metadata resource as they are needed, and keeps those used last.
type metaPieces struct {
	res Resource
	max int // pieces that are kept

	mu    sync.Mutex
	rd    *Reader
	last  int         // the piece decoded last
	place map[int]int // pieces that are kept, in kept
	kept  []metaPiece // a ring
	hand  int         // of the ring, where the next piece is dropped
}

// metaPiece is one that is kept. It is dropped when the hand finds it a second time without its having been used meanwhile.
type metaPiece struct {
	i    int
	used bool
	data []byte
}

func newMetaPieces(f *File, res Resource) (*metaPieces, error) {
	rd, err := f.reader(res)
	if err != nil {
		return nil, err
	}
	rd.hashing = false
	return &metaPieces{res: res, max: max(metaCache/res.PieceSize, 1), rd: rd, last: -1, place: map[int]int{}}, nil
}

func (m *metaPieces) size() int64 { return m.res.Size }

func (m *metaPieces) count() int { return int(m.res.Run.pieces()) }

func (m *metaPieces) bytes(at, n int64) ([]byte, error) {
	size := int64(m.res.PieceSize)
	i, from := int(at/size), at%size
	b, err := m.piece(i)
	if err != nil {
		return nil, err
	}
	if from+n <= int64(len(b)) {
		return b[from : from+n : from+n], nil
	}
	out := append(make([]byte, 0, n), b[from:]...)
	for int64(len(out)) < n {
		i++
		if b, err = m.piece(i); err != nil {
			return nil, err
		}
		out = append(out, b[:min(int64(len(b)), n-int64(len(out)))]...)
	}
	return out, nil
}

// piece returns piece i. Who uses it may keep it: it is never written again.
func (m *metaPieces) piece(i int) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n, ok := m.place[i]; ok {
		m.kept[n].used = true
		return m.kept[n].data, nil
	}
	at := int64(i) * int64(m.res.PieceSize)
	b := make([]byte, min(int64(m.res.PieceSize), m.res.Size-at))
	onward := i == m.last+1
	m.last = i
	if n, err := m.rd.readAt(b, at, onward); n < len(b) {
		return nil, err
	}
	m.keep(metaPiece{i: i, data: b})
	return b, nil
}

func (m *metaPieces) keep(p metaPiece) {
	if len(m.kept) < m.max {
		m.place[p.i] = len(m.kept)
		m.kept = append(m.kept, p)
		return
	}
	for m.kept[m.hand].used {
		m.kept[m.hand].used = false
		m.hand = (m.hand + 1) % len(m.kept)
	}
	delete(m.place, m.kept[m.hand].i)
	m.kept[m.hand] = p
	m.place[p.i] = m.hand
	m.hand = (m.hand + 1) % len(m.kept)
}
