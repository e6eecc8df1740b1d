package catalog

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// EnrolLabel is the label for tls.ConnectionState.ExportKeyingMaterial(EnrolLabel, nil, 32), which returns the binding.
const EnrolLabel = "EXPORTER-wimcast-enrol-1"

// EnrolBinding ties a proof to one TLS connection.
type EnrolBinding [32]byte

// Errors of enrolment that callers tell apart.
var (
	ErrToken  = errors.New(`the token is unknown, used up or out of date; make a new one with "wimcast site token"`)
	ErrProver = errors.New("the request does not belong to this connection")
)

// key is the key pair that the token's secret stands for. The distribution point keeps only the public half: whoever reads its
// catalogue cannot enrol with what it finds there.
func (t Token) key() *Key {
	seed, err := hkdf.Key(sha256.New, t.Secret[:], t.Site[:], contextEnrol, ed25519.SeedSize)
	if err != nil {
		panic(err) // only for a length that HKDF cannot give
	}
	return KeyFromSeed(seed)
}

// enrolRequest is the body of an Enrol message.
type enrolRequest struct {
	Token PublicKey // public half of Token.key
	Node  NodeID
	Name  string
	Sig   [64]byte // by Token.key, over what message returns
}

// NewEnrolRequest returns the body of an Enrol message: proof that the client knows the token's secret, good for this
// node key on this connection only. name is for people.
func NewEnrolRequest(t Token, node NodeID, name string, binding EnrolBinding) ([]byte, error) {
	if err := CheckLabel("node name", name); err != nil {
		return nil, fmt.Errorf("make enrol request: %w", err)
	}
	key := t.key()
	r := enrolRequest{Token: key.Public(), Node: node, Name: name}
	r.Sig = [64]byte(ed25519.Sign(key.priv, r.message(t.Site, binding)))
	return r.append(nil), nil
}

func (r enrolRequest) fields(b []byte) []byte {
	b = append(b, r.Token[:]...)
	b = append(b, r.Node[:]...)
	return appendText(b, r.Name)
}

func (r enrolRequest) append(b []byte) []byte { return append(r.fields(b), r.Sig[:]...) }

func (r enrolRequest) message(site PublicKey, binding EnrolBinding) []byte {
	return r.fields(slices.Concat([]byte(contextEnrol), site[:], binding[:]))
}

func parseEnrolRequest(b []byte) (enrolRequest, error) {
	p := parser{b: b}
	r := enrolRequest{Token: p.b32(), Node: p.b32(), Name: p.text()}
	copy(r.Sig[:], p.take(len(r.Sig)))
	if err := p.end(); err != nil {
		return enrolRequest{}, err
	}
	return r, CheckLabel("node name", r.Name)
}

// check verifies that a request proves what it says, on a connection with peer.
func (r enrolRequest) check(site PublicKey, peer NodeID, binding EnrolBinding) error {
	if r.Node != peer || !ed25519.Verify(r.Token[:], r.message(site, binding), r.Sig[:]) {
		return ErrProver
	}
	return nil
}

// Enrolment is what a client gets from the site, all of it verified.
type Enrolment struct {
	Root      *Root
	Head      *Head
	Record    NodeRecord
	RootRaw   []byte
	HeadRaw   []byte
	RecordRaw []byte
}

// OpenEnrolResponse verifies the site's answer against the token and the client's own key.
func OpenEnrolResponse(resp []byte, t Token, self NodeID) (*Enrolment, error) {
	e, err := parseEnrolResponse(resp)
	if err != nil {
		return nil, fmt.Errorf("parse enrol response: %w", err)
	}
	if err := e.verify(t.Site); err != nil {
		return nil, fmt.Errorf("open enrol response: %w", err)
	}
	if e.Record.Key != self {
		return nil, fmt.Errorf("open enrol response: the node record is for %v, this node is %v", e.Record.Key, self)
	}
	return e, nil
}

// verify fills the parsed half of e from the raw half.
func (e *Enrolment) verify(site PublicKey) (err error) {
	if e.Root, err = VerifyRoot(e.RootRaw, site); err != nil {
		return err
	}
	if e.Head, err = VerifyHead(e.HeadRaw, e.Root); err != nil {
		return err
	}
	e.Record, err = VerifyNodeRecord(e.RecordRaw, e.Root, e.Head)
	return err
}

func (e *Enrolment) append(b []byte) []byte {
	for _, part := range [][]byte{e.RootRaw, e.HeadRaw, e.RecordRaw} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

func parseEnrolResponse(b []byte) (*Enrolment, error) {
	p := parser{b: b}
	e := &Enrolment{
		RootRaw:   p.take(p.count(MaxRoot, 1, "bytes of root")),
		HeadRaw:   p.take(p.count(MaxHead, 1, "bytes of head")),
		RecordRaw: p.take(p.count(MaxNodeRecord, 1, "bytes of node record")),
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return e, nil
}
