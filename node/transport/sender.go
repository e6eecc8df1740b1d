package transport

import (
	"fmt"
	"net/netip"
)

// sendBuffer is the default size of a Sender's socket buffer in bytes. It bounds what waits in the local queue discipline: less
// than the queues of common ones hold, so that a slow link blocks the sender and the queue drops nothing.
const sendBuffer = 512 << 10

// SenderConfig describes a Sender. Group is required.
type SenderConfig struct {
	Group     netip.AddrPort // IPv4 or IPv6 multicast
	Interface string         // name; empty: see PickInterface
	TTL       int            // hops, 1..255; 0 means 1: the local network only
	Buffer    int            // socket buffer in bytes; 0 means 512 KiB
}

func (c *SenderConfig) validate() error {
	if err := checkGroup(c.Group); err != nil {
		return err
	}
	if c.TTL < 0 || c.TTL > 255 {
		return fmt.Errorf("send to group %s: TTL %d is not 1..255", c.Group, c.TTL)
	}
	if c.Buffer < 0 {
		return fmt.Errorf("send to group %s: buffer of %d bytes", c.Group, c.Buffer)
	}
	if c.TTL == 0 {
		c.TTL = 1
	}
	if c.Buffer == 0 {
		c.Buffer = sendBuffer
	}
	return nil
}

// senderStats counts what a Sender did.
type senderStats struct {
	Datagrams uint64
	Bytes     uint64 // UDP payload
	Calls     uint64 // system calls
	GSO       bool   // the kernel cuts batches into datagrams
}

// NewSender opens a socket that multicasts to a group. Datagrams are looped back, so that receivers on this host hear them.
func NewSender(cfg SenderConfig) (*Sender, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	i, err := PickInterface(cfg.Interface, cfg.Group.Addr())
	if err != nil {
		return nil, err
	}
	return newSender(cfg, i)
}
