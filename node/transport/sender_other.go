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

// Sender multicasts datagrams. It is for one goroutine; Close may be called from any.
type Sender struct {
	conn  *net.UDPConn
	group *net.UDPAddr
	stats senderStats
}

func newSender(cfg SenderConfig, i Interface) (*Sender, error) {
	local, _ := i.addr(cfg.Group.Addr())
	network, at := "udp4", &net.UDPAddr{IP: local.AsSlice()}
	if !cfg.Group.Addr().Is4() {
		network, at = "udp6", nil
	}
	conn, err := net.ListenUDP(network, at)
	if err != nil {
		return nil, fmt.Errorf("send to group %s on %s: %w", cfg.Group, i.Name, err)
	}
	ifi := &net.Interface{Index: i.Index, Name: i.Name}
	if cfg.Group.Addr().Is4() {
		p := ipv4.NewPacketConn(conn)
		err = errors.Join(p.SetMulticastInterface(ifi), p.SetMulticastTTL(cfg.TTL), p.SetMulticastLoopback(true))
	} else {
		p := ipv6.NewPacketConn(conn)
		err = errors.Join(p.SetMulticastInterface(ifi), p.SetMulticastHopLimit(cfg.TTL), p.SetMulticastLoopback(true))
	}
	if err = errors.Join(err, conn.SetWriteBuffer(cfg.Buffer)); err != nil {
		return nil, errors.Join(fmt.Errorf("send to group %s on %s: %w", cfg.Group, i.Name, err), conn.Close())
	}
	return &Sender{conn: conn, group: net.UDPAddrFromAddrPort(cfg.Group)}, nil
}

// Send multicasts the datagrams in order and returns how many the kernel took. It blocks while the socket buffer is full: a
// link slower than the caller slows the caller and loses nothing here.
func (s *Sender) Send(datagrams [][]byte) (int, error) {
	for n, d := range datagrams {
		if _, err := s.conn.WriteTo(d, s.group); err != nil {
			return n, fmt.Errorf("send to group %s: %w", s.group, err)
		}
		s.stats.Datagrams++
		s.stats.Calls++
		s.stats.Bytes += uint64(len(d))
	}
	return len(datagrams), nil
}

// SetWriteDeadline ends a blocked Send with os.ErrDeadlineExceeded.
func (s *Sender) SetWriteDeadline(t time.Time) error { return s.conn.SetWriteDeadline(t) }

// Close closes the socket and ends a blocked Send.
func (s *Sender) Close() error { return s.conn.Close() }
