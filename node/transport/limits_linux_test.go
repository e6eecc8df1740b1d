package transport

import "testing"

// TestReceiveMost: what one Receive returns, and one datagram more.
func TestReceiveMost(t *testing.T) {
	for before, want := range map[int]int{receiveMost - 1: receiveMost, receiveMost: receiveMost} {
		r := &Receiver{cfg: ReceiverConfig{Drop: func() bool { return false }}, slab: make([]byte, receiveMessage), out: make([][]byte, before)}
		r.msgs[0].n = 100
		if r.cut(0); len(r.out) != want {
			t.Errorf("one datagram more than %d makes %d, want %d", before, len(r.out), want)
		}
	}
}
