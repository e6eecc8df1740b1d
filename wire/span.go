package wire

import "encoding/binary"

// MaxSpans is the number of spans one message carries at most. Who has more sends several messages.
const MaxSpans = 1024

const spanSize = 8

// Span is a run of blocks [From, To).
type Span struct{ From, To Block }

func spansLength(s []Span) int { return 2 + spanSize*len(s) }

func appendSpans(dst []byte, s []Span) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	for _, x := range s {
		dst = binary.BigEndian.AppendUint32(dst, uint32(x.From))
		dst = binary.BigEndian.AppendUint32(dst, uint32(x.To))
	}
	return dst
}

// spans reads spans to the end of the body. An empty or backward span is refused.
func (c *cursor) spans() []Span {
	n := c.count(MaxSpans, spanSize)
	if n == 0 {
		return nil
	}
	s := make([]Span, n)
	for i := range s {
		s[i] = Span{From: Block(c.u32()), To: Block(c.u32())}
		if s[i].From >= s[i].To {
			c.fail("empty span")
		}
	}
	return s
}
