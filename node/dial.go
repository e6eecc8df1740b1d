package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/ident"
	"github.com/wimcast/wimcast/node/folder"
	"github.com/wimcast/wimcast/node/receive"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// Deadlines of a node that dials.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 10 * time.Second
)

// connect dials the distribution points of the node's site in turn until one answers, and greets it. It brings the
// node's head up to date: after it the catalogue is as fresh as the site's.
func (n *Node) connect(ctx context.Context) (*transport.Conn, wire.Welcome, error) {
	var errs []error
	for _, addr := range n.self.Points {
		conn, welcome, err := n.connectTo(ctx, addr)
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
		err = fmt.Errorf("%w: %w", receive.ErrNowhere, err)
	}
	return err
}

// ErrOtherNode says that another node has the address of the one that was asked for. Only a new token mends that.
var ErrOtherNode = transport.ErrOtherPeer

// identity is who a peer is, and whom it trusts: what a node needs of its folder once it has the manifest.
type identity struct {
	Key       *catalog.Key
	Name      string
	RecordRaw []byte
	Root      *catalog.Root
	Point     catalog.NodeID // the distribution point's key
	Points    []string       // host:port
	Mesh      bool           // take part in the mesh
	Interface string         // of the casts that it receives, as configured; "": it is not
}

// identityOf takes the identity from an opened folder.
func identityOf(own *folder.Folder) (*identity, error) {
	point, err := ident.ParsePublicKey(own.Config.DistributionKey)
	if err != nil {
		return nil, fmt.Errorf("open %s: this folder knows no distribution point; join a site first: wimcast join TOKEN --dir %s", own.Dir, own.Dir)
	}
	return &identity{
		Key: own.Node, Name: own.Catalogue.Record().Name, RecordRaw: own.Catalogue.RecordRaw(), Root: own.Catalogue.Root(),
		Point: point, Points: own.Config.DistributionPoints, Mesh: own.Config.MeshPort != 0, Interface: own.Config.Interface,
	}, nil
}

func (n *Node) connectTo(ctx context.Context, addr string) (*transport.Conn, wire.Welcome, error) {
	dctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := n.dialHost(dctx, addr, n.self.Point)
	if err != nil {
		return nil, wire.Welcome{}, err
	}
	var nonce wire.Nonce
	rand.Read(nonce[:])
	welcome, err := hello(dctx, conn, n.self, nonce)
	if err != nil {
		conn.Close(err.Error())
		return nil, wire.Welcome{}, fmt.Errorf("connect to %s: %w", addr, err)
	}
	n.mesh.greeted(conn, welcome)
	return conn, welcome, nil
}

// dialHost resolves a host name and dials each of its addresses until one answers.
func (n *Node) dialHost(ctx context.Context, addr string, key catalog.NodeID) (*transport.Conn, error) {
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
		conn, err := n.ep.Dial(ctx, netip.AddrPortFrom(ip.Unmap(), uint16(portNum)), key)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// hello greets the distribution point and checks that its answer is the site's, and fresh.
func hello(ctx context.Context, conn *transport.Conn, id *identity, nonce wire.Nonce) (wire.Welcome, error) {
	if err := conn.Send(ctx, wire.Hello{Version: wire.Version, Nonce: nonce, Record: id.RecordRaw}); err != nil {
		return wire.Welcome{}, err
	}
	welcome, err := transport.Await[wire.Welcome](ctx, conn)
	if err != nil {
		return wire.Welcome{}, err
	}
	if err := catalog.VerifyFresh(id.Root, catalog.Nonce(nonce), catalog.HeadHash(welcome.HeadHash), welcome.Fresh); err != nil {
		return wire.Welcome{}, fmt.Errorf("check the site's word that its catalogue is fresh: %w", err)
	}
	return welcome, nil
}

// findContent finds what ref names in the site's catalogue, and gets what the client does not have yet: the newest head, the manifest.
func findContent(ctx context.Context, conn *transport.Conn, welcome wire.Welcome, cat *catalog.Catalogue, ref catalog.Ref) (*catalog.SignedManifest, error) {
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

// refreshHead requests the newest head and accepts it if it is newer and signed.
func refreshHead(ctx context.Context, conn *transport.Conn, cat *catalog.Catalogue) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var nonce wire.Nonce
	rand.Read(nonce[:])
	if err := conn.Send(ctx, wire.GetHead{Nonce: nonce}); err != nil {
		return err
	}
	head, err := transport.Await[wire.Head](ctx, conn)
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
