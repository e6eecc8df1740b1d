package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// Limits of a session.
const (
	helloTimeout    = 5 * time.Second
	sessionQueueMax = 256 // stream messages waiting to be sent
	sessionCastsMax = 16
)

// session is one client's connection to a Server.
type session struct {
	server *Server
	conn   *transport.Conn
	record catalog.NodeRecord
	out    chan any // stream messages to be sent

	mu    sync.Mutex
	casts map[uint32]membership
}

type membership struct {
	cast *cast
	id   distributor.MemberID
}

// serveConn talks to one client until its connection ends.
func (s *Server) serveConn(ctx context.Context, conn *transport.Conn) {
	ses, err := s.greet(ctx, conn)
	if err != nil {
		s.log.Info("client refused", "address", conn.RemoteAddr(), "error", err)
		refuse(ctx, conn, err)
		return
	}
	if ses == nil { // enrolled; it comes again with its record
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer ses.leaveAll()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { ses.write(ctx) })
	wg.Go(func() { ses.reports(ctx) })
	wg.Go(func() { conn.Serve(ctx, ses) })
	err = ses.read(ctx)
	conn.Close("")
	s.log.Info("client gone", "name", ses.record.Name, "address", conn.RemoteAddr(), "cause", err)
}

// refuse tells the client why, and waits a moment for it to have heard, because closing takes back what is still on its way.
func refuse(ctx context.Context, conn *transport.Conn, why error) {
	defer conn.Close(why.Error())
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var refusal wire.Error
	if !errors.As(why, &refusal) || conn.Send(ctx, refusal) != nil {
		return
	}
	select {
	case <-conn.Done():
	case <-ctx.Done():
	}
}

// greet waits for Enrol or Hello and checks it. Until then the transport sends the client no more than it sent.
func (s *Server) greet(ctx context.Context, conn *transport.Conn) (*session, error) {
	hctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	msg, err := conn.Receive(hctx)
	if err != nil {
		return nil, fmt.Errorf("wait for hello: %w", err)
	}
	switch msg := msg.(type) {
	case wire.Enrol:
		return nil, s.enrol(hctx, conn, msg)
	case wire.Hello:
		if msg.Version != wire.Version {
			return nil, wire.NewError(wire.CodeVersion, fmt.Sprintf("the client speaks version %d of the protocol, this node %d: update the older one", msg.Version, wire.Version))
		}
		head, _, hash := s.site.Catalogue.Head()
		rec, err := catalog.VerifyNodeRecord(msg.Record, s.site.Catalogue.Root(), head)
		if err != nil {
			return nil, wire.NewError(wire.CodeNotMember, fmt.Sprintf("check node record: %v", err))
		}
		if rec.Key != conn.Peer() {
			return nil, wire.NewError(wire.CodeNotMember, "the node record is another node's")
		}
		conn.Trust()
		ses := &session{server: s, conn: conn, record: rec, out: make(chan any, sessionQueueMax), casts: make(map[uint32]membership)}
		welcome := wire.Welcome{
			Version: wire.Version, Record: s.site.Catalogue.RecordRaw(), HeadHash: hash,
			Fresh: catalog.SignFresh(s.site.Online, catalog.Nonce(msg.Nonce), hash),
		}
		if s.mesh != nil {
			welcome.MeshKey, welcome.MeshPort = s.meshKey, s.mesh.Port()
		}
		if err := conn.Send(hctx, welcome); err != nil {
			return nil, err
		}
		s.log.Info("client connected", "name", rec.Name, "address", conn.RemoteAddr())
		return ses, nil
	default:
		return nil, fmt.Errorf("expected hello, got %T", msg)
	}
}

// enrol answers a client that has a token and wants a record.
func (s *Server) enrol(ctx context.Context, conn *transport.Conn, msg wire.Enrol) error {
	binding, err := conn.ExportKey(catalog.EnrolLabel)
	if err != nil {
		return err
	}
	resp, rec, err := s.site.Catalogue.HandleEnrol(msg.Payload, conn.Peer(), binding, time.Now())
	if err != nil {
		return wire.NewError(wire.CodeEnrol, err.Error())
	}
	conn.Trust()
	s.log.Info("client enrolled", "name", rec.Name, "key", rec.Key.Short(), "address", conn.RemoteAddr())
	if err := conn.Send(ctx, wire.Enrolled{Payload: resp}); err != nil {
		return err
	}
	select { // the client closes when it has read the answer
	case <-conn.Done():
	case <-ctx.Done():
		conn.Close("")
	}
	return nil
}

// read takes the client's messages until the connection ends.
func (s *session) read(ctx context.Context) error {
	for {
		msg, err := s.conn.Receive(ctx)
		if err != nil {
			return err
		}
		if err := s.handle(ctx, msg); err != nil {
			code := wire.CodeProtocol
			if errors.Is(err, catalog.ErrNoManifest) {
				code = wire.CodeUnknown
			}
			s.tell(wire.NewError(code, err.Error()))
		}
	}
}

func (s *session) handle(ctx context.Context, msg any) error {
	switch msg := msg.(type) {
	case wire.GetHead:
		cat := s.server.site.Catalogue
		_, head, hash := cat.Head()
		fresh := catalog.SignFresh(s.server.site.Online, catalog.Nonce(msg.Nonce), hash)
		s.tell(wire.Head{Signed: head, Root: cat.RootRaw(), Fresh: fresh})
	case wire.JoinCast:
		return s.join(ctx, msg)
	case wire.Want:
		s.forward(msg.Cast, msg)
	case wire.Held:
		s.forward(msg.Cast, msg)
	case wire.Leave:
		s.mu.Lock()
		m, ok := s.casts[msg.Cast]
		delete(s.casts, msg.Cast)
		s.mu.Unlock()
		if ok {
			m.cast.leave(m.id)
		}
	default:
		return fmt.Errorf("unexpected message %T", msg)
	}
	return nil
}

func (s *session) join(ctx context.Context, msg wire.JoinCast) error {
	s.mu.Lock()
	n := len(s.casts)
	s.mu.Unlock()
	if n >= sessionCastsMax {
		return fmt.Errorf("at most %d casts at a time", sessionCastsMax)
	}
	c, err := s.server.cast(ctx, msg.Manifest)
	if err != nil {
		return err
	}
	id, err := c.join(s, s.record.Name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.casts[c.info.Cast] = membership{c, id}
	s.mu.Unlock()
	s.tell(c.info)
	return nil
}

func (s *session) forward(castID uint32, msg any) {
	s.mu.Lock()
	m, ok := s.casts[castID]
	s.mu.Unlock()
	if ok {
		m.cast.put(distributor.Message{Member: m.id, Msg: msg})
	}
}

// tell queues a message. A client that does not read is cut off.
func (s *session) tell(msg any) {
	select {
	case s.out <- msg:
	default:
		s.conn.Close("you do not read your messages")
	}
}

func (s *session) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.conn.Done():
			return
		case msg := <-s.out:
			if err := s.conn.Send(ctx, msg); err != nil {
				s.conn.Close("")
				return
			}
		}
	}
}

func (s *session) reports(ctx context.Context) {
	for {
		r, err := s.conn.ReceiveReport(ctx)
		if err != nil {
			return
		}
		s.mu.Lock()
		m, ok := s.casts[r.Cast]
		s.mu.Unlock()
		if ok {
			m.cast.report(m.id, r)
		}
	}
}

// castEnded tells the client that it is no member any more.
func (s *session) castEnded(c *cast, id distributor.MemberID, why string) {
	s.mu.Lock()
	if m, ok := s.casts[c.info.Cast]; ok && m.id == id {
		delete(s.casts, c.info.Cast)
	}
	s.mu.Unlock()
	s.tell(wire.NewError(wire.CodeDropped, why))
}

func (s *session) leaveAll() {
	s.mu.Lock()
	left := s.casts
	s.casts = nil
	s.mu.Unlock()
	for _, m := range left {
		m.cast.leave(m.id)
	}
}

// Chunk implements transport.Source: a client fetches a chunk.
func (s *session) Chunk(_ context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	s.mu.Lock()
	var in membership
	var block chunk.Block
	for _, m := range s.casts {
		if b, ok := m.cast.layout.Find(id); ok {
			in, block = m, b
			break
		}
	}
	s.mu.Unlock()
	data, err := s.server.store.Get(id, buf)
	if err != nil {
		s.server.log.Warn("fetch refused", "name", s.record.Name, "error", err)
		return nil, transport.ErrNotHeld
	}
	if in.cast != nil {
		in.cast.put(distributor.Fetched{Member: in.id, Block: block})
	}
	return data, nil
}

// Manifest implements transport.Source.
func (s *session) Manifest(_ context.Context, hash catalog.ManifestHash) (io.ReadCloser, int64, error) {
	raw, err := s.server.site.Catalogue.ManifestRaw(hash)
	if err != nil {
		return nil, 0, transport.ErrNotHeld
	}
	return io.NopCloser(bytes.NewReader(raw)), int64(len(raw)), nil
}
