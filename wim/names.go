package wim

import (
	"cmp"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name that a dentry may have, in UTF-16 units.
const MaxName = maxNameBytes / 2

// CheckName refuses a name that cannot stand in an image: one that is not UTF-8 (unpaired surrogates are, as three bytes each),
// or is longer than MaxName.
func CheckName(name string) error {
	b, ok := encodeUTF16(name)
	switch {
	case !ok:
		return badName(name, "is not UTF-8; rename the file")
	case len(b) > maxNameBytes:
		return badName(name, fmt.Sprintf("is longer than %d UTF-16 units; rename the file", MaxName))
	}
	return nil
}

// CompareNames orders siblings as Windows does: by the UTF-16 units of their upper case, then as they are.
func CompareNames(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		u, i := nextUnits(x)
		v, j := nextUnits(y)
		if c := cmp.Compare(u, v); c != 0 {
			return c
		}
		x, y = x[i:], y[j:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

// nextUnits returns a number that orders the first character of s, in upper case, as its one or two UTF-16 units do, and its length.
func nextUnits(s string) (key uint32, size int) {
	if c := s[0]; c < utf8.RuneSelf {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		return uint32(c) << 16, 1
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 && len(s) >= 3 && s[0] == 0xed { // an unpaired surrogate
		r, size = 0xd000|rune(s[1]&0x3f)<<6|rune(s[2]&0x3f), 3
	}
	if r >= 0x10000 { // Windows changes the case of no character beyond the first plane
		r -= 0x10000
		return uint32(0xd800+r>>10)<<16 | uint32(0xdc00+r&0x3ff), size
	}
	if u := unicode.ToUpper(r); u < 0x10000 {
		r = u
	}
	return uint32(r) << 16, size
}

// SymlinkData makes the reparse data of a symbolic link with a POSIX target. An absolute target gets the drive C:, without which
// Windows would not take it. It fails when the target is not UTF-8 or does not fit into a reparse point (some 4,000 characters).
func SymlinkData(target string) ([]byte, error) {
	data, ok := symlinkData(target)
	if !ok {
		return nil, fmt.Errorf("store link target %.60q: it is too long or not UTF-8", target)
	}
	return data, nil
}

// Item returns the tagged item that keeps u, as Dentry.Tagged holds it.
func (u UnixData) Item() []byte { return u.append(nil) }
