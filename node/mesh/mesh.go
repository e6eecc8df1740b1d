package mesh

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/wimcast/wimcast/internal/ident"
)

const (
	suffixLen = 8
	nameLen   = 64 + 1 + suffixLen

	seedsMax    = 8                      // addresses to join through
	rejoinEvery = 10 * time.Second       // while nobody else is known
	farewells   = 4                      // nodes that are told at once that we leave
	streamLimit = 3 * time.Second        // one exchange over TCP
	gossipEvery = 100 * time.Millisecond // twice in the time that leaving may take
)

// Config says who takes part in the mesh, and where.
type Config struct {
	Meta      Meta
	ID        ident.PublicKey
	Bind      netip.AddrPort   // of UDP and TCP; port 0: any that is free
	Advertise netip.Addr       // where others reach this node; needed when Bind has no certain address
	Key       [32]byte         // the site's mesh key
	Seeds     []netip.AddrPort // nodes to join through, at most 8
	Log       *slog.Logger     // nil: none; what memberlist says is logged at debug level
}

func (c Config) validate() error {
	if err := c.Meta.validate(); err != nil {
		return err
	}
	switch {
	case !c.Bind.IsValid():
		return errors.New("no address to bind to")
	case !c.Advertise.IsValid() || c.Advertise.IsUnspecified():
		return errors.New("no address at which others reach this node")
	case c.Bind.Addr().Zone() != "" || c.Advertise.Zone() != "":
		return errors.New("an address with a zone means nothing to other nodes")
	case c.Key == [32]byte{}:
		return errors.New("no mesh key")
	}
	return checkSeeds(c.Seeds)
}

func checkSeeds(seeds []netip.AddrPort) error {
	if len(seeds) > seedsMax {
		return fmt.Errorf("%d addresses to join through, at most %d", len(seeds), seedsMax)
	}
	for _, s := range seeds {
		if !s.IsValid() || s.Port() == 0 || s.Addr().Zone() != "" {
			return fmt.Errorf("cannot join through address %v", s)
		}
	}
	return nil
}

// Mesh is a running membership. Its methods may be called from several goroutines.
type Mesh struct {
	list  *memberlist.Memberlist
	link  *link
	table *table
	probe time.Duration // how often somebody is probed

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	wake   chan struct{}
	once   sync.Once

	mu    sync.Mutex
	meta  []byte
	fresh bool // meta was changed and not told yet
	seeds []netip.AddrPort
	join  bool // seeds were changed and not tried yet
}

// Start binds the sockets and begins to join. It does not wait until somebody answers.
func Start(c Config) (*Mesh, error) { return start(c, func(*memberlist.Config) {}) }

func start(c Config, tune func(*memberlist.Config)) (*Mesh, error) {
	if c.Advertise == (netip.Addr{}) {
		c.Advertise = c.Bind.Addr()
	}
	c.Advertise = c.Advertise.Unmap()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("start mesh: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l, err := newLink(c.Bind, c.Advertise, derive(c.Key, "wimcast mesh stream 1"))
	if err != nil {
		return nil, fmt.Errorf("start mesh: %w", err)
	}
	name := hex.EncodeToString(c.ID[:]) + "-" + randomSuffix()
	m := &Mesh{
		link: l, table: newTable(name), wake: make(chan struct{}, 1), meta: c.Meta.append(nil),
		seeds: slices.Clone(c.Seeds), join: len(c.Seeds) > 0,
	}
	conf := listConfig(name, l, m, derive(c.Key, "wimcast mesh gossip 1"), c.Log)
	tune(conf)
	m.probe = conf.ProbeInterval
	if m.list, err = memberlist.Create(conf); err != nil {
		l.Shutdown()
		return nil, fmt.Errorf("start mesh: %w", err)
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.wg.Go(m.work)
	signal(m.wake)
	return m, nil
}

// listConfig is memberlist's for a local network, more patient with nodes that do not answer: casts fill links and processors.
func listConfig(name string, l *link, m *Mesh, key []byte, log *slog.Logger) *memberlist.Config {
	conf := memberlist.DefaultLANConfig()
	conf.Name, conf.Transport = name, l
	conf.AdvertisePort, conf.BindPort = int(l.port()), int(l.port())
	conf.SecretKey, conf.GossipVerifyIncoming, conf.GossipVerifyOutgoing = key, true, true
	conf.EnableCompression = false // nothing to unpack that could grow
	conf.TCPTimeout = streamLimit
	conf.GossipInterval = gossipEvery
	conf.SuspicionMult = 8
	conf.HandoffQueueDepth = 1024
	conf.RequireNodeNames = false
	conf.LogOutput = logWriter{log}
	conf.Delegate = delegate{m}
	conf.Events, conf.Alive, conf.Ping = m.table, m.table, m.table
	return conf
}

func derive(key [32]byte, label string) []byte {
	k, err := hkdf.Key(sha256.New, key[:], nil, label, 32)
	if err != nil {
		panic(err) // our bug: 32 bytes are never too many
	}
	return k
}

func randomSuffix() string {
	var b [suffixLen / 2]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Port is the port of UDP and TCP at which others reach this node.
func (m *Mesh) Port() uint16 { return m.link.port() }

// Nodes lists the nodes that are there, this one among them: by role, then by name.
func (m *Mesh) Nodes() []Node {
	slow := time.Duration(1 + m.list.GetHealthScore()) // memberlist probes less often when it finds itself late
	return m.table.nodes(time.Now(), slow*m.probe)
}

// Update changes what this node says of itself. Others learn of it in a moment.
func (m *Mesh) Update(meta Meta) error {
	if err := meta.validate(); err != nil {
		return fmt.Errorf("update mesh: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := meta.append(nil); !bytes.Equal(b, m.meta) {
		m.meta, m.fresh = b, true
		signal(m.wake)
	}
	return nil
}

// Join joins through other nodes than before, from now on: a distribution point that was restarted knows nobody.
func (m *Mesh) Join(seeds []netip.AddrPort) error {
	if err := checkSeeds(seeds); err != nil {
		return fmt.Errorf("join mesh: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seeds, m.join = slices.Clone(seeds), len(seeds) > 0
	signal(m.wake)
	return nil
}

// work does what takes time: joining, and telling that the metadata changed.
func (m *Mesh) work() {
	tick := time.NewTicker(rejoinEvery)
	defer tick.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-m.wake:
		case <-tick.C:
		}
		alone := m.list.NumMembers() <= 1
		m.mu.Lock()
		fresh, join, seeds := m.fresh, m.join || alone, m.seeds
		m.fresh, m.join = false, false
		m.mu.Unlock()
		if fresh {
			m.list.UpdateNode(time.Nanosecond) // queued; nothing depends on when it is heard
		}
		if join && len(seeds) > 0 {
			m.list.Join(texts(seeds)) // failures are in the log, and there is a next time
		}
	}
}

func texts(seeds []netip.AddrPort) []string {
	var out []string
	for _, s := range seeds {
		out = append(out, netip.AddrPortFrom(s.Addr().Unmap(), s.Port()).String())
	}
	return out
}

// Leave ends the membership and tells others, which takes milliseconds when one answers and never longer than timeout.
func (m *Mesh) Leave(timeout time.Duration) {
	m.once.Do(func() {
		m.farewell(timeout)
		m.shutdown()
	})
}

// farewell pings up to four nodes, because news rides on the next datagrams, and waits for their answers.
func (m *Mesh) farewell(timeout time.Duration) {
	peers := m.table.others(farewells)
	if len(peers) == 0 {
		return
	}
	over := time.NewTimer(timeout)
	defer over.Stop()
	m.list.Leave(time.Nanosecond) // queued; whether it was heard, the pings tell sooner
	told := make(chan struct{}, len(peers))
	for name, addr := range peers {
		go func() {
			m.list.Ping(name, net.UDPAddrFromAddrPort(addr))
			told <- struct{}{}
		}()
	}
	for range peers {
		select {
		case <-told:
		case <-over.C:
			return
		}
	}
}

// Close ends the membership at once; others find out.
func (m *Mesh) Close() { m.once.Do(m.shutdown) }

func (m *Mesh) shutdown() {
	m.cancel()
	m.list.Shutdown()
	m.wg.Wait()
}

// delegate gives memberlist this node's metadata. Other messages than its own are not used.
type delegate struct{ m *Mesh }

func (d delegate) NodeMeta(int) []byte {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return d.m.meta
}
func (delegate) NotifyMsg([]byte)                {}
func (delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (delegate) LocalState(bool) []byte          { return nil }
func (delegate) MergeRemoteState([]byte, bool)   {}

// logWriter accepts memberlist's log lines.
type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(b []byte) (int, error) {
	if w.log.Enabled(context.Background(), slog.LevelDebug) {
		line := bytes.TrimSpace(b)
		if _, rest, ok := bytes.Cut(line, []byte("memberlist: ")); ok { // date, time and level come first
			line = rest
		}
		w.log.Debug("mesh", "said", string(line))
	}
	return len(b), nil
}
