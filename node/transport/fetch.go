package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/ident"
	"github.com/wimcast/wimcast/wire"
)

// Errors of Fetch and Manifest.
var (
	ErrNotHeld = errors.New("the other node does not hold it")
	ErrBusy    = errors.New("the other node is busy; ask again later")
)

// fetchTimeout bounds the answer to a fetch, and is the time in which a manifest's next bytes must come.
const fetchTimeout = 30 * time.Second

// abandoned is the code with which either side gives a stream up.
const abandoned quic.StreamErrorCode = 1

// Fetch requests a chunk from the other node and returns what it sends, in buf if that is large enough. These are not the
// chunk's bytes until the caller has checked that, by its name. The error is ErrNotHeld, ErrBusy, or says what failed. It ends
// with ctx. Any number may run at a time; the other node lets some wait.
func (c *Conn) Fetch(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	what := fmt.Sprintf("fetch chunk %s from", id)
	s, size, err := c.ask(ctx, wire.Fetch{ID: id})
	if err != nil {
		return nil, c.failed(what, err)
	}
	defer s.CancelRead(abandoned)
	if size > chunk.MaxSize {
		return nil, c.failed(what, fmt.Errorf("it says %d bytes, a chunk has at most %d", size, chunk.MaxSize))
	}
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	done := interruptible(ctx, s.SetReadDeadline)
	_, err = io.ReadFull(s, buf)
	if err = done(err); err != nil {
		return nil, c.failed(what, err)
	}
	return buf, nil
}

// Manifest requests the signed manifest with this hash and writes it to w. The caller checks hash and signature. It fails
// when ctx ends or nothing comes for 30 seconds.
func (c *Conn) Manifest(ctx context.Context, hash ident.ManifestHash, w io.Writer) error {
	what := fmt.Sprintf("get manifest %s from", hash)
	asking, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	s, size, err := c.ask(asking, wire.GetManifest{Hash: hash})
	if err != nil {
		return c.failed(what, err)
	}
	defer s.CancelRead(abandoned)
	buf := make([]byte, min(size, chunk.MaxSize))
	for size > 0 {
		b := buf[:min(size, len(buf))]
		part, cancel := context.WithTimeout(ctx, fetchTimeout)
		done := interruptible(part, s.SetReadDeadline)
		_, err := io.ReadFull(s, b)
		err = done(err)
		cancel()
		if err != nil {
			return c.failed(what, err)
		}
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("%s %s: write: %w", what, c.RemoteAddr(), err)
		}
		size -= len(b)
	}
	return nil
}

// ask opens a stream, sends the request, and returns the stream and how many bytes of answer follow.
func (c *Conn) ask(ctx context.Context, request any) (*quic.Stream, int, error) {
	b, err := wire.AppendMessage(nil, request)
	if err != nil {
		return nil, 0, err
	}
	s, err := c.quic.OpenStreamSync(ctx)
	if err != nil {
		return nil, 0, err
	}
	size, err := exchange(ctx, s, b)
	if err != nil {
		s.CancelRead(abandoned)
		s.CancelWrite(abandoned)
		return nil, 0, err
	}
	return s, size, nil
}

func exchange(ctx context.Context, s *quic.Stream, request []byte) (int, error) {
	done := interruptible(ctx, s.SetDeadline)
	_, err := s.Write(request)
	var reply any
	if err == nil {
		_ = s.Close() // fails when the answer is there already: the other node then has stopped reading
		reply, err = wire.ReadMessage(s, wire.TypeReply)
	}
	if err = done(err); err != nil {
		return 0, err
	}
	r := reply.(wire.Reply)
	switch r.Status {
	case wire.ReplyNotHeld:
		return 0, ErrNotHeld
	case wire.ReplyBusy:
		return 0, ErrBusy
	}
	return int(r.Size), nil
}
