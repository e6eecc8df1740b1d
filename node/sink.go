package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/chunk/disk"
	"github.com/wimcast/wimcast/node/receive"
	"github.com/wimcast/wimcast/wim"
)

// fileSink puts blocks into an output file, which serves as the store of what it has.
type fileSink struct {
	file     *disk.Assembly
	manifest *catalog.Manifest
	layout   *catalog.Layout
	put      []chunk.Block // since the last Commit
}

func (s *fileSink) Needs() ([]chunk.Block, bool, error) {
	var need []chunk.Block
	for i := range s.layout.Len() {
		b := chunk.Block(i)
		if s.layout.IsBlock(uint32(b)) && !s.file.Has(s.manifest.Chunks[b].ID) {
			need = append(need, b)
		}
	}
	return need, true, nil
}

func (s *fileSink) Put(ctx context.Context, block chunk.Block, data []byte) error {
	if err := s.file.Put(ctx, s.manifest.Chunks[block].ID, data); err != nil {
		return err
	}
	s.put = append(s.put, block)
	return nil
}

func (s *fileSink) Commit() ([]chunk.Block, error) {
	if err := s.file.Sync(); err != nil {
		return nil, err
	}
	held := s.put
	s.put = nil
	return held, nil
}

// prologueMax bounds the memory for a content's prologue: header, blob table, XML and metadata of all images.
const prologueMax = 96 << 20

// applySink feeds a plan. First it collects the prologue, in memory; then the plan is made and says what else is needed.
type applySink struct {
	cfg      apply.Config
	manifest *catalog.Manifest
	layout   *catalog.Layout

	prologue map[chunk.Block][]byte // once the plan is made, only what that reads
	left     int                    // prologue blocks that have not come
	plan     *apply.Job
	waiting  []waitingBlock // that the plan could not take: its spool is full
	put      []chunk.Block  // prologue blocks since the last Commit
}

// ErrWhichImage says that a content has several images and none was named.
var ErrWhichImage = errors.New("the content has several images, name one")

type waitingBlock struct {
	block chunk.Block
	data  []byte
}

// newApplySink refuses a content that cannot be applied before anything is asked for.
func newApplySink(cfg apply.Config, signed *catalog.SignedManifest, layout *catalog.Layout) (*applySink, error) {
	m := signed.Manifest
	if m.Kind != catalog.KindImage {
		return nil, fmt.Errorf("deploy %s: it is not an image; 'wimcast get' receives any content", castName(m))
	}
	s := &applySink{cfg: cfg, manifest: m, layout: layout, prologue: make(map[chunk.Block][]byte)}
	var size int64
	s.cfg.Content = apply.Content{ID: signed.Hash, Chunks: make([]apply.Chunk, len(m.Chunks))}
	for i, c := range m.Chunks {
		b := layout.First(uint32(i))
		s.cfg.Content.Chunks[i] = apply.Chunk{Block: b, Size: c.Size}
		if layout.IsBlock(uint32(i)) && layout.Prologue(b) {
			s.left++
			size += int64(c.Size)
		}
	}
	if size > prologueMax {
		return nil, fmt.Errorf("deploy %s: its directory trees take %d MiB, at most %d are supported", castName(m), size>>20, prologueMax>>20)
	}
	return s, nil
}

func (s *applySink) Needs() ([]chunk.Block, bool, error) {
	if s.plan != nil {
		return s.plan.Needs(), true, nil
	}
	var need []chunk.Block
	for i := range s.layout.Len() {
		b := chunk.Block(i)
		if s.layout.IsBlock(uint32(b)) && s.layout.Prologue(b) && s.prologue[b] == nil {
			need = append(need, b)
		}
	}
	return need, false, nil
}

func (s *applySink) Put(ctx context.Context, block chunk.Block, data []byte) error {
	if s.plan == nil {
		if s.layout.Prologue(block) && s.prologue[block] == nil {
			s.prologue[block] = data
			s.put = append(s.put, block)
			s.left--
		}
		if s.left > 0 {
			return nil
		}
		return s.start(ctx)
	}
	s.waiting = append(s.waiting, waitingBlock{block, data})
	return s.retry()
}

// start makes the plan and gives it what it needs of the prologue.
func (s *applySink) start(ctx context.Context) error {
	f, err := wim.Open(&prologueReader{s}, int64(s.manifest.Size))
	if err != nil {
		return err
	}
	if err := s.chooseImage(f); err != nil {
		return err
	}
	plan, err := apply.New(ctx, s.cfg, f)
	if err != nil {
		return err
	}
	s.plan = plan
	all := s.prologue
	if s.prologue, err = s.keptPrologue(f); err != nil { // nothing reads it before the first Put
		return err
	}
	for _, b := range plan.Needs() {
		if data := all[b]; data != nil {
			if err := plan.Put(b, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// keptPrologue gives the blocks of the prologue that a plan goes on reading: those of the image's metadata.
func (s *applySink) keptPrologue(f *wim.File) (map[chunk.Block][]byte, error) {
	res, err := f.MetadataOf(s.cfg.Image)
	if err != nil {
		return nil, err
	}
	kept := make(map[chunk.Block][]byte)
	for off := res.Offset; off < res.End(); {
		i := s.layout.At(uint64(off))
		b := s.layout.First(i)
		kept[b] = s.prologue[b]
		off = int64(s.layout.Offset(i)) + int64(s.manifest.Chunks[i].Size)
	}
	return kept, nil
}

// chooseImage takes the only image when none was named. With several, a guess could put the wrong system on a disk.
func (s *applySink) chooseImage(f *wim.File) error {
	if s.cfg.Image != 0 {
		return nil
	}
	images := f.Images()
	if len(images) == 1 {
		s.cfg.Image = 1
		return nil
	}
	var list []string
	for _, i := range images {
		list = append(list, fmt.Sprintf("%s:%d (%s)", s.manifest.Name, i.Index, i.Name))
	}
	return fmt.Errorf("%w: %s", ErrWhichImage, strings.Join(list, ", "))
}

// retry offers the plan what waits: the newest first, because that is what was asked for most urgently.
func (s *applySink) retry() error {
	for i := len(s.waiting) - 1; i >= 0; i-- {
		w := s.waiting[i]
		err := s.plan.Put(w.block, w.data)
		if errors.Is(err, apply.ErrSpoolFull) {
			continue
		}
		if err != nil {
			return err
		}
		s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
	}
	return nil
}

func (s *applySink) Commit() ([]chunk.Block, error) {
	held := s.put
	s.put = nil
	if s.plan == nil {
		return held, nil
	}
	blocks, err := s.plan.Commit()
	if err != nil {
		return nil, err
	}
	return append(held, blocks...), s.retry()
}

// Urgent implements receive.Urgent.
func (s *applySink) Urgent() []chunk.Block {
	if len(s.waiting) == 0 {
		return nil
	}
	return s.plan.Urgent(4)
}

// prologueReader gives the content's bytes that lie in the prologue.
type prologueReader struct{ s *applySink }

func (r *prologueReader) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	size := int64(r.s.manifest.Size)
	for n < len(p) && off < size {
		i := r.s.layout.At(uint64(off))
		data := r.s.prologue[r.s.layout.First(i)]
		if data == nil {
			return n, fmt.Errorf("read image at offset %d: not in the prologue", off)
		}
		c := copy(p[n:], data[off-int64(r.s.layout.Offset(i)):])
		n += c
		off += int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

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
