package wim

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeUTF16 turns UTF-16LE into UTF-8. An unpaired surrogate becomes the three bytes that encode its number. A lone last byte is left out.
func decodeUTF16(b []byte) string {
	out := make([]byte, 0, len(b))
	for ; len(b) >= 2; b = b[2:] {
		r := rune(binary.LittleEndian.Uint16(b))
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
			continue
		}
		if utf16.IsSurrogate(r) {
			if len(b) >= 4 {
				if p := utf16.DecodeRune(r, rune(binary.LittleEndian.Uint16(b[2:]))); p != utf8.RuneError {
					out = utf8.AppendRune(out, p)
					b = b[2:]
					continue
				}
			}
			out = append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// encodeUTF16 turns UTF-8 into UTF-16LE, the inverse of decodeUTF16. ok is false when s is not UTF-8.
func encodeUTF16(s string) (b []byte, ok bool) { return appendUTF16(make([]byte, 0, 2*len(s)), s) }

// utf16Size is the length in bytes of what encodeUTF16 returns.
func utf16Size(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			b, ok := encodeUTF16(s)
			return len(b), ok
		}
	}
	return 2 * len(s), true
}

// appendUTF16 appends s in UTF-16LE.
func appendUTF16(b []byte, s string) (_ []byte, ok bool) {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 {
			if len(s)-i < 3 || s[i] != 0xed || s[i+1] < 0xa0 || s[i+1] > 0xbf || s[i+2]&0xc0 != 0x80 {
				return nil, false
			}
			r, n = 0xd000|rune(s[i+1]&0x3f)<<6|rune(s[i+2]&0x3f), 3
			b = binary.LittleEndian.AppendUint16(b, uint16(r))
		} else if r >= 0x10000 {
			hi, lo := utf16.EncodeRune(r)
			b = binary.LittleEndian.AppendUint16(b, uint16(hi))
			b = binary.LittleEndian.AppendUint16(b, uint16(lo))
		} else {
			b = binary.LittleEndian.AppendUint16(b, uint16(r))
		}
		i += n
	}
	return b, true
}
