package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// prologueMax bounds the memory for a content's prologue: header, blob table, XML and metadata of all images.
const prologueMax = 96 << 20

// applySink feeds a job. First it collects the prologue, in memory; then the job is made and says what else is needed.
type applySink struct {
	cfg      apply.Config
	manifest *catalog.Manifest
	layout   *catalog.Layout

	prologue map[chunk.Block][]byte // once the job is made, only what that reads
	left     int                    // prologue blocks that have not come
	job      *apply.Job
	waiting  []waitingBlock // that the job could not take: its spool is full
	put      []chunk.Block  // prologue blocks since the last Commit
}

type waitingBlock struct {
	block chunk.Block
	data  []byte
}

// applied applies an image to the directory. What cannot be applied is refused before anything is asked for.
func applied(p *Place, r received) (Sink, error) {
	begun, err := apply.Vacant(p.fsys)
	if err != nil {
		return nil, err
	}
	cfg := apply.Config{Target: p.fsys, Image: p.to.Image, UnixXattrs: p.to.UnixXattrs, Rules: p.to.Rules, Events: p.to.Events}
	if !begun { // of one that was, some is there already
		if p.to.Image == 0 { // the only one is all there is, and needs no less than that when it is no longer compressed
			if err := vfs.Fits(p.fsys, filesIn(r.manifest)); err != nil {
				return nil, err
			}
		}
		cfg.Fits = func(bytes int64) error { return vfs.Fits(p.fsys, bytes) }
	}
	m, layout := r.manifest, r.layout
	s := &applySink{cfg: cfg, manifest: m, layout: layout, prologue: make(map[chunk.Block][]byte)}
	var size int64
	s.cfg.Content = apply.Content{ID: r.hash, Chunks: make([]apply.Chunk, len(m.Chunks))}
	for i, c := range m.Chunks {
		b := layout.First(uint32(i))
		s.cfg.Content.Chunks[i] = apply.Chunk{Block: b, Size: c.Size}
		if layout.IsBlock(uint32(i)) && layout.Prologue(b) {
			s.left++
			size += int64(c.Size)
		}
	}
	if s.left == 0 {
		return nil, errors.New("it has no directory tree: it was published as a plain file; 'wimcast get' receives it")
	}
	if size > prologueMax {
		return nil, fmt.Errorf("its directory trees take %d MiB, at most %d are supported", size>>20, prologueMax>>20)
	}
	return s, nil
}

func (s *applySink) Needs() ([]chunk.Block, bool, error) {
	if s.job != nil {
		return s.job.Needs(), true, nil
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
	if s.job == nil {
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

// start makes the job and gives it what it needs of the prologue.
func (s *applySink) start(ctx context.Context) error {
	f, err := wim.Open(&prologueReader{s}, int64(s.manifest.Size))
	if err != nil {
		return err
	}
	if err := s.chooseImage(f); err != nil {
		return err
	}
	job, err := apply.New(ctx, s.cfg, f)
	if err != nil {
		return err
	}
	s.job = job
	all := s.prologue
	if s.prologue, err = s.keptPrologue(f); err != nil { // nothing reads it before the first Put
		return err
	}
	for _, b := range job.Needs() {
		if data := all[b]; data != nil {
			if err := job.Put(b, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// keptPrologue returns the blocks of the prologue that a job goes on reading: those of the image's metadata.
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

// retry offers the job what waits: the newest first, because that is what was requested most urgently.
func (s *applySink) retry() error {
	for i := len(s.waiting) - 1; i >= 0; i-- {
		w := s.waiting[i]
		err := s.job.Put(w.block, w.data)
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
	if s.job == nil {
		return held, nil
	}
	blocks, err := s.job.Commit()
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
	return s.job.Urgent(4)
}

// Finish implements Sink.
func (s *applySink) Finish(ctx context.Context, _ func(done, total int64)) (Report, error) {
	if s.job == nil {
		return Report{}, chunk.ErrIncomplete
	}
	report, err := s.job.Finish(ctx)
	if err != nil {
		return Report{}, err
	}
	return Report{Apply: &report}, nil
}

// Close implements Sink.
func (s *applySink) Close() error {
	if s.job != nil {
		s.job.Close()
	}
	return nil
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
