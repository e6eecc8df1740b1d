//go:build linux

package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Tap records up to n UDP datagrams that the host sends or receives to multicast groups, and the group of the last one.
// It fails after limit.
func (h *Host) Tap(n int, limit time.Duration) (datagrams [][]byte, group netip.AddrPort, err error) {
	var fd int
	err = h.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(swap16(unix.ETH_P_ALL)))
		return err
	})
	if err != nil {
		return nil, group, fmt.Errorf("tap %s: %w", h.ns, err)
	}
	defer unix.Close(fd)
	wait := unix.NsecToTimeval(int64(100 * time.Millisecond))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return nil, group, fmt.Errorf("tap %s: %w", h.ns, err)
	}
	buf := make([]byte, 1<<16)
	for end := time.Now().Add(limit); len(datagrams) < n; {
		if time.Now().After(end) {
			return nil, group, fmt.Errorf("tap %s: %d of %d datagrams after %v", h.ns, len(datagrams), n, limit)
		}
		got, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, group, fmt.Errorf("tap %s: %w", h.ns, err)
		}
		if payload, to, ok := parseMulticast(buf[:got]); ok {
			datagrams, group = append(datagrams, payload), to
		}
	}
	return datagrams, group, nil
}

func swap16(v uint16) uint16 { return v<<8 | v>>8 }

// parseMulticast takes an IPv4 UDP packet to 239.0.0.0/8 apart, and copies its payload.
func parseMulticast(p []byte) (payload []byte, to netip.AddrPort, ok bool) {
	if len(p) < 28 || p[0]>>4 != 4 || p[9] != unix.IPPROTO_UDP || p[16] != 239 {
		return nil, to, false
	}
	head := int(p[0]&15) * 4
	if len(p) < head+8 || len(p) > 1500 {
		return nil, to, false
	}
	to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[16:20])), binary.BigEndian.Uint16(p[head+2:]))
	return append([]byte(nil), p[head+8:]...), to, true
}

// Attack is a host without any secret that sends what it can to hurt.
type Attack struct {
	stop chan struct{}
	done sync.WaitGroup

	// Valid after Stop.
	Sent [4]int64 // datagrams: replayed, bit-flipped, forged, garbage to the unicast address
	Err  error
}

// Attack floods the group from the host, as fast as its link lets it, with recorded datagrams as they are, with one bit
// flipped, and with their headers on forged sequence numbers; and sends garbage to victim, a unicast address.
func (h *Host) Attack(recorded [][]byte, group, victim netip.AddrPort) (*Attack, error) {
	var conn *net.UDPConn
	err := h.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("attack from %s: %w", h.ns, err)
	}
	a := &Attack{stop: make(chan struct{})}
	a.done.Add(1)
	go func() {
		defer a.done.Done()
		defer conn.Close()
		a.Err = a.flood(conn, recorded, group, victim)
	}()
	return a, nil
}

// Stop ends the attack.
func (a *Attack) Stop() {
	close(a.stop)
	a.done.Wait()
}

func (a *Attack) flood(conn *net.UDPConn, recorded [][]byte, group, victim netip.AddrPort) error {
	rng := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, 1500)
	for i := 0; ; i++ {
		select {
		case <-a.stop:
			return nil
		default:
		}
		d := append(buf[:0], recorded[rng.IntN(len(recorded))]...)
		kind, to := i%3, group
		switch kind {
		case 1:
			d[rng.IntN(len(d))] ^= 1 << rng.IntN(8)
		case 2: // the header's sequence is bytes 12 to 19; far ahead, to push a window that moved too soon
			binary.BigEndian.PutUint64(d[12:], binary.BigEndian.Uint64(d[12:])+rng.Uint64N(1<<32))
		}
		if i%64 == 63 {
			kind, to = 3, victim
			for j := range d {
				d[j] = byte(rng.Uint32())
			}
		}
		if _, err := conn.WriteToUDPAddrPort(d, to); err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		a.Sent[kind]++
	}
}
