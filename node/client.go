package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/ident"
	"github.com/wimcast/wimcast/node/folder"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// Deadlines of a client.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 10 * time.Second
)

// newEndpoint opens a client's socket.
func newEndpoint(key *catalog.Key, drop func() bool) (*transport.Endpoint, error) {
	return transport.Listen(transport.Config{Key: privateKey(key), DropReceived: drop})
}

// Connect dials the distribution points of the client's site in turn until one answers, and greets it. It brings the
// client's head up to date: after it the catalogue is as fresh as the site's.
func Connect(ctx context.Context, ep *transport.Endpoint, id *Identity) (*transport.Conn, wire.Welcome, error) {
	var errs []error
	for _, addr := range id.Points {
		conn, welcome, err := id.connect(ctx, ep, addr)
		if err == nil {
			return conn, welcome, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 0 {
		return nil, wire.Welcome{}, errors.New("connect: no distribution point is configured; join the site first: wimcast join TOKEN")
	}
	return nil, wire.Welcome{}, joinErrors(errs)
}

// joinErrors joins what was said at each address of a distribution point.
func joinErrors(errs []error) error {
	err := errors.Join(errs...)
	if !slices.ContainsFunc(errs, func(err error) bool { return !errors.Is(err, ErrOtherNode) }) {
		err = fmt.Errorf("%w: %w", errNowhere, err)
	}
	return err
}

// ErrOtherNode says that another node has the address of the one that was asked for. Only a new token mends that.
var ErrOtherNode = transport.ErrOtherPeer

// errNowhere says that the client's distribution point is at none of its addresses: trying again cannot help.
var errNowhere = errors.New("the distribution point is gone")

// Identity is who a client is, and whom it trusts: what a node needs of its folder once it has the manifest.
type Identity struct {
	Key       *catalog.Key
	Name      string
	RecordRaw []byte
	Root      *catalog.Root
	Point     catalog.NodeID // the distribution point's key
	Points    []string       // host:port
	Mesh      bool           // take part in the mesh

	greeted func(*transport.Conn, wire.Welcome) // told of each connection that was greeted; nil: nobody
}

// IdentityOf takes the identity from an opened folder.
func IdentityOf(site *folder.Folder) (*Identity, error) {
	point, err := ident.ParsePublicKey(site.Config.DistributionKey)
	if err != nil {
		return nil, fmt.Errorf("open %s: this folder knows no distribution point; join a site first: wimcast join TOKEN --dir %s", site.Dir, site.Dir)
	}
	return &Identity{
		Key: site.Node, Name: site.Catalogue.Record().Name, RecordRaw: site.Catalogue.RecordRaw(), Root: site.Catalogue.Root(),
		Point: point, Points: site.Config.DistributionPoints, Mesh: site.Config.MeshPort != 0,
	}, nil
}

func (id *Identity) connect(ctx context.Context, ep *transport.Endpoint, addr string) (*transport.Conn, wire.Welcome, error) {
	dctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := dialHost(dctx, ep, addr, id.Point)
	if err != nil {
		return nil, wire.Welcome{}, err
	}
	var nonce wire.Nonce
	rand.Read(nonce[:])
	welcome, err := hello(dctx, conn, id, nonce)
	if err != nil {
		conn.Close(err.Error())
		return nil, wire.Welcome{}, fmt.Errorf("connect to %s: %w", addr, err)
	}
	if id.greeted != nil {
		id.greeted(conn, welcome)
	}
	return conn, welcome, nil
}

// dialHost resolves a host name and dials each of its addresses until one answers.
func dialHost(ctx context.Context, ep *transport.Endpoint, addr string, key catalog.NodeID) (*transport.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %q: want HOST:PORT", addr)
	}
	portNum, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return nil, fmt.Errorf("connect to %q: %w", addr, err)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("connect to %q: %w", addr, err)
	}
	var errs []error
	for _, ip := range ips {
		conn, err := ep.Dial(ctx, netip.AddrPortFrom(ip.Unmap(), uint16(portNum)), key)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// hello greets the distribution point and checks that its answer is the site's, and fresh.
func hello(ctx context.Context, conn *transport.Conn, id *Identity, nonce wire.Nonce) (wire.Welcome, error) {
	if err := conn.Send(ctx, wire.Hello{Version: wire.Version, Nonce: nonce, Record: id.RecordRaw}); err != nil {
		return wire.Welcome{}, err
	}
	welcome, err := receive[wire.Welcome](ctx, conn)
	if err != nil {
		return wire.Welcome{}, err
	}
	if err := catalog.VerifyFresh(id.Root, catalog.Nonce(nonce), catalog.HeadHash(welcome.HeadHash), welcome.Fresh); err != nil {
		return wire.Welcome{}, fmt.Errorf("check the site's word that its catalogue is fresh: %w", err)
	}
	return welcome, nil
}

// receive waits for a message of one type; an Error from the other side becomes the error.
func receive[M any](ctx context.Context, conn *transport.Conn) (M, error) {
	var zero M
	for {
		msg, err := conn.Receive(ctx)
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

// Content finds what ref names in the site's catalogue, and gets what the client does not have yet: the newest head, the manifest.
func Content(ctx context.Context, conn *transport.Conn, welcome wire.Welcome, cat *catalog.Catalogue, ref catalog.Ref) (*catalog.SignedManifest, error) {
	if _, _, have := cat.Head(); have != catalog.HeadHash(welcome.HeadHash) {
		if err := refreshHead(ctx, conn, cat); err != nil {
			return nil, err
		}
	}
	entry, signed, err := cat.Get(ref)
	if !errors.Is(err, catalog.ErrNoManifest) {
		return signed, err
	}
	var raw bytes.Buffer
	if err := conn.Manifest(ctx, entry.Manifest, &raw); err != nil {
		return nil, fmt.Errorf("get manifest of %s@%s: %w", entry.Name, entry.Version, err)
	}
	return cat.AddManifest(raw.Bytes())
}

// refreshHead asks for the newest head and takes it if it is newer and signed.
func refreshHead(ctx context.Context, conn *transport.Conn, cat *catalog.Catalogue) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var nonce wire.Nonce
	rand.Read(nonce[:])
	if err := conn.Send(ctx, wire.GetHead{Nonce: nonce}); err != nil {
		return err
	}
	head, err := receive[wire.Head](ctx, conn)
	if err != nil {
		return fmt.Errorf("get catalogue: %w", err)
	}
	if _, err := cat.Accept(head.Signed); err != nil {
		return fmt.Errorf("get catalogue: %w", err)
	}
	_, _, hash := cat.Head()
	if err := catalog.VerifyFresh(cat.Root(), catalog.Nonce(nonce), hash, head.Fresh); err != nil {
		return fmt.Errorf("get catalogue: %w", err)
	}
	return nil
}

// JoinOptions are Join's settings. The zero value is usable.
type JoinOptions struct {
	Wait time.Duration // how long to try while nobody answers; 0: DefaultJoinWait
	Log  *slog.Logger  // told what Join waits for; nil: nobody
}

// DefaultJoinWait is longer than a switch keeps a port closed that has just come up, which is 30 seconds with the spanning tree
// of IEEE 802.1D.
const DefaultJoinWait = time.Minute

// Join enrols the node of dir with a site by a token. A request whose answer is lost is made again: it uses the token up once.
func Join(ctx context.Context, dir, name string, t catalog.Token, opt JoinOptions) error {
	if opt.Wait == 0 {
		opt.Wait = DefaultJoinWait
	}
	key, err := folder.InitClient(dir)
	if err != nil {
		return err
	}
	ep, err := newEndpoint(key, nil)
	if err != nil {
		return err
	}
	defer ep.Close()
	var e *catalog.Enrolment
	p := patience{wait: opt.Wait, log: opt.Log, points: t.Addresses}
	if err := p.try(ctx, func() (err error) {
		e, err = enrol(ctx, ep, key, name, t)
		return err
	}); err != nil {
		return err
	}
	return folder.JoinSite(dir, t, e)
}

// enrol asks at each of the token's addresses in turn until one answers.
func enrol(ctx context.Context, ep *transport.Endpoint, key *catalog.Key, name string, t catalog.Token) (*catalog.Enrolment, error) {
	var errs []error
	for _, addr := range t.Addresses {
		e, err := enrolAt(ctx, ep, key, name, t, addr)
		if err == nil {
			return e, nil
		}
		errs = append(errs, fmt.Errorf("join over %s: %w", addr, err))
	}
	return nil, joinErrors(errs)
}

func enrolAt(ctx context.Context, ep *transport.Endpoint, key *catalog.Key, name string, t catalog.Token, addr string) (*catalog.Enrolment, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := dialHost(ctx, ep, addr, t.Node)
	if err != nil {
		return nil, err
	}
	defer conn.Close("")
	binding, err := conn.ExportKey(catalog.EnrolLabel)
	if err != nil {
		return nil, err
	}
	req, err := catalog.NewEnrolRequest(t, key.Public(), name, binding)
	if err != nil {
		return nil, err
	}
	if err := conn.Send(ctx, wire.Enrol{Payload: req}); err != nil {
		return nil, err
	}
	resp, err := receive[wire.Enrolled](ctx, conn)
	if err != nil {
		return nil, err
	}
	return catalog.OpenEnrolResponse(resp.Payload, t, key.Public())
}
