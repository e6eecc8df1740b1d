package transport

import (
	"net/netip"
	"time"
)

// SenderConfig describes a Sender. Group is required.
type SenderConfig struct {
	Group     netip.AddrPort // IPv4 or IPv6 multicast
	Interface string         // name; empty: see PickInterface
	TTL       int            // hops, 1..255; 0 means 1: the local network only
	Buffer    int            // socket buffer in bytes; 0 means 512 KiB
}

// SenderStats counts what a Sender did.
type SenderStats struct {
	Datagrams uint64
	Bytes     uint64 // UDP payload
	Calls     uint64 // system calls
	GSO       bool   // the kernel cuts batches into datagrams
}

// Sender multicasts datagrams. It is for one goroutine; Close may be called from any.
type Sender struct{}

// NewSender opens a socket that multicasts to a group.
func NewSender(cfg SenderConfig) (*Sender, error) { return nil, nil }

// Send multicasts the datagrams in order and returns how many the kernel took. It blocks while the socket buffer is full: a
// link slower than the caller slows the caller and loses nothing here. It allocates nothing.
func (s *Sender) Send(datagrams [][]byte) (int, error) { return 0, nil }

// SetWriteDeadline ends a blocked Send with os.ErrDeadlineExceeded.
func (s *Sender) SetWriteDeadline(t time.Time) error { return nil }

// Stats returns what s did so far. It belongs to Send's goroutine.
func (s *Sender) Stats() SenderStats { return SenderStats{} }

// Close closes the socket and ends a blocked Send.
func (s *Sender) Close() error { return nil }

// ReceiverConfig describes a Receiver. Group is required.
type ReceiverConfig struct {
	Group     netip.AddrPort // IPv4 or IPv6 multicast
	Interface string         // name; empty: see PickInterface
	Buffer    int            // socket buffer in bytes; 0 means 8 MiB, or as much as the system grants

	// Drop, when set, is asked once a datagram and loses it when it says so: for tests and demonstrations of loss. It
	// is called by the goroutine that calls Receive.
	Drop func() bool
}

// Receiver receives a group's datagrams. It is for one goroutine; Join, Leave and Close may be called from any.
type Receiver struct{}

// NewReceiver opens a socket and joins the group.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) { return nil, nil }

// Receive blocks until there are datagrams and returns them, at least one. They are valid until the next call. The caller may
// write to them (opening a datagram decrypts in place). It allocates nothing once warm.
func (r *Receiver) Receive() ([][]byte, error) { return nil, nil }

// SetReadDeadline ends a blocked Receive with os.ErrDeadlineExceeded.
func (r *Receiver) SetReadDeadline(t time.Time) error { return nil }

// Join joins the group, again if it has been joined before: that makes the system tell the network's routers and switches
// anew. Leave leaves it; Receive then returns nothing more.
func (r *Receiver) Join() error { return nil }

// Leave leaves the group. Leaving twice is no error.
func (r *Receiver) Leave() error { return nil }

// Buffer returns the size of the socket buffer that the system granted, in bytes.
func (r *Receiver) Buffer() int { return 0 }

// Close closes the socket and ends a blocked Receive with net.ErrClosed.
func (r *Receiver) Close() error { return nil }
