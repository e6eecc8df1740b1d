package lzx

import "math/bits"

// token is one decision of a parse: a literal, which is the byte; or a match, length<<tokenShift | v, where v is 0, 1 or 2 for a
// recent offset and offset+2 otherwise, as in the format.
type token uint32

const (
	tokenShift = 22
	tokenMask  = 1<<tokenShift - 1
	recents    = 3
	// offsetBias is what the format adds to an offset that is not a recent one.
	offsetBias = 2
)

func matchToken(length int, v uint32) token { return token(length)<<tokenShift | token(v) }

func (t token) length() int { return int(t >> tokenShift) }
func (t token) v() uint32   { return uint32(t & tokenMask) }

// slotOf returns the slot of v.
func slotOf(v uint32) uint32 {
	if v < 1<<18 {
		if v < 4 {
			return v
		}
		n := uint32(bits.Len32(v)) - 1
		return 2*n + v>>(n-1)&1
	}
	return 34 + v>>17
}

// queue is the three recent offsets, latest first.
type queue [recents]uint32

var firstQueue = queue{1, 1, 1}

// take updates the queue for a match of value v and returns its offset.
func (q *queue) take(v uint32) uint32 {
	if v < recents {
		q[0], q[v] = q[v], q[0]
	} else {
		q[2], q[1], q[0] = q[1], q[0], v-offsetBias
	}
	return q[0]
}

// step is the number of bytes that a token stands for.
func (t token) step() int { return max(1, t.length()) }
