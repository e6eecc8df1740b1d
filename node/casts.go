package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/send"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// castsMax is how many casts a node sends at a time. One without members gives its place to who needs it.
const castsMax = 16

// yieldFor is how long one without members may take to give up its place before another is asked.
const yieldFor = time.Second

// errCastsFull says that all casts have members.
var errCastsFull = fmt.Errorf("%d contents are being sent, as many as may be at a time: it begins when one of them is done", castsMax)

// casting is a cast that a node sends, or is about to.
type casting struct {
	begun chan struct{} // closed when cast or err is set
	cast  *send.Cast    // nil until then, or when it could not begin; guarded by Node.mu
	err   error
}

// join makes m a member of the cast of a content.
func (n *Node) join(ctx context.Context, hash catalog.ManifestHash, m send.Member, who distributor.Join) (*send.Cast, distributor.MemberID, error) {
	for {
		cast, err := n.cast(ctx, hash)
		if err != nil {
			return nil, 0, err
		}
		id, err := cast.Join(m, who)
		if !errors.Is(err, send.ErrEnded) {
			return cast, id, err
		}
		if err := cast.Wait(ctx); err != nil { // then it is not the content's cast any more
			return nil, 0, err
		}
	}
}

// cast returns the running cast of a content, and starts one if there is none. Starting one takes long for a large content, so it
// is done without the node's lock; who asks for the same content waits for it.
func (n *Node) cast(ctx context.Context, hash catalog.ManifestHash) (*send.Cast, error) {
	n.mu.Lock()
	c := n.casts[hash]
	for c == nil && len(n.casts) >= castsMax {
		idle := n.idlest()
		n.mu.Unlock()
		if idle == nil {
			return nil, errCastsFull
		}
		if err := idle.yield(ctx); err != nil {
			return nil, err
		}
		n.mu.Lock()
		c = n.casts[hash]
	}
	if c != nil {
		n.mu.Unlock()
		return c.wait(ctx)
	}
	c = &casting{begun: make(chan struct{})}
	n.casts[hash] = c
	n.mu.Unlock()

	cast, err := n.startCast(hash, c)
	n.mu.Lock()
	defer n.mu.Unlock()
	c.cast, c.err = cast, err
	if err != nil {
		n.forget(hash, c)
	}
	n.describe()
	close(c.begun)
	return cast, err
}

// wait waits until the cast has begun.
func (c *casting) wait(ctx context.Context) (*send.Cast, error) {
	select {
	case <-c.begun:
		return c.cast, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// idlest is the cast that has been without members for the longest; nil: all have some, or are about to. mu is held.
func (n *Node) idlest() (found *casting) {
	var longest time.Time
	for _, c := range n.casts {
		if c.cast == nil {
			continue
		}
		if since, idle := c.cast.Idle(); idle && (found == nil || since.Before(longest)) {
			found, longest = c, since
		}
	}
	return found
}

// yield has a cast give up its place, and waits until it has, or a while.
func (c *casting) yield(ctx context.Context) error {
	c.cast.Yield()
	wait, cancel := context.WithTimeout(ctx, yieldFor)
	defer cancel()
	c.cast.Wait(wait) // in vain when somebody has joined it meanwhile
	return ctx.Err()
}

// forget takes c out of the casts. mu is held.
func (n *Node) forget(hash catalog.ManifestHash, c *casting) {
	if n.casts[hash] == c {
		delete(n.casts, hash)
	}
}

// startCast starts the cast of a content.
func (n *Node) startCast(hash catalog.ManifestHash, c *casting) (*send.Cast, error) {
	raw, err := n.folder.Catalogue.ManifestRaw(hash)
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	head, _, _ := n.folder.Catalogue.Head()
	signed, err := catalog.VerifyManifest(raw, n.folder.Catalogue.Root(), head)
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	over, cfg, err := n.castConfig(hash, head.Epoch, castName(signed.Manifest))
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	cfg.OnEnd = func() {
		n.mu.Lock()
		n.forget(hash, c)
		n.describe()
		n.mu.Unlock()
		n.events.Put(cfg.Name, event.CastEnded{})
		n.wg.Done()
	}
	n.wg.Add(1)
	cast, err := send.Start(n.ctx, cfg, signed)
	if err != nil {
		n.wg.Done()
		return nil, fmt.Errorf("start cast of %s: %w", cfg.Name, err)
	}
	n.mu.Lock()
	n.over = over
	n.mu.Unlock()
	n.events.Put(cfg.Name, event.CastStarted{Group: cfg.Group.String(), Interface: over.Name, Why: over.Why})
	return cast, nil
}

// sends says whether a running cast sends the chunk. It waits for those that are about to begin.
func (n *Node) sends(id chunk.ID) bool {
	n.mu.Lock()
	all := slices.Collect(maps.Values(n.casts))
	n.mu.Unlock()
	for _, c := range all {
		<-c.begun
		if c.cast == nil {
			continue
		}
		if _, ok := c.cast.Find(id); ok {
			return true
		}
	}
	return false
}

// castConfig draws the names and secrets of a new cast, and chooses its interface: there may be others than when the node began.
func (n *Node) castConfig(hash catalog.ManifestHash, epoch uint32, name string) (transport.Choice, send.Config, error) {
	info := wire.CastInfo{Cast: wire.CastID(hash), Epoch: epoch, Sender: n.folder.Node.Public(), Manifest: hash}
	rand.Read(info.Run[:])
	rand.Read(info.Secret[:])
	group, err := n.folder.Config.Group(info.Cast)
	if err != nil {
		return transport.Choice{}, send.Config{}, err
	}
	info.Group = group.String()
	over, err := n.want.Choose(group.Addr())
	if err != nil {
		return transport.Choice{}, send.Config{}, err
	}
	return over, send.Config{
		Info: info, Group: group, Name: name, Interface: over.Name, TTL: n.folder.Config.TTL,
		RateMax: n.opt.RateMax, RateMin: int64(n.folder.Config.RateFloorMbps) * 1e6, Store: n.store,
		Events: n.events.About(name),
	}, nil
}

// running lists the casts that have begun. mu is held.
func (n *Node) running() []*send.Cast {
	var out []*send.Cast
	for _, c := range n.casts {
		if c.cast != nil {
			out = append(out, c.cast)
		}
	}
	slices.SortFunc(out, func(a, b *send.Cast) int { return cmp.Compare(a.Info().Cast, b.Info().Cast) })
	return out
}

// castName names a content for people.
func castName(m *catalog.Manifest) string { return fmt.Sprintf("%s@%s", m.Name, m.Version) }
