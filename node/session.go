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
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/send"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// Limits of a session.
const (
	helloTimeout    = 5 * time.Second
	sessionQueueMax = 256 // stream messages waiting to be sent
	sessionCastsMax = 16  // casts that a client is a member of
)

// session is one client's connection to this node.
type session struct {
	node   *Node
	conn   *transport.Conn
	record catalog.NodeRecord
	who    distributor.Join // the client, for people
	out    chan any         // stream messages to be sent

	mu    sync.Mutex
	casts map[uint32]membership
}

type membership struct {
	cast *send.Cast
	id   distributor.MemberID
}

// serveConn talks to one client until its connection ends.
func (n *Node) serveConn(ctx context.Context, conn *transport.Conn) {
	ses, err := n.greet(ctx, conn)
	if err != nil {
		n.events.Put("", event.ClientRefused{Address: conn.RemoteAddr().String(), Why: err.Error()})
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
	n.events.Put("", event.ClientGone{Name: ses.record.Name, Address: conn.RemoteAddr().String(), Why: err.Error()})
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
func (n *Node) greet(ctx context.Context, conn *transport.Conn) (*session, error) {
	hctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	msg, err := conn.Receive(hctx)
	if err != nil {
		return nil, fmt.Errorf("wait for hello: %w", err)
	}
	if n.Local == nil {
		return nil, wire.NewError(wire.CodeUnknown, "this node is no distribution point")
	}
	switch msg := msg.(type) {
	case wire.Enrol:
		return nil, n.enrol(hctx, conn, msg)
	case wire.Hello:
		if msg.Version != wire.Version {
			return nil, wire.NewError(wire.CodeVersion, fmt.Sprintf("the client speaks version %d of the protocol, this node %d: update the older one", msg.Version, wire.Version))
		}
		head, _, hash := n.folder.Catalogue.Head()
		rec, err := catalog.VerifyNodeRecord(msg.Record, n.folder.Catalogue.Root(), head)
		if err != nil {
			return nil, wire.NewError(wire.CodeNotMember, fmt.Sprintf("check node record: %v", err))
		}
		if rec.Key != conn.Node() {
			return nil, wire.NewError(wire.CodeNotMember, "the node record is another node's")
		}
		conn.Trust()
		who := distributor.Join{Name: rec.Name, Node: rec.Key.Short(), Address: conn.RemoteAddr().String()}
		ses := &session{node: n, conn: conn, record: rec, who: who, out: make(chan any, sessionQueueMax), casts: make(map[uint32]membership)}
		welcome := wire.Welcome{
			Version: wire.Version, Record: n.folder.Catalogue.RecordRaw(), HeadHash: hash,
			Fresh: catalog.SignFresh(n.folder.Online, catalog.Nonce(msg.Nonce), hash),
		}
		welcome.MeshKey, welcome.MeshPort = n.mesh.invitation()
		if err := conn.Send(hctx, welcome); err != nil {
			return nil, err
		}
		n.events.Put("", event.ClientConnected{Name: rec.Name, Key: rec.Key.Short(), Address: conn.RemoteAddr().String()})
		return ses, nil
	default:
		return nil, fmt.Errorf("expected hello, got %T", msg)
	}
}

// enrol answers a client that has a token and wants a record.
func (n *Node) enrol(ctx context.Context, conn *transport.Conn, msg wire.Enrol) error {
	binding, err := conn.ExportKey(catalog.EnrolLabel)
	if err != nil {
		return err
	}
	resp, rec, err := n.folder.Catalogue.HandleEnrol(msg.Payload, conn.Node(), binding, time.Now())
	if err != nil {
		return wire.NewError(wire.CodeEnrol, err.Error())
	}
	conn.Trust()
	n.events.Put("", event.ClientEnrolled{Name: rec.Name, Key: rec.Key.Short(), Address: conn.RemoteAddr().String()})
	if other, taken := n.folder.Catalogue.Namesake(rec); taken {
		n.events.Put("", event.NameTaken{Name: rec.Name, Key: rec.Key.Short(), Other: other.Short()})
	}
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

// read handles the client's messages until the connection ends.
func (s *session) read(ctx context.Context) error {
	for {
		msg, err := s.conn.Receive(ctx)
		if err != nil {
			return err
		}
		if err := s.handle(ctx, msg); err != nil {
			s.Tell(wire.NewError(codeOf(err), err.Error()))
		}
	}
}

// codeOf is what an error is called on the wire.
func codeOf(err error) wire.ErrorCode {
	switch {
	case errors.Is(err, catalog.ErrNoManifest):
		return wire.CodeUnknown
	case errors.Is(err, errCastsFull):
		return wire.CodeBusy
	}
	return wire.CodeProtocol
}

func (s *session) handle(ctx context.Context, msg any) error {
	switch msg := msg.(type) {
	case wire.GetHead:
		cat := s.node.folder.Catalogue
		_, head, hash := cat.Head()
		fresh := catalog.SignFresh(s.node.folder.Online, catalog.Nonce(msg.Nonce), hash)
		s.Tell(wire.Head{Signed: head, Root: cat.RootRaw(), Fresh: fresh})
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
			m.cast.Leave(m.id)
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
	c, id, err := s.node.join(ctx, msg.Manifest, s, s.who)
	s.node.waits(s, msg.Manifest, errors.Is(err, errCastsFull))
	if err != nil {
		return err
	}
	s.mu.Lock()
	before, twice := s.casts[c.Info().Cast]
	s.casts[c.Info().Cast] = membership{c, id}
	s.mu.Unlock()
	if twice { // one place a client, however often it joins
		before.cast.Leave(before.id)
	}
	s.Tell(c.Info())
	return nil
}

func (s *session) forward(castID uint32, msg any) {
	s.mu.Lock()
	m, ok := s.casts[castID]
	s.mu.Unlock()
	if ok {
		m.cast.Message(m.id, msg)
	}
}

// Tell implements send.Member. A client that does not read is cut off.
func (s *session) Tell(msg any) {
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
			m.cast.Report(m.id, r)
		}
	}
}

// CastEnded implements send.Member: the client is told that it is no member any more.
func (s *session) CastEnded(c *send.Cast, id distributor.MemberID, why string) {
	s.mu.Lock()
	if m, ok := s.casts[c.Info().Cast]; ok && m.id == id {
		delete(s.casts, c.Info().Cast)
	}
	s.mu.Unlock()
	s.Tell(wire.NewError(wire.CodeDropped, why))
}

func (s *session) leaveAll() {
	s.node.waitsNoMore(s)
	s.mu.Lock()
	left := s.casts
	s.casts = nil
	s.mu.Unlock()
	for _, m := range left {
		m.cast.Leave(m.id)
	}
}

// Chunk implements transport.Source: a client fetches a chunk.
func (s *session) Chunk(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	s.mu.Lock()
	var in membership
	var block wire.Block
	for _, m := range s.casts {
		if b, ok := m.cast.Find(id); ok {
			in, block = m, b
			break
		}
	}
	s.mu.Unlock()
	data, err := s.node.store.Get(ctx, id, buf)
	if err != nil {
		s.node.events.Put("", event.ChunkRefused{Name: s.record.Name, Why: err.Error()})
		return nil, transport.ErrNotHeld
	}
	if in.cast != nil {
		in.cast.Fetched(in.id, block)
	}
	return data, nil
}

// Manifest implements transport.Source.
func (s *session) Manifest(_ context.Context, hash catalog.ManifestHash) (io.ReadCloser, int64, error) {
	raw, err := s.node.folder.Catalogue.ManifestRaw(hash)
	if err != nil {
		return nil, 0, transport.ErrNotHeld
	}
	return io.NopCloser(bytes.NewReader(raw)), int64(len(raw)), nil
}
