package transport

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/ident"
	"github.com/wimcast/wimcast/wire"
)

// requestTimeout bounds how long a stream may take to say what it is for.
const requestTimeout = 5 * time.Second

// Source answers what a node requests on streams of its own. Its methods are called concurrently: for one connection at most 8 at
// a time, for one endpoint at most 64.
type Source interface {
	// Chunk appends the chunk to buf[:0], which has room for chunk.MaxSize bytes, and returns it, or ErrNotHeld or ErrBusy.
	Chunk(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error)
	// Manifest returns the signed manifest with this hash and its size in bytes, or ErrNotHeld or ErrBusy.
	Manifest(ctx context.Context, hash ident.ManifestHash) (io.ReadCloser, int64, error)
}

// Serve answers what the other node requests, chunks and manifests, until ctx ends or the connection does, and returns why. Answers
// under way are then given up. It fails at once when the other node is not trusted. Any error of the source but ErrNotHeld breaks
// the one stream off or tells the other node that we are busy; what went wrong is the source's to report.
func (c *Conn) Serve(ctx context.Context, src Source) error {
	c.mu.Lock()
	trusted := c.trusted
	c.mu.Unlock()
	if !trusted {
		return c.failed("serve", errors.New("the other node is not trusted"))
	}
	if _, err := c.stream(ctx); err != nil { // the first stream is the control stream
		return c.failed("serve", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var answers sync.WaitGroup
	defer answers.Wait()
	defer cancel()
	mine := make(chan struct{}, maxServingOne)
	for {
		select {
		case mine <- struct{}{}:
		case <-ctx.Done():
			return c.failed("serve", context.Cause(ctx))
		}
		s, err := c.quic.AcceptStream(ctx)
		if err != nil {
			return c.failed("serve", err)
		}
		answers.Go(func() {
			defer func() { <-mine }()
			if err := c.answer(ctx, s, src); err != nil {
				s.CancelWrite(abandoned)
			}
			s.CancelRead(abandoned)
		})
	}
}

// answer answers the one request of a stream.
func (c *Conn) answer(ctx context.Context, s *quic.Stream, src Source) error {
	asking, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	done := interruptible(asking, s.SetReadDeadline)
	request, err := wire.ReadMessage(s, wire.TypeFetch, wire.TypeGetManifest)
	if err = done(err); err != nil {
		return err
	}
	select {
	case c.endpoint.serving <- struct{}{}:
		defer func() { <-c.endpoint.serving }()
	default:
		return c.refuse(ctx, s, ErrBusy)
	}
	switch m := request.(type) {
	case wire.Fetch:
		return c.answerChunk(ctx, s, src, m.ID)
	case wire.GetManifest:
		return c.answerManifest(ctx, s, src, m.Hash)
	}
	return nil // ReadMessage lets nothing else through
}

func (c *Conn) answerChunk(ctx context.Context, s *quic.Stream, src Source, id chunk.ID) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	buf := c.endpoint.buffers.Get().(*[]byte)
	defer c.endpoint.buffers.Put(buf)
	data, err := src.Chunk(ctx, id, *buf)
	if err != nil || len(data) > chunk.MaxSize {
		return c.refuse(ctx, s, err)
	}
	if err := c.reply(ctx, s, wire.Reply{Status: wire.ReplyOK, Size: uint32(len(data))}); err != nil {
		return err
	}
	if err := write(ctx, s, data); err != nil {
		return err
	}
	return s.Close()
}

func (c *Conn) answerManifest(ctx context.Context, s *quic.Stream, src Source, hash ident.ManifestHash) error {
	r, size, err := src.Manifest(ctx, hash)
	if err != nil {
		return c.refuse(ctx, s, err)
	}
	defer r.Close()
	if size < 0 || size > wire.MaxManifest {
		return c.refuse(ctx, s, ErrNotHeld)
	}
	if err := c.reply(ctx, s, wire.Reply{Status: wire.ReplyOK, Size: uint32(size)}); err != nil {
		return err
	}
	buf := c.endpoint.buffers.Get().(*[]byte)
	defer c.endpoint.buffers.Put(buf)
	for size > 0 {
		b := (*buf)[:min(size, chunk.MaxSize)]
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		if err := write(ctx, s, b); err != nil {
			return err
		}
		size -= int64(len(b))
	}
	return s.Close()
}

// refuse answers a request that cannot be met.
func (c *Conn) refuse(ctx context.Context, s *quic.Stream, why error) error {
	status := wire.ReplyBusy
	if errors.Is(why, ErrNotHeld) {
		status = wire.ReplyNotHeld
	}
	if err := c.reply(ctx, s, wire.Reply{Status: status}); err != nil {
		return err
	}
	return s.Close()
}

func (c *Conn) reply(ctx context.Context, s *quic.Stream, r wire.Reply) error {
	b, err := wire.AppendMessage(nil, r)
	if err != nil {
		return err
	}
	return write(ctx, s, b)
}

// write writes b, within fetchTimeout: a node that does not read must not hold one of the endpoint's few places.
func write(ctx context.Context, s *quic.Stream, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	done := interruptible(ctx, s.SetWriteDeadline)
	_, err := s.Write(b)
	return done(err)
}
