package catalog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Limits of a distribution point's tables.
const (
	maxNodes  = 65536 // enrolled nodes
	maxTokens = 256   // tokens that are neither used up nor out of date
)

// TokenPolicy bounds what a token may be used for. The zero value is 1024 nodes within a week.
type TokenPolicy struct {
	Uses uint32        // nodes that may enrol with it
	TTL  time.Duration // by the distribution point's clock; no client's clock matters
}

const (
	defaultTokenUses = 1024
	defaultTokenTTL  = 7 * 24 * time.Hour
)

// tokenState is what a distribution point keeps of a token.
type tokenState struct {
	uses    uint32
	expires int64 // seconds since 1970 on the distribution point's clock
}

func (t tokenState) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, t.uses), uint64(t.expires))
}

func parseTokenState(b []byte) (tokenState, error) {
	p := parser{b: b}
	t := tokenState{uses: p.u32(), expires: int64(p.u64())}
	return t, p.end()
}

// NewToken draws a token and keeps what is needed to check it, but not its secret. addrs are this node's addresses as
// clients can reach them, host:port.
func (c *Catalogue) NewToken(addrs []string, policy TokenPolicy, now time.Time) (Token, error) {
	if c.online == nil {
		return Token{}, fmt.Errorf("make token: %w", ErrNoOnlineKey)
	}
	if err := CheckAddresses(addrs); err != nil {
		return Token{}, fmt.Errorf("make token: %w", err)
	}
	if policy.TTL < 0 {
		return Token{}, fmt.Errorf("make token: time to live %v is negative", policy.TTL)
	}
	if policy.Uses == 0 {
		policy.Uses = defaultTokenUses
	}
	if policy.TTL == 0 {
		policy.TTL = defaultTokenTTL
	}
	t := Token{Site: c.root.SiteKey, Node: c.record.Key, Addresses: addrs}
	rand.Read(t.Secret[:])
	id := t.key().Public()
	state := tokenState{uses: policy.Uses, expires: now.Add(policy.TTL).Unix()}
	err := c.file.update(func(t tables) error {
		tokens := t.tokens
		n, err := dropDeadTokens(tokens, now)
		if err != nil {
			return err
		}
		if n >= maxTokens {
			return fmt.Errorf("%w: %d tokens are still good", ErrFull, n)
		}
		return tokens.put(id[:], state.append(nil))
	})
	if err != nil {
		return Token{}, fmt.Errorf("make token in %s: %w", c.file.path, err)
	}
	return t, nil
}

// dropDeadTokens deletes tokens out of date and returns how many stay. A token used up stays until its time, for nodes
// that ask again because the answer did not reach them.
func dropDeadTokens(tokens table, now time.Time) (n int, err error) {
	var dead [][]byte
	err = tokens.each(func(k, v []byte) error {
		t, err := parseTokenState(v)
		if err != nil || t.expires < now.Unix() {
			dead = append(dead, clone(k))
			return nil
		}
		n++
		return nil
	})
	for _, k := range dead {
		err = errors.Join(err, tokens.remove(k))
	}
	return n, err
}

// HandleEnrol checks a request that came over a connection whose other end has the key peer, enrols the node and returns
// the response's body. A node that is enrolled already gets its record again without using up the token: so asking twice
// does no harm. now is this node's clock. ErrToken, ErrProver and ErrRevoked tell the refusals apart.
func (c *Catalogue) HandleEnrol(req []byte, peer NodeID, binding EnrolBinding, now time.Time) ([]byte, NodeRecord, error) {
	fail := func(err error) ([]byte, NodeRecord, error) {
		return nil, NodeRecord{}, fmt.Errorf("enrol node %v: %w", peer, err)
	}
	if c.online == nil {
		return fail(ErrNoOnlineKey)
	}
	r, err := parseEnrolRequest(req)
	if err != nil {
		return fail(err)
	}
	if err := r.check(c.root.SiteKey, peer, binding); err != nil {
		return fail(err)
	}
	c.mu.RLock() // one head for the check and the answer
	defer c.mu.RUnlock()
	if c.head.revokes(peer) {
		return fail(ErrRevoked)
	}
	e := &Enrolment{RootRaw: c.rootRaw, HeadRaw: c.headRaw, Record: NodeRecord{Key: peer, Name: r.Name, Roles: RolePeer}}
	if e.RecordRaw, err = SignNodeRecord(e.Record, c.online); err != nil {
		return fail(err)
	}
	if err := c.file.update(func(t tables) error { return enrol(t, r, e.RecordRaw, now) }); err != nil {
		return fail(err)
	}
	return e.append(nil), e.Record, nil
}

// enrol uses up one use of the request's token and notes the node.
func enrol(t tables, r enrolRequest, record []byte, now time.Time) error {
	stored := t.tokens.get(r.Token[:])
	if stored == nil {
		return ErrToken
	}
	token, err := parseTokenState(stored)
	if err != nil {
		return fmt.Errorf("%w: token table", ErrDamaged)
	}
	if token.expires < now.Unix() {
		return ErrToken
	}
	if known := t.nodes.get(r.Node[:]); known != nil {
		if bytes.Equal(known, record) {
			return nil
		}
		return t.nodes.put(r.Node[:], record) // it has a new name
	}
	if token.uses == 0 {
		return ErrToken
	}
	token.uses--
	if err := checkRoom(t.nodes); err != nil {
		return err
	}
	return errors.Join(t.tokens.put(r.Token[:], token.append(nil)), t.nodes.put(r.Node[:], record))
}

func checkRoom(nodes table) error {
	if n := nodes.len(); n >= maxNodes {
		return fmt.Errorf("%w: %d nodes are enrolled, and a site takes no more", ErrFull, n)
	}
	return nil
}

// Namesake returns an enrolled node, or this one, that has the same name as r and is another.
func (c *Catalogue) Namesake(r NodeRecord) (other NodeID, found bool) {
	if own := c.Record(); own.Name == r.Name && own.Key != r.Key {
		return own.Key, true
	}
	c.file.view(func(t tables) error { // what cannot be read is no namesake: a warning is all that hangs on it
		return t.nodes.each(func(key, raw []byte) error {
			if found || len(raw) < fileOverhead {
				return nil
			}
			known, err := parseNodeRecord(raw[fileHeaderLen : len(raw)-ed25519.SignatureSize])
			if err == nil && known.Name == r.Name && known.Key != r.Key {
				other, found = known.Key, true
			}
			return nil
		})
	})
	return other, found
}
