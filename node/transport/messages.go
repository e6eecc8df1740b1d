package transport

import (
	"context"
	"fmt"

	"github.com/wimcast/wimcast/wire"
)

// strangerMessages are what a node may send before it is trusted.
var strangerMessages = []wire.MessageType{wire.TypeHello, wire.TypeEnrol, wire.TypeError}

// Send sends a message of package wire on the control stream. It fails after 10 seconds, when ctx ends, or when the
// connection is dead. A Send that fails half-way closes the connection.
func (c *Conn) Send(ctx context.Context, msg any) error {
	b, err := wire.AppendMessage(nil, msg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	what := fmt.Sprintf("send %T to", msg)
	s, err := c.stream(ctx)
	if err != nil {
		return c.failed(what, err)
	}
	select {
	case c.sending <- struct{}{}:
		defer func() { <-c.sending }()
	case <-ctx.Done():
		return c.failed(what, context.Cause(ctx))
	}
	done := interruptible(ctx, s.SetWriteDeadline)
	n, err := s.Write(b)
	if err = done(err); err != nil {
		if n > 0 {
			_ = c.Close("a message could not be sent in time")
		}
		return c.failed(what, err)
	}
	return nil
}

// Receive waits for the next message on the control stream, and returns it by value. A message that does not come whole
// within 30 seconds of its start, or is malformed, closes the connection. When ctx ends, nothing is lost.
func (c *Conn) Receive(ctx context.Context) (any, error) {
	const what = "receive message from"
	s, err := c.stream(ctx)
	if err != nil {
		return nil, c.failed(what, err)
	}
	done := interruptible(ctx, s.SetReadDeadline)
	_, err = c.reader.Peek(wire.FrameSize)
	if err = done(err); err != nil {
		return nil, c.failed(what, err)
	}
	c.mu.Lock()
	var allowed []wire.MessageType
	if !c.trusted {
		allowed = strangerMessages
	}
	c.mu.Unlock()
	body, cancel := context.WithTimeout(context.Background(), messageTimeout)
	defer cancel()
	done = interruptible(body, s.SetReadDeadline)
	msg, err := wire.ReadMessage(c.reader, allowed...)
	if err = done(err); err != nil {
		_ = c.Close("a message was malformed, out of place or late")
		return nil, c.failed(what, err)
	}
	c.follow()
	return msg, nil
}

// SendReport sends a report as a QUIC datagram: it may be lost.
func (c *Conn) SendReport(r wire.Report) error {
	b, err := wire.AppendQUICReport(make([]byte, 0, wire.MaxQUICDatagram), r)
	if err != nil {
		return err
	}
	if err := c.quic.SendDatagram(b); err != nil {
		return c.failed("send report to", err)
	}
	return nil
}

// ReceiveReport waits for the next report. What is not a report is skipped.
func (c *Conn) ReceiveReport(ctx context.Context) (wire.Report, error) {
	for {
		b, err := c.quic.ReceiveDatagram(ctx)
		if err != nil {
			return wire.Report{}, c.failed("receive report from", err)
		}
		c.follow()
		if r, ok, err := wire.ParseQUICDatagram(b); ok && err == nil {
			return r, nil
		}
	}
}

// Await waits for a message of one type; others are passed over. An Error from the other side becomes the error.
func Await[M any](ctx context.Context, c *Conn) (M, error) {
	var zero M
	for {
		msg, err := c.Receive(ctx)
		if err != nil {
			return zero, err
		}
		switch msg := msg.(type) {
		case M:
			return msg, nil
		case wire.Error:
			return zero, msg
		}
	}
}
