package transport

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/wimcast/wimcast/internal/ident"
)

// alpn names the protocol in the TLS handshake.
const alpn = "wimcast/1"

// ErrOtherPeer says that a node answers at the address, but not the one that was asked for.
var ErrOtherPeer = errors.New("another node answers there: its key is not the one that was expected")

var errNoKey = errors.New("the certificate does not hold an Ed25519 key")

// certificate wraps a key. It is good from 1970 to 9999, though nobody looks.
func certificate(key crypto.Signer) (tls.Certificate, error) {
	if _, ok := key.Public().(ed25519.PublicKey); !ok {
		return tls.Certificate{}, fmt.Errorf("make certificate: key is %T, must be Ed25519", key.Public())
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0).UTC(),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// peerKey returns the key that the other node proved to own: TLS 1.3 has it sign the handshake.
func peerKey(s tls.ConnectionState) (ident.PublicKey, error) {
	if len(s.PeerCertificates) == 0 {
		return ident.PublicKey{}, errNoKey
	}
	pub, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(pub) != len(ident.PublicKey{}) {
		return ident.PublicKey{}, errNoKey
	}
	return ident.PublicKey(pub), nil
}

// tlsConfig returns what both sides share. accept is asked about the other node's key.
func tlsConfig(cert tls.Certificate, now func() time.Time, accept func(ident.PublicKey) error) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{alpn},
		Certificates:           []tls.Certificate{cert},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // no names, dates or issuers: VerifyConnection looks at the key
		SessionTicketsDisabled: true, // a resumed session would not sign anything
		Time:                   now,
		VerifyConnection: func(s tls.ConnectionState) error {
			k, err := peerKey(s)
			if err != nil {
				return err
			}
			return accept(k)
		},
	}
}
