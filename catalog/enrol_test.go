package catalog

import (
	"errors"
	"testing"
	"time"
)

// noon is the site's clock; the clients have none.
var noon = time.Unix(1_800_000_000, 0)

func newTestToken(t *testing.T, c *Catalogue, p TokenPolicy) Token {
	t.Helper()
	tok, err := c.NewToken([]string{"10.0.0.1:4790"}, p, noon)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// enrolOnce does what client and site do, and returns the client's result.
func enrolOnce(c *Catalogue, tok Token, node *Key, name string, now time.Time) (*Enrolment, error) {
	binding := EnrolBinding{7}
	req, err := NewEnrolRequest(tok, node.Public(), name, binding)
	if err != nil {
		return nil, err
	}
	resp, _, err := c.HandleEnrol(req, node.Public(), binding, now)
	if err != nil {
		return nil, err
	}
	return OpenEnrolResponse(resp, tok, node.Public())
}

func TestEnrol(t *testing.T) {
	s := newTestSite(t)
	tok := newTestToken(t, s.Catalogue, TokenPolicy{})
	e, err := enrolOnce(s.Catalogue, must(ParseToken(tok.String())), testKey(9), "pc-17", noon)
	if err != nil {
		t.Fatal(err)
	}
	if e.Record.Name != "pc-17" || e.Record.Roles != RolePeer || e.Root.Site != "Lab" || e.Head.Version != 1 {
		t.Errorf("got %+v", e)
	}
	if nodes := enrolledNodes(t, s.Catalogue); len(nodes) != 1 || nodes[0] != e.Record {
		t.Errorf("nodes %+v", nodes)
	}
}

// enrolledNodes lists the records that the catalogue keeps, and verifies them.
func enrolledNodes(t *testing.T, c *Catalogue) (out []NodeRecord) {
	t.Helper()
	h, _, _ := c.Head()
	err := c.file.view(func(in tables) error {
		return in.nodes.each(func(_, raw []byte) error {
			r, err := VerifyNodeRecord(raw, c.root, h)
			out = append(out, r)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEnrolRequestIsGoodForItsConnectionOnly(t *testing.T) {
	s := newTestSite(t)
	tok := newTestToken(t, s.Catalogue, TokenPolicy{})
	node, thief := testKey(9).Public(), testKey(10).Public()
	req := must(NewEnrolRequest(tok, node, "pc", EnrolBinding{1}))
	if _, _, err := s.Catalogue.HandleEnrol(req, node, EnrolBinding{2}, noon); !errors.Is(err, ErrProver) {
		t.Errorf("replayed on another connection: %v", err)
	}
	if _, _, err := s.Catalogue.HandleEnrol(req, thief, EnrolBinding{1}, noon); !errors.Is(err, ErrProver) {
		t.Errorf("sent by another node: %v", err)
	}
	for i := range req {
		bad := clone(req)
		bad[i] ^= 1
		if _, _, err := s.Catalogue.HandleEnrol(bad, node, EnrolBinding{1}, noon); err == nil {
			t.Fatalf("passes with byte %d flipped", i)
		}
	}
	if _, _, err := s.Catalogue.HandleEnrol(req, node, EnrolBinding{1}, noon); err != nil {
		t.Errorf("the request itself: %v", err)
	}
}

func TestEnrolNeedsTheSecret(t *testing.T) {
	s := newTestSite(t)
	tok := newTestToken(t, s.Catalogue, TokenPolicy{})
	tok.Secret[0] ^= 1
	if _, err := enrolOnce(s.Catalogue, tok, testKey(9), "pc", noon); !errors.Is(err, ErrToken) {
		t.Errorf("with a wrong secret: %v", err)
	}
}

func TestTokenEndsByUsesAndByTheSitesClock(t *testing.T) {
	s := newTestSite(t)
	tok := newTestToken(t, s.Catalogue, TokenPolicy{Uses: 2, TTL: time.Hour})
	for i, c := range []struct {
		node byte
		name string
		now  time.Time
		ok   bool
	}{
		{9, "a", noon, true},
		{9, "a", noon, true}, // again, the answer was lost: no use spent
		{9, "renamed", noon, true},
		{10, "b", noon.Add(time.Hour), true},
		{11, "c", noon, false},                    // used up
		{10, "b", noon, true},                     // but those who are in may ask again
		{10, "b", noon.Add(2 * time.Hour), false}, // until its time is over
	} {
		if _, err := enrolOnce(s.Catalogue, tok, testKey(c.node), c.name, c.now); (err == nil) != c.ok {
			t.Errorf("step %d: %v", i, err)
		}
	}
}

func TestTokensAreBoundedAndDeadOnesMakeRoom(t *testing.T) {
	s := newTestSite(t)
	s.Catalogue.file.db.NoSync = true // speed: nothing here is about crashes
	for range maxTokens {
		newTestToken(t, s.Catalogue, TokenPolicy{TTL: time.Hour})
	}
	addrs := []string{"h:1"}
	if _, err := s.Catalogue.NewToken(addrs, TokenPolicy{}, noon); !errors.Is(err, ErrFull) {
		t.Errorf("token %d: %v", maxTokens+1, err)
	}
	if _, err := s.Catalogue.NewToken(addrs, TokenPolicy{}, noon.Add(2*time.Hour)); err != nil {
		t.Errorf("when the others are out of date: %v", err)
	}
	if _, err := s.Catalogue.NewToken(nil, TokenPolicy{}, noon); err == nil {
		t.Error("a token without an address")
	}
	if _, err := s.Catalogue.NewToken(addrs, TokenPolicy{TTL: -1}, noon); err == nil {
		t.Error("a token that was never good")
	}
}

func TestRevokedNodeCannotEnrolAgain(t *testing.T) {
	s := newTestSite(t)
	tok := newTestToken(t, s.Catalogue, TokenPolicy{})
	e, err := enrolOnce(s.Catalogue, tok, testKey(9), "pc", noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Catalogue.Revoke(e.Record.Key); err != nil {
		t.Fatal(err)
	}
	head, _, _ := s.Catalogue.Head()
	if _, err := VerifyNodeRecord(e.RecordRaw, e.Root, head); !errors.Is(err, ErrRevoked) {
		t.Errorf("its old record: %v", err)
	}
	if _, err := enrolOnce(s.Catalogue, tok, testKey(9), "pc", noon); !errors.Is(err, ErrRevoked) {
		t.Errorf("enrol again: %v", err)
	}
	if nodes := enrolledNodes(t, s.Catalogue); len(nodes) != 0 {
		t.Errorf("nodes %v", nodes)
	}
	if head.Epoch != 2 {
		t.Errorf("epoch %d after a revocation, want 2", head.Epoch)
	}
	if s.Catalogue.Revoke(s.Node.Public()) == nil {
		t.Error("the site revoked itself")
	}
}

// TestEnrolResponseIsChecked: what a liar at the distribution point's address could send.
func TestEnrolResponseIsChecked(t *testing.T) {
	x := fixture()
	self := x.node.Public()
	good := Enrolment{RootRaw: x.rootRaw, HeadRaw: x.headRaw, RecordRaw: x.recordRaw}
	if _, err := OpenEnrolResponse(good.append(nil), x.token, self); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEnrolResponse(good.append(nil), x.token, x.stranger.Public()); err == nil {
		t.Error("took another node's record")
	}
	tok := x.token
	tok.Site = x.stranger.Public()
	if _, err := OpenEnrolResponse(good.append(nil), tok, self); !errors.Is(err, ErrSigner) {
		t.Errorf("another site's answer: %v", err)
	}
	otherHead := good
	otherHead.HeadRaw = must(SignHead(x.head, x.stranger))
	if _, err := OpenEnrolResponse(otherHead.append(nil), x.token, self); !errors.Is(err, ErrSigner) {
		t.Errorf("a stranger's head: %v", err)
	}
	otherRecord := good
	otherRecord.RecordRaw = must(SignNodeRecord(x.record, x.stranger))
	if _, err := OpenEnrolResponse(otherRecord.append(nil), x.token, self); !errors.Is(err, ErrSigner) {
		t.Errorf("a stranger's node record: %v", err)
	}
}

func TestNamesakesAreFoundAmongAll(t *testing.T) {
	s := newTestSite(t)
	tok := newTestToken(t, s.Catalogue, TokenPolicy{})
	first := must(enrolOnce(s.Catalogue, tok, testKey(9), "pc", noon))
	if _, taken := s.Catalogue.Namesake(first.Record); taken {
		t.Error("it is its own namesake")
	}
	second := must(enrolOnce(s.Catalogue, tok, testKey(10), "pc", noon))
	if other, taken := s.Catalogue.Namesake(second.Record); !taken || other != first.Record.Key {
		t.Errorf("%v, %v, want %v", other, taken, first.Record.Key)
	}
	own := NodeRecord{Key: testKey(11).Public(), Name: s.Catalogue.Record().Name, Roles: RolePeer}
	if other, taken := s.Catalogue.Namesake(own); !taken || other != s.Catalogue.Record().Key {
		t.Errorf("the site's own name: %v, %v", other, taken)
	}
	own.Name = "PC"
	if _, taken := s.Catalogue.Namesake(own); taken {
		t.Error("a name that nobody has is taken")
	}
}
