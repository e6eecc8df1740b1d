package node

import (
	"context"
	"errors"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/node/receive"
)

// storeSink keeps every block in the node's own store as well, and takes from it what it holds already.
type storeSink struct {
	receive.Sink
	store    chunk.Store
	keep     bool
	manifest *catalog.Manifest
}

// storeCommitEvery is how many bytes are taken from the store between commits.
const storeCommitEvery = 16 << 20

func (s *storeSink) Needs() ([]chunk.Block, bool, error) {
	for {
		need, final, err := s.Sink.Needs()
		if err != nil {
			return nil, false, err
		}
		left, taken, all, err := s.fromStore(need)
		if err != nil || !all && len(left) > 0 {
			return left, false, err
		}
		if !all && taken == 0 {
			return nil, false, errors.New("the target waits for blocks that the store holds and cannot give it")
		}
		if all && final || taken == 0 {
			return left, final, nil
		}
	}
}

// fromStore gives the sink what the store holds, and returns what it does not. all is false when the sink could not take more for
// the moment; it is asked again after the next Commit.
func (s *storeSink) fromStore(need []chunk.Block) (left []chunk.Block, taken int, all bool, err error) {
	var size int
	all = true
	for _, b := range need {
		id := s.manifest.Chunks[b].ID
		if !s.store.Has(id) {
			left = append(left, b)
			continue
		}
		if all = all && len(s.Urgent()) == 0; !all {
			continue
		}
		data, err := s.store.Get(context.Background(), id, nil)
		if err != nil { // damaged: it counts as not held from now on
			left = append(left, b)
			continue
		}
		if err := s.Sink.Put(context.Background(), b, data); err != nil {
			return nil, 0, false, err
		}
		taken++
		if size += len(data); size >= storeCommitEvery {
			if _, err := s.Sink.Commit(); err != nil {
				return nil, 0, false, err
			}
			size = 0
		}
	}
	if taken > 0 {
		if _, err := s.Sink.Commit(); err != nil {
			return nil, 0, false, err
		}
	}
	return left, taken, all, nil
}

func (s *storeSink) Put(ctx context.Context, block chunk.Block, data []byte) error {
	if s.keep {
		if err := s.store.Put(ctx, s.manifest.Chunks[block].ID, data); err != nil {
			return err
		}
	}
	return s.Sink.Put(ctx, block, data)
}

func (s *storeSink) Commit() ([]chunk.Block, error) {
	if s.keep {
		if err := s.store.Sync(); err != nil {
			return nil, err
		}
	}
	return s.Sink.Commit()
}

// Urgent implements receive.Urgent.
func (s *storeSink) Urgent() []chunk.Block {
	if u, ok := s.Sink.(receive.Urgent); ok {
		return u.Urgent()
	}
	return nil
}
