package receive

import (
	"context"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// ask reports to the machine what the sink needs.
func (r *receiver) ask() (final bool, err error) {
	blocks, final, err := r.sink.Needs()
	if err != nil {
		return false, err
	}
	var bytes int64
	for _, b := range blocks {
		bytes += int64(r.blocks[b].Size)
	}
	r.mu.Lock()
	r.wanted = max(r.wanted, r.done+bytes)
	r.mu.Unlock()
	r.handle(peer.Need{Final: final, Spans: spans(blocks)})
	return final, nil
}

// feed passes verified blocks to the sink and reports to the machine what has become durable.
func (r *receiver) feed(ctx context.Context, final bool) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for {
			r.mu.Lock()
			batch := r.queue
			r.queue = nil
			r.mu.Unlock()
			if len(batch) == 0 {
				break
			}
			if err := r.take(ctx, batch, &final); err != nil {
				r.giveUp(err)
				return
			}
		}
	}
}

// take puts a batch into the sink and commits it.
func (r *receiver) take(ctx context.Context, batch []peer.Store, final *bool) error {
	for _, b := range batch {
		if err := r.sink.Put(ctx, b.Block, b.Data); err != nil {
			return err
		}
	}
	held, err := r.sink.Commit()
	if err != nil {
		return err
	}
	if u, ok := r.sink.(Urgent); ok {
		r.hurry(u.Urgent())
	}
	if !*final { // before the machine hears that what it knew of is durable, so that it does not take that for all
		if *final, err = r.ask(); err != nil {
			return err
		}
	}
	for _, b := range held {
		r.mu.Lock()
		r.done += int64(r.blocks[b].Size)
		r.mu.Unlock()
		r.handle(peer.Stored{Block: b})
	}
	return nil
}

// hurry names the blocks without which the sink cannot go on.
func (r *receiver) hurry(blocks []chunk.Block) {
	if len(blocks) > 0 {
		r.handle(peer.Need{Urgent: true, Spans: spans(blocks)})
	}
}

// blocksOf lists a content's blocks for the machine.
func blocksOf(content *catalog.SignedManifest) []peer.Block {
	blocks := make([]peer.Block, len(content.Manifest.Chunks))
	for i, c := range content.Manifest.Chunks {
		if content.Layout.IsBlock(uint32(i)) {
			blocks[i] = peer.Block{ID: c.ID, Size: c.Size}
		}
	}
	return blocks
}

// spans joins ascending block indices to runs.
func spans(blocks []chunk.Block) []wire.Span {
	var out []wire.Span
	for _, b := range blocks {
		if n := len(out); n > 0 && out[n-1].To == b {
			out[n-1].To++
			continue
		}
		out = append(out, wire.Span{From: b, To: b + 1})
	}
	return out
}
