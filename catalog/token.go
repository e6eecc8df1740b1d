package catalog

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/zeebo/blake3"
)

// Limits of a token.
const (
	MaxAddresses = 8   // addresses of the distribution point
	maxAddress   = 128 // bytes of one address

	tokenPrefix   = "wimcast1-"
	tokenFixed    = 2 + 32 + 32 + 16 + 1
	tokenSum      = 4
	maxTokenBytes = tokenFixed + MaxAddresses*(1+maxAddress) + tokenSum
)

// Token is what an administrator pastes into a new client. Whoever has it can enrol while it lasts: it is a secret.
type Token struct {
	Site      PublicKey // site key: what the client will trust
	Node      NodeID    // the distribution point's key: whom it must meet
	Addresses []string  // host:port of the distribution point, 1..MaxAddresses
	Secret    [16]byte
}

// String returns the token as one line that needs no quoting in a shell or URL.
func (t Token) String() string {
	b := t.append(nil)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// append writes the binary form: its own length first, so that a cut can be told from damage.
func (t Token) append(b []byte) []byte {
	start := len(b)
	b = append(b, 0, 0)
	b = append(b, t.Site[:]...)
	b = append(b, t.Node[:]...)
	b = append(b, t.Secret[:]...)
	b = append(b, uint8(len(t.Addresses)))
	for _, a := range t.Addresses {
		b = appendText(b, a)
	}
	binary.BigEndian.PutUint16(b[start:], uint16(len(b)-start+tokenSum))
	sum := blake3.Sum256(b[start:])
	return append(b, sum[:tokenSum]...)
}

// ParseToken reads a token as a user may have pasted it: white space anywhere in it is dropped.
func ParseToken(s string) (Token, error) {
	t, err := parseToken(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return Token{}, fmt.Errorf("parse token: %w", err)
	}
	return t, nil
}

func parseToken(s string) (Token, error) {
	const again = `; copy the whole line that "wimcast site token" printed`
	rest, ok := strings.CutPrefix(s, tokenPrefix)
	switch {
	case s == "":
		return Token{}, errors.New("it is empty" + again)
	case !ok && len(s) < len(tokenPrefix) && strings.HasPrefix(tokenPrefix, s):
		return Token{}, errors.New("it is cut short" + again)
	case !ok && strings.HasPrefix(s, "wimcast"):
		return Token{}, errors.New("another version of wimcast made it")
	case !ok:
		return Token{}, fmt.Errorf("it does not begin with %q%s", tokenPrefix, again)
	case len(rest) > base64.RawURLEncoding.EncodedLen(maxTokenBytes):
		return Token{}, errors.New("it is too long: is something else pasted behind it?")
	}
	b, whole, err := decodeToken(rest)
	switch {
	case errors.Is(err, errTokenDamaged):
		return Token{}, err
	case err != nil:
		return Token{}, fmt.Errorf("it has a character that no token has%s", again)
	case len(rest) < whole || len(b) < 2:
		return Token{}, fmt.Errorf("it is cut short: %d characters of %d%s", len(s), len(tokenPrefix)+whole, again)
	case len(rest) > whole:
		return Token{}, fmt.Errorf("it is too long: %d characters, not %d%s", len(s), len(tokenPrefix)+whole, again)
	}
	return parseTokenBytes(b)
}

// decodeToken decodes as much of s as there is, and says how many characters the token wants to have.
func decodeToken(s string) (b []byte, whole int, err error) {
	enc := base64.RawURLEncoding.Strict()
	b, err = enc.DecodeString(s)
	if err != nil { // a cut may leave loose bits at the end: judge what comes before it
		b, err = enc.DecodeString(s[:len(s)/4*4])
		if err != nil {
			return nil, 0, err
		}
	}
	if len(b) < 2 {
		return b, enc.EncodedLen(tokenFixed + tokenSum), nil
	}
	size := int(binary.BigEndian.Uint16(b))
	if size < tokenFixed+tokenSum || size > maxTokenBytes {
		return nil, 0, errTokenDamaged
	}
	return b, enc.EncodedLen(size), nil
}

var errTokenDamaged = errors.New("its checksum is wrong: a character was changed or lost; copy it again")

func parseTokenBytes(b []byte) (Token, error) {
	if len(b) < tokenFixed+tokenSum || len(b) != int(binary.BigEndian.Uint16(b)) {
		return Token{}, errTokenDamaged
	}
	sum := blake3.Sum256(b[:len(b)-tokenSum])
	if string(sum[:tokenSum]) != string(b[len(b)-tokenSum:]) {
		return Token{}, errTokenDamaged
	}
	p := parser{b: b[2 : len(b)-tokenSum]}
	t := Token{Site: p.b32(), Node: p.b32()}
	copy(t.Secret[:], p.take(len(t.Secret)))
	for range p.u8() {
		t.Addresses = append(t.Addresses, p.text())
		if len(t.Addresses) > MaxAddresses {
			break
		}
	}
	if err := p.end(); err != nil {
		return Token{}, err
	}
	return t, CheckAddresses(t.Addresses)
}

// CheckAddresses checks a list of host:port.
func CheckAddresses(list []string) error {
	if n := len(list); n == 0 || n > MaxAddresses {
		return fmt.Errorf("%d addresses of the distribution point: want 1 to %d", n, MaxAddresses)
	}
	for _, a := range list {
		if err := checkAddress(a); err != nil {
			return err
		}
	}
	return nil
}

func checkAddress(a string) error {
	host, port, err := net.SplitHostPort(a)
	if err != nil || host == "" || len(a) > maxAddress {
		return fmt.Errorf("address %q: want HOST:PORT of at most %d bytes, as 10.0.0.1:4790 or [fe80::1%%eth0]:4790", a, maxAddress)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("address %q: want a port from 1 to 65535", a)
	}
	for _, c := range a {
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alnum && !strings.ContainsRune(".-_:[]%", c) {
			return fmt.Errorf("address %q: no host name or address has a %q", a, c)
		}
	}
	return nil
}
