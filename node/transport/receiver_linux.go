package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds of one system call: with UDP_GRO a message holds many datagrams of one length.
const (
	receiveBatch   = 16 // messages
	receiveMessage = 64 << 10
	receiveMost    = 2048 // datagrams returned by one Receive at most; what is beyond is lost
)

// Receiver receives a group's datagrams. It is for one goroutine; Join, Leave and Close may be called from any.
type Receiver struct {
	conn   *net.UDPConn
	raw    syscall.RawConn
	cfg    ReceiverConfig
	iface  Interface
	buffer int

	slab     []byte
	iovs     [receiveBatch]unix.Iovec
	msgs     [receiveBatch]mmsghdr
	controls [receiveBatch][64]byte
	out      [][]byte

	got   int
	errno syscall.Errno
	call  func(fd uintptr) bool
}

func newReceiver(cfg ReceiverConfig, i Interface) (*Receiver, error) {
	fail := func(err error) (*Receiver, error) {
		return nil, bindError("receive from group on "+i.Name, cfg.Group, err)
	}
	r := &Receiver{cfg: cfg, iface: i, slab: make([]byte, receiveBatch*receiveMessage), out: make([][]byte, 0, receiveMost)}
	fd, err := r.socket()
	if err != nil {
		return fail(err)
	}
	file := os.NewFile(uintptr(fd), "group "+cfg.Group.String())
	conn, err := net.FilePacketConn(file) // has its own copy of the descriptor
	if err = errors.Join(err, file.Close()); err != nil {
		return fail(err)
	}
	r.conn = conn.(*net.UDPConn)
	r.call = r.recvmmsg
	r.raw, err = r.conn.SyscallConn()
	if err == nil {
		err = r.Join()
	}
	if err != nil {
		return fail(errors.Join(err, conn.Close()))
	}
	return r, nil
}

// socket returns a socket that is bound to the group's own address, so that unicast datagrams do not arrive.
func (r *Receiver) socket() (fd int, err error) {
	group := r.cfg.Group.Addr()
	family, level, all := unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL
	var at unix.Sockaddr = &unix.SockaddrInet6{Port: int(r.cfg.Group.Port()), Addr: group.As16(), ZoneId: uint32(r.iface.Index)}
	if group.Is4() {
		family, level, all = unix.AF_INET, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL
		at = &unix.SockaddrInet4{Port: int(r.cfg.Group.Port()), Addr: group.As4()}
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptInt(fd, level, all, 0), // only groups that this socket joined
	)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, r.cfg.Buffer) != nil { // needs a right we may not have
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, r.cfg.Buffer))
	}
	if n, e := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); e == nil {
		r.buffer = n / 2 // the kernel counts its own overhead as half
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) // without it every datagram is a message: slower, not wrong
	if err == nil {
		err = unix.Bind(fd, at)
	}
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// Receive blocks until there are datagrams and returns them, at least one. They are valid until the next call. The caller may
// write to them (opening a datagram decrypts in place). It allocates nothing.
func (r *Receiver) Receive() ([][]byte, error) {
	for {
		r.fill()
		if err := r.raw.Read(r.call); err != nil {
			return nil, fmt.Errorf("receive from group %s: %w", r.cfg.Group, err)
		}
		switch {
		case r.errno == unix.EINTR:
			continue
		case r.errno != 0:
			return nil, fmt.Errorf("receive from group %s: %w", r.cfg.Group, r.errno)
		}
		r.out = r.out[:0]
		for i := range r.got {
			r.cut(i)
		}
		if len(r.out) > 0 {
			return r.out, nil
		}
	}
}

// fill readies the messages for the next call.
func (r *Receiver) fill() {
	for i := range r.msgs {
		r.iovs[i].Base = &r.slab[i*receiveMessage]
		r.iovs[i].SetLen(receiveMessage)
		m := &r.msgs[i]
		m.hdr = unix.Msghdr{Iov: &r.iovs[i], Control: &r.controls[i][0]}
		m.hdr.SetIovlen(1)
		m.hdr.SetControllen(len(r.controls[i]))
	}
}

// cut cuts message i into its datagrams.
func (r *Receiver) cut(i int) {
	m := &r.msgs[i]
	b := r.slab[i*receiveMessage:][:min(int(m.n), receiveMessage)]
	size := segmentSize(r.controls[i][:min(int(m.hdr.Controllen), len(r.controls[i]))])
	if size == 0 {
		size = len(b)
	}
	for len(b) > 0 && len(r.out) < receiveMost {
		n := min(size, len(b))
		if !r.cfg.Drop() {
			r.out = append(r.out, b[:n:n])
		}
		b = b[n:]
	}
}

// segmentSize returns the datagram length that UDP_GRO reports, or 0.
func segmentSize(control []byte) int {
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		n := int(h.Len)
		if n < unix.CmsgLen(0) || n > len(control) {
			return 0
		}
		if h.Level == unix.IPPROTO_UDP && h.Type == unix.UDP_GRO && n >= unix.CmsgLen(4) {
			return int(binary.NativeEndian.Uint32(control[unix.CmsgLen(0):]))
		}
		control = control[min(unix.CmsgSpace(n-unix.CmsgLen(0)), len(control)):]
	}
	return 0
}

// recvmmsg makes one system call; false means that nothing is there yet.
func (r *Receiver) recvmmsg(fd uintptr) bool {
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.msgs[0])), receiveBatch, 0, 0, 0)
	r.got, r.errno = int(n), errno
	return errno != unix.EAGAIN
}

// Join joins the group, again if it has been joined before: that makes the system tell the network's routers and switches
// anew.
func (r *Receiver) Join() error {
	if err := r.Leave(); err != nil {
		return err
	}
	if err := r.membership(unix.IP_ADD_MEMBERSHIP, unix.IPV6_JOIN_GROUP); err != nil {
		return fmt.Errorf("join group %s on %s: %w", r.cfg.Group, r.iface.Name, err)
	}
	return nil
}

// Leave leaves the group; Receive then waits. Leaving twice is no error.
func (r *Receiver) Leave() error {
	err := r.membership(unix.IP_DROP_MEMBERSHIP, unix.IPV6_LEAVE_GROUP)
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("leave group %s on %s: %w", r.cfg.Group, r.iface.Name, err)
	}
	return nil
}

func (r *Receiver) membership(option4, option6 int) error {
	group := r.cfg.Group.Addr()
	var err error
	e := r.raw.Control(func(fd uintptr) {
		if group.Is4() {
			err = unix.SetsockoptIPMreqn(int(fd), unix.IPPROTO_IP, option4,
				&unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(r.iface.Index)})
		} else {
			err = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, option6,
				&unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(r.iface.Index)})
		}
	})
	return errors.Join(e, err)
}

// SetReadDeadline ends a blocked Receive with os.ErrDeadlineExceeded.
func (r *Receiver) SetReadDeadline(t time.Time) error { return r.conn.SetReadDeadline(t) }

// Buffer returns the size of the socket buffer that the system granted, in bytes.
func (r *Receiver) Buffer() int { return r.buffer }

// Close closes the socket and ends a blocked Receive with net.ErrClosed.
func (r *Receiver) Close() error { return r.conn.Close() }
