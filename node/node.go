package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node/bus"
	"github.com/wimcast/wimcast/node/transport"
)

// Options says how a node runs. The zero value takes everything from the folder's configuration.
type Options struct {
	// Listen is the address:port at which the node answers others. "": a distribution point answers where its configuration says,
	// or at ":4790"; other nodes only dial.
	Listen    string
	Interface string      // network interface of the casts it sends; "": as configured, or the likeliest
	RateMax   int64       // of the casts it sends, bits per second; 0: as configured
	DropQUIC  func() bool // loses received packets, for tests and demonstrations
	Log       *slog.Logger
}

// Node is one running wimcast: one endpoint that dials and accepts, its part in the mesh, and what its roles do over them.
type Node struct {
	opt  Options
	log  *slog.Logger
	key  *catalog.Key
	ep   *transport.Endpoint
	mesh *presence // nil: it keeps out

	*Local           // a distribution point's folder, open as long as the node; nil without that role
	self   *identity // who a peer is, and whom it trusts; nil without that role

	events *bus.Bus
	logged chan struct{} // closed when the log has all events

	ctx    context.Context // of what goes on beside the callers
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	over    transport.Choice                  // interface of the last cast that it sent, or of the first one to come
	casts   map[catalog.ManifestHash]*casting // that it sends, by manifest
	waiting map[waiter]time.Time              // clients for whose cast there is no place, and since when
}

// Open starts a node on the folder dir with some of the roles that its record gives it. It answers nobody until Run.
//
//	RoleDistributionPoint  the folder is its own until Close; it sends casts, serves chunks, and lets clients in
//	RolePeer               the folder is free again when Open returns; it connects to its distribution point
func Open(ctx context.Context, dir string, roles catalog.Roles, opt Options) (*Node, error) {
	var local *Local
	var self *identity
	var err error
	if roles&catalog.RoleDistributionPoint != 0 {
		if local, err = OpenLocal(dir); err != nil {
			return nil, err
		}
	}
	if roles&catalog.RolePeer != 0 {
		self, err = identityIn(ctx, dir, local)
	}
	var n *Node
	if err == nil {
		n, err = newNode(local, self, opt)
	}
	if err != nil && local != nil {
		local.Close()
		err = fmt.Errorf("serve %s: %w", dir, err)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// newNode starts a node of the roles for which it is given what they need.
func newNode(local *Local, self *identity, opt Options) (*Node, error) {
	if local == nil {
		n, err := dialling(self.Key, opt)
		if err == nil {
			n.self = self
			n.mesh = n.meet()
		}
		return n, err
	}
	cfg := local.folder.Config
	if opt.Listen == "" {
		opt.Listen = cfg.Listen
	}
	if opt.Interface == "" {
		opt.Interface = cfg.Interface
	}
	if opt.RateMax == 0 {
		opt.RateMax = int64(cfg.RateCapMbps) * 1e6
	}
	want := wanted(opt)
	over, err := local.castsOver(want)
	if err != nil {
		return nil, err
	}
	n, err := dialling(local.folder.Node, opt)
	if err != nil {
		return nil, err
	}
	n.Local, n.self, n.over = local, self, over
	local.casting, local.listen, local.want = n.sends, n.Addr().String(), want
	n.mesh = n.gather(over.Interface)
	return n, nil
}

// dialling starts a node without a role: it has a key, and an endpoint, which accepts connections if it is to listen.
func dialling(key *catalog.Key, opt Options) (*Node, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	n := &Node{
		opt: opt, log: opt.Log, key: key, casts: make(map[catalog.ManifestHash]*casting), waiting: make(map[waiter]time.Time), events: bus.New(), logged: make(chan struct{}),
	}
	cfg := transport.Config{Key: key.Signer().(ed25519.PrivateKey), DropReceived: opt.DropQUIC}
	var err error
	if opt.Listen != "" {
		cfg.Accept = true
		if cfg.Listen, err = resolveListen(opt.Listen); err != nil {
			return nil, err
		}
	}
	if n.ep, err = transport.Listen(cfg); err != nil {
		return nil, err
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(n.logged)
		n.events.Log(n.log)
	}()
	return n, nil
}

// Addr is the address of its endpoint: where it answers, if it does.
func (n *Node) Addr() netip.AddrPort { return n.ep.Addr() }

// Run answers who connects, until ctx ends. A node that does not listen has nobody to answer.
func (n *Node) Run(ctx context.Context) error {
	if n.Local != nil {
		n.serving()
	}
	for {
		conn, err := n.ep.Accept(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("accept clients: %w", err)
		}
		n.wg.Go(func() { n.serveConn(ctx, conn) }) // the endpoint bounds how many connections there are
	}
}

// Close ends all casts and connections and closes what the node has open. Run must have been told to end.
func (n *Node) Close() error {
	n.cancel()
	n.mesh.leave()
	err := n.ep.Close()
	n.wg.Wait()
	if n.Local != nil {
		err = errors.Join(err, n.Local.Close())
	}
	n.events.Close()
	<-n.logged
	return err
}

// resolveListen reads "addr:port" or ":port".
func resolveListen(s string) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap, nil
	}
	udp, err := net.ResolveUDPAddr("udp", s)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("listen address %q: want ADDRESS:PORT or :PORT", s)
	}
	ap := udp.AddrPort()
	if !ap.Addr().IsValid() {
		ap = netip.AddrPortFrom(netip.IPv6Unspecified(), ap.Port())
	}
	return ap, nil
}
