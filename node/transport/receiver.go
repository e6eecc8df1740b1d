package transport

import (
	"fmt"
	"net/netip"
)

// receiveBuffer is the default size of a Receiver's socket buffer in bytes: at 1 Gbit/s it rides out 60 ms.
const receiveBuffer = 8 << 20

// ReceiverConfig describes a Receiver. Group is required.
type ReceiverConfig struct {
	Group     netip.AddrPort // IPv4 or IPv6 multicast
	Interface string         // name; empty: see PickInterface
	Buffer    int            // socket buffer in bytes; 0 means 8 MiB, or as much as the system grants

	// Drop, when set, is asked once per datagram and loses it when it says so: for tests and demonstrations of loss. It
	// is called by the goroutine that calls Receive.
	Drop func() bool
}

func (c *ReceiverConfig) validate() error {
	if err := checkGroup(c.Group); err != nil {
		return err
	}
	if c.Buffer < 0 {
		return fmt.Errorf("receive from group %s: buffer of %d bytes", c.Group, c.Buffer)
	}
	if c.Buffer == 0 {
		c.Buffer = receiveBuffer
	}
	if c.Drop == nil {
		c.Drop = func() bool { return false }
	}
	return nil
}

// NewReceiver opens a socket and joins the group. Any number of receivers on one host may have the same group and
// port: each gets every datagram.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	i, err := PickInterface(cfg.Interface, cfg.Group.Addr())
	if err != nil {
		return nil, err
	}
	return newReceiver(cfg, i)
}
