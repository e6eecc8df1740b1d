//go:build !linux

package transport

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// receiveMessage is the size in bytes of the largest datagram accepted; ours are smaller.
const receiveMessage = 2048

// Receiver receives a group's datagrams. It is for one goroutine; Join, Leave and Close may be called from any.
type Receiver struct {
	conn  *net.UDPConn
	cfg   ReceiverConfig
	ifi   *net.Interface
	group *net.UDPAddr
	buf   [receiveMessage]byte
	out   [1][]byte
}

func newReceiver(cfg ReceiverConfig, i Interface) (*Receiver, error) {
	r := &Receiver{
		cfg: cfg, ifi: &net.Interface{Index: i.Index, Name: i.Name},
		group: net.UDPAddrFromAddrPort(cfg.Group),
	}
	network := "udp4"
	if !cfg.Group.Addr().Is4() {
		network = "udp6"
	}
	// The only call of package net that lets several sockets share the port. It also joins the group.
	conn, err := net.ListenMulticastUDP(network, r.ifi, r.group)
	if err != nil {
		return nil, bindError("receive from group on "+i.Name, cfg.Group, err)
	}
	r.conn = conn
	_ = conn.SetReadBuffer(cfg.Buffer) // a smaller buffer is no error: loss is repaired
	return r, nil
}

// Receive blocks until there are datagrams and returns them, at least one. They are valid until the next call. The caller may
// write to them (opening a datagram decrypts in place).
func (r *Receiver) Receive() ([][]byte, error) {
	for {
		n, _, err := r.conn.ReadFromUDPAddrPort(r.buf[:])
		if err != nil {
			return nil, fmt.Errorf("receive from group %s: %w", r.cfg.Group, err)
		}
		if n > 0 && !r.cfg.Drop() {
			r.out[0] = r.buf[:n:n]
			return r.out[:], nil
		}
	}
}

// Join joins the group, again if it has been joined before: that makes the system tell the network's routers and switches
// anew.
func (r *Receiver) Join() error {
	err := r.Leave()
	if err == nil && r.group.IP.To4() != nil {
		err = ipv4.NewPacketConn(r.conn).JoinGroup(r.ifi, r.group)
	} else if err == nil {
		err = ipv6.NewPacketConn(r.conn).JoinGroup(r.ifi, r.group)
	}
	if err != nil {
		return fmt.Errorf("join group %s on %s: %w", r.cfg.Group, r.ifi.Name, err)
	}
	return nil
}

// Leave leaves the group; Receive then waits. Leaving twice is no error.
func (r *Receiver) Leave() error {
	var err error
	if r.group.IP.To4() != nil {
		err = ipv4.NewPacketConn(r.conn).LeaveGroup(r.ifi, r.group)
	} else {
		err = ipv6.NewPacketConn(r.conn).LeaveGroup(r.ifi, r.group)
	}
	if errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("leave group %s on %s: %w", r.cfg.Group, r.ifi.Name, err)
	}
	return nil // what remains says that it was not joined
}

// SetReadDeadline ends a blocked Receive with os.ErrDeadlineExceeded.
func (r *Receiver) SetReadDeadline(t time.Time) error { return r.conn.SetReadDeadline(t) }

// Buffer returns the size of the socket buffer that was asked for, in bytes.
func (r *Receiver) Buffer() int { return r.cfg.Buffer }

// Close closes the socket and ends a blocked Receive with net.ErrClosed.
func (r *Receiver) Close() error { return r.conn.Close() }
