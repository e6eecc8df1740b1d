package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds of one system call.
const (
	sendBatch   = 128   // datagrams
	gsoSegments = 64    // datagrams cut from one message: what every kernel with UDP_SEGMENT takes
	gsoBytes    = 65000 // bytes in one message
)

// mmsghdr is struct mmsghdr of sendmmsg(2) and recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// segmentControl is a control message that holds UDP_SEGMENT's 16 bits.
type segmentControl struct {
	hdr  unix.Cmsghdr
	size uint16
	_    [6]byte
}

// Sender multicasts datagrams. It is for one goroutine; Close may be called from any.
type Sender struct {
	conn  *net.UDPConn
	raw   syscall.RawConn
	group netip.AddrPort
	stats senderStats

	iovs     [sendBatch]unix.Iovec
	msgs     [sendBatch]mmsghdr
	counts   [sendBatch]int // datagrams of each message
	controls [sendBatch]segmentControl

	from, to int // messages that the next call sends
	sent     int // messages that it sent
	errno    syscall.Errno
	call     func(fd uintptr) bool
}

func newSender(cfg SenderConfig, i Interface) (*Sender, error) {
	local, _ := i.addr(cfg.Group.Addr())
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = setSenderOptions(int(fd), cfg, i) }); e != nil {
			return e
		}
		return err
	}}
	network := "udp6"
	if cfg.Group.Addr().Is4() {
		network = "udp4"
		dialer.LocalAddr = &net.UDPAddr{IP: local.AsSlice()}
	}
	conn, err := dialer.DialContext(context.Background(), network, cfg.Group.String())
	if errors.Is(err, unix.ENETUNREACH) && network == "udp6" && i.Loopback {
		err = fmt.Errorf("%w (the loopback has no IPv6 multicast route: ip -6 route add multicast ff00::/8 dev %s table local)", err, i.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("send to group %s on %s: %w", cfg.Group, i.Name, err)
	}
	s := &Sender{conn: conn.(*net.UDPConn), group: cfg.Group}
	s.call = s.sendmmsg
	if s.raw, err = s.conn.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("send to group %s on %s: %w", cfg.Group, i.Name, err), conn.Close())
	}
	err = s.raw.Control(func(fd uintptr) {
		_, e := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		s.stats.GSO = e == nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("send to group %s on %s: %w", cfg.Group, i.Name, err), conn.Close())
	}
	return s, nil
}

// setSenderOptions prepares the socket. A path of a smaller MTU gets fragments: see docs/protocol.md, "Datagrams".
func setSenderOptions(fd int, cfg SenderConfig, i Interface) error {
	var errs [5]error
	if cfg.Group.Addr().Is4() {
		errs[0] = unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(i.Index)})
		errs[1] = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, cfg.TTL)
		errs[2] = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 1)
		errs[3] = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
	} else {
		errs[0] = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, i.Index)
		errs[1] = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, cfg.TTL)
		errs[2] = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 1)
		errs[3] = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT)
	}
	errs[4] = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, cfg.Buffer)
	return errors.Join(errs[:]...)
}

// Send multicasts the datagrams in order and returns how many the kernel took. It blocks while the socket buffer is full: a
// link slower than the caller slows the caller and loses nothing here. It allocates nothing. An error does not spoil the
// Sender: while the link is down every Send fails, and when it is back they succeed.
func (s *Sender) Send(datagrams [][]byte) (int, error) {
	done := 0
	for done < len(datagrams) {
		batch := datagrams[done:min(len(datagrams), done+sendBatch)]
		n, err := s.sendBatch(batch)
		for _, d := range batch[:n] {
			s.stats.Bytes += uint64(len(d))
		}
		s.stats.Datagrams += uint64(n)
		done += n
		if err != nil {
			return done, fmt.Errorf("send to group %s: %w", s.group, err)
		}
	}
	return done, nil
}

// sendBatch sends at most sendBatch datagrams. It returns early, without an error, when the kernel refuses to cut messages
// into datagrams: the rest is then to be sent again, one message a datagram.
func (s *Sender) sendBatch(datagrams [][]byte) (int, error) {
	s.from, s.to = 0, s.fill(datagrams)
	done := 0
	for s.from < s.to {
		if err := s.raw.Write(s.call); err != nil {
			return done, err
		}
		s.stats.Calls++
		switch {
		case s.errno == 0:
			for _, n := range s.counts[s.from : s.from+s.sent] {
				done += n
			}
			s.from += s.sent
		case s.errno == unix.EINTR:
		case s.counts[s.from] > 1 && (s.errno == unix.EIO || s.errno == unix.EINVAL || s.errno == unix.EMSGSIZE):
			s.stats.GSO = false
			return done, nil
		default:
			return done, s.errno
		}
	}
	return done, nil
}

// fill lays datagrams out as messages and returns how many messages they make. Datagrams of one length, and a shorter
// last one, share a message that the kernel cuts.
func (s *Sender) fill(datagrams [][]byte) int {
	msgs := 0
	for i := 0; i < len(datagrams); msgs++ {
		size, bytes, n := len(datagrams[i]), 0, 0
		for i+n < len(datagrams) {
			d := datagrams[i+n]
			if n > 0 && (!s.stats.GSO || n == gsoSegments || len(d) > size || len(d) == 0 || bytes+len(d) > gsoBytes) {
				break
			}
			s.iovs[i+n] = unix.Iovec{Base: unsafe.SliceData(d)}
			s.iovs[i+n].SetLen(len(d))
			bytes += len(d)
			n++
			if len(d) < size {
				break
			}
		}
		m := &s.msgs[msgs]
		*m = mmsghdr{}
		m.hdr.Iov = &s.iovs[i]
		m.hdr.SetIovlen(n)
		if n > 1 {
			c := &s.controls[msgs]
			c.hdr.Level, c.hdr.Type, c.size = unix.IPPROTO_UDP, unix.UDP_SEGMENT, uint16(size)
			c.hdr.SetLen(unix.CmsgLen(2))
			m.hdr.Control = (*byte)(unsafe.Pointer(c))
			m.hdr.SetControllen(unix.CmsgSpace(2))
		}
		s.counts[msgs] = n
		i += n
	}
	return msgs
}

// sendmmsg makes one system call; false means that the socket buffer is full.
func (s *Sender) sendmmsg(fd uintptr) bool {
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.msgs[s.from])), uintptr(s.to-s.from), 0, 0, 0)
	s.sent, s.errno = int(n), errno
	return errno != unix.EAGAIN
}

// SetWriteDeadline ends a blocked Send with os.ErrDeadlineExceeded.
func (s *Sender) SetWriteDeadline(t time.Time) error { return s.conn.SetWriteDeadline(t) }

// Close closes the socket and ends a blocked Send.
func (s *Sender) Close() error { return s.conn.Close() }
