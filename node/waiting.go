package node

import (
	"cmp"
	"slices"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/event"
)

// WaitingStatus is a client that waits for a place: as many casts run as may.
type WaitingStatus struct {
	Name    string        `json:"name"`
	ID      string        `json:"id"` // first digits of its key
	Address string        `json:"address"`
	Content string        `json:"content"` // name@version
	For     event.Seconds `json:"seconds"` // so far
}

// waiter is a client's connection, and what it waits for.
type waiter struct {
	session *session
	hash    catalog.ManifestHash
}

// waits notes whether a client waits for a content, and tells of it when it begins.
func (n *Node) waits(s *session, hash catalog.ManifestHash, does bool) {
	w := waiter{s, hash}
	n.mu.Lock()
	_, did := n.waiting[w]
	if does && !did {
		n.waiting[w] = time.Now()
	} else if !does {
		delete(n.waiting, w)
	}
	n.mu.Unlock()
	if does && !did {
		who := s.who
		n.events.Put(n.contentName(hash), event.ClientWaits{Name: who.Name, Key: who.Node, Address: who.Address})
	}
}

// waitsNoMore notes that a client's connection has ended.
func (n *Node) waitsNoMore(s *session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for w := range n.waiting {
		if w.session == s {
			delete(n.waiting, w)
		}
	}
}

// waitingNow lists who waits, the longest first.
func (n *Node) waitingNow() []WaitingStatus {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := []WaitingStatus{}
	for w, since := range n.waiting {
		who := w.session.who
		out = append(out, WaitingStatus{
			Name: who.Name, ID: who.Node, Address: who.Address, Content: n.contentName(w.hash), For: event.Seconds(time.Since(since)),
		})
	}
	slices.SortFunc(out, func(a, b WaitingStatus) int {
		return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.Address, b.Address))
	})
	return out
}

// contentName is the reference of a content that may have been removed meanwhile: then its hash.
func (n *Node) contentName(hash catalog.ManifestHash) string {
	head, _, _ := n.folder.Catalogue.Head()
	for _, e := range head.Entries {
		if e.Manifest == hash {
			return e.Name + "@" + e.Version
		}
	}
	return hash.String()
}
