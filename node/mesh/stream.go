package mesh

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// greetTimeout bounds the greeting of a stream.
const greetTimeout = 2 * time.Second

const (
	challengeSize = 32
	drawnSize     = 16 // of the acceptor's answer; its proof is the rest
)

var errStranger = errors.New("the other side does not know the mesh key")

// greet opens a stream as its dialer.
func greet(c net.Conn, key []byte) error {
	if err := c.SetDeadline(time.Now().Add(greetTimeout)); err != nil {
		return err
	}
	var a, b [challengeSize]byte
	rand.Read(a[:])
	if _, err := c.Write(a[:]); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	if !hmac.Equal(b[drawnSize:], proof(key, "acceptor", a[:], b[:drawnSize])[:challengeSize-drawnSize]) {
		return errStranger
	}
	if _, err := c.Write(proof(key, "dialer", a[:], b[:])); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	return c.SetDeadline(time.Time{})
}

// answer opens a stream as its acceptor. It never sends more than it has received.
func answer(c net.Conn, key []byte) error {
	if err := c.SetDeadline(time.Now().Add(greetTimeout)); err != nil {
		return err
	}
	var a, b, p [challengeSize]byte
	if _, err := io.ReadFull(c, a[:]); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	rand.Read(b[:drawnSize])
	copy(b[drawnSize:], proof(key, "acceptor", a[:], b[:drawnSize]))
	if _, err := c.Write(b[:]); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if _, err := io.ReadFull(c, p[:]); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if !hmac.Equal(p[:], proof(key, "dialer", a[:], b[:])) {
		return errStranger
	}
	return c.SetDeadline(time.Time{})
}

// proof is what only somebody who knows the key can say about the challenges.
func proof(key []byte, who string, a, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(who))
	h.Write(a)
	h.Write(b)
	return h.Sum(nil)
}
