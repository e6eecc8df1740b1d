package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/node/mesh"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// Limits of a server.
const (
	sessionsMax = 4096
	castsMax    = 16
)

// ServerOptions says how a distribution point runs. The zero value takes everything from the site's configuration.
type ServerOptions struct {
	Listen    string // address:port for QUIC; ":4790" when the configuration says nothing
	Interface string // network interface of the casts; "" picks the one usable
	RateMax   int64  // bits a second; 0: as configured
	Log       *slog.Logger
}

// Server is a running distribution point.
type Server struct {
	*Local
	ep  *transport.Endpoint
	log *slog.Logger
	opt ServerOptions

	mesh    *mesh.Mesh // nil: none
	meshKey wire.MeshKey

	ctx    context.Context // of the casts
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	casts map[catalog.ManifestHash]*cast // by manifest
}

// OpenServer opens the site in dir and its store, and the socket. It serves nobody until Run.
func OpenServer(dir string, opt ServerOptions) (*Server, error) {
	local, err := OpenLocal(dir)
	if err != nil {
		return nil, err
	}
	s, err := newServer(local, opt)
	if err != nil {
		local.Close()
		return nil, fmt.Errorf("serve %s: %w", dir, err)
	}
	return s, nil
}

func newServer(local *Local, opt ServerOptions) (*Server, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	cfg := local.site.Config
	if opt.Listen == "" {
		opt.Listen = cfg.Listen
	}
	if opt.Interface == "" {
		opt.Interface = cfg.Interface
	}
	if opt.RateMax == 0 {
		opt.RateMax = int64(cfg.RateCapMbps) * 1e6
	}
	group, err := cfg.Group(1)
	if err != nil {
		return nil, err
	}
	iface, err := transport.PickInterface(opt.Interface, group.Addr())
	if err != nil {
		return nil, err
	}
	listen, err := resolveListen(opt.Listen)
	if err != nil {
		return nil, err
	}
	ep, err := transport.Listen(transport.Config{Key: privateKey(local.site.Node), Listen: listen, Accept: true})
	if err != nil {
		return nil, err
	}
	s := &Server{Local: local, ep: ep, log: opt.Log, opt: opt, casts: make(map[catalog.ManifestHash]*cast)}
	local.casting = s.sends
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.startMesh(iface)
	return s, nil
}

// Addr is the address on which the server answers.
func (s *Server) Addr() netip.AddrPort { return s.ep.Addr() }

// Run answers clients until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	room := make(chan struct{}, sessionsMax)
	s.log.Info("serving", "address", s.Addr(), "site", s.site.Dir, "node", s.site.Node.Public().Short())
	for {
		conn, err := s.ep.Accept(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("accept clients: %w", err)
		}
		select {
		case room <- struct{}{}:
		default:
			conn.Close("too many clients")
			continue
		}
		s.wg.Go(func() {
			defer func() { <-room }()
			s.serveConn(ctx, conn)
		})
	}
}

// Close ends all casts and connections and closes store and site. Run must have been told to end.
func (s *Server) Close() error {
	s.cancel()
	leaveMesh(s.mesh)
	err := s.ep.Close()
	s.wg.Wait()
	return errors.Join(err, s.Local.Close())
}

// cast returns the running cast of a content, and starts one if there is none.
func (s *Server) cast(_ context.Context, hash catalog.ManifestHash) (*cast, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.casts[hash]; c != nil {
		return c, nil
	}
	if len(s.casts) >= castsMax {
		return nil, fmt.Errorf("at most %d casts run at a time", castsMax)
	}
	raw, err := s.site.Catalogue.ManifestRaw(hash)
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	head, _, _ := s.site.Catalogue.Head()
	signed, err := catalog.VerifyManifest(raw, s.site.Catalogue.Root(), head)
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	cfg, err := s.castConfig(hash, head.Epoch, castName(signed.Manifest))
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	var c *cast
	cfg.onEnd = func() {
		s.mu.Lock()
		if s.casts[hash] == c {
			delete(s.casts, hash)
			s.describe()
		}
		s.mu.Unlock()
		s.log.Info("cast ended", "cast", cfg.name)
		s.wg.Done()
	}
	s.wg.Add(1)
	c, err = startCast(s.ctx, cfg, signed.Manifest)
	if err != nil {
		s.wg.Done()
		return nil, fmt.Errorf("start cast of %s: %w", cfg.name, err)
	}
	s.casts[hash] = c
	s.describe()
	s.log.Info("cast started", "cast", cfg.name, "group", cfg.group)
	return c, nil
}

// sends says whether a running cast sends the chunk.
func (s *Server) sends(id chunk.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.casts {
		if _, ok := c.layout.Find(id); ok {
			return true
		}
	}
	return false
}

// castConfig draws the names and secrets of a new cast.
func (s *Server) castConfig(hash catalog.ManifestHash, epoch uint32, name string) (castConfig, error) {
	info := wire.CastInfo{Cast: castID(hash), Epoch: epoch, Sender: s.site.Node.Public(), Manifest: hash}
	rand.Read(info.Run[:])
	rand.Read(info.Secret[:])
	group, err := s.site.Config.Group(info.Cast)
	if err != nil {
		return castConfig{}, err
	}
	info.Group = group.String()
	return castConfig{
		info: info, group: group, name: name, iface: s.opt.Interface, ttl: s.site.Config.TTL,
		rateMax: s.opt.RateMax, rateMin: int64(s.site.Config.RateFloorMbps) * 1e6, store: s.store, log: s.log,
	}, nil
}

// castID names the cast of a content: the same after a restart of the distribution point, and on any other.
func castID(manifest catalog.ManifestHash) uint32 { return binary.BigEndian.Uint32(manifest[:4]) }

// privateKey gives the transport the key it needs.
func privateKey(k *catalog.Key) ed25519.PrivateKey { return k.Signer().(ed25519.PrivateKey) }

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

// running lists the running casts.
func (s *Server) running() []*cast {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*cast
	for _, c := range s.casts {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *cast) int { return int(int64(a.info.Cast) - int64(b.info.Cast)) })
	return out
}
