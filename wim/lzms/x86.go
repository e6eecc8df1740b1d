package lzms

import "encoding/binary"

const (
	x86Window = 65535 // how far apart two uses of an address may be to count as a sign of code
	x86Reach  = 1023  // how far behind such a sign addresses are translated; half of it for calls
	x86Tail   = 16    // no instruction that starts in the last bytes is looked at
)

// x86Filter finds relative addresses in x86 code. It runs over every piece, code or not, and must treat it as Windows does.
type x86Filter struct {
	lastUse [1 << 16]int32 // by the low bits of an address: where it was used last
}

// mayBeOpcode has the first bytes of instructions that the filter knows.
var mayBeOpcode = [256]bool{0x48: true, 0x4c: true, 0xe8: true, 0xe9: true, 0xf0: true, 0xff: true}

// apply makes relative addresses absolute, in place; with undo it is the other way round.
func (f *x86Filter) apply(b []byte, undo bool) {
	if len(b) <= x86Tail+1 {
		return
	}
	for i := range f.lastUse {
		f.lastUse[i] = -x86Window - 1
	}
	sign := -x86Reach - 1 // where there was a sign of code last
	end := len(b) - x86Tail
	for i := 1; i < end; i++ {
		if !mayBeOpcode[b[i]] {
			continue
		}
		if b[i] == 0xe9 {
			i += 4
			continue
		}
		n := opcode(b[i:])
		if n == 0 {
			continue
		}
		reach := x86Reach
		if b[i] == 0xe8 {
			reach >>= 1
		}
		at := b[i+n : i+n+4]
		v := binary.LittleEndian.Uint32(at)
		translate := i-sign <= reach
		target := uint16(v) + uint16(i)
		switch {
		case undo && translate:
			target = uint16(v)
			binary.LittleEndian.PutUint32(at, v-uint32(i))
		case translate:
			binary.LittleEndian.PutUint32(at, v+uint32(i))
		}
		i += n + 3
		if i-int(f.lastUse[target]) <= x86Window {
			sign = i
		}
		f.lastUse[target] = int32(i)
	}
}

// opcode is the number of bytes before the address, 0 if that is no instruction with one.
func opcode(b []byte) int {
	switch b[0] {
	case 0x48: // load or lea relative to the instruction
		if b[1] == 0x8b && (b[2] == 0x05 || b[2] == 0x0d) || b[1] == 0x8d && b[2]&7 == 5 {
			return 3
		}
	case 0x4c: // lea
		if b[1] == 0x8d && b[2]&7 == 5 {
			return 3
		}
	case 0xe8: // call
		return 1
	case 0xf0: // lock add
		if b[1] == 0x83 && b[2] == 0x05 {
			return 3
		}
	case 0xff: // call through a pointer
		if b[1] == 0x15 {
			return 2
		}
	}
	return 0
}
