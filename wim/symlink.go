package wim

import (
	"encoding/binary"
	"strings"
)

// Reparse tags.
const (
	TagSymlink   = 0xa000000c
	TagMountTree = 0xa0000003 // junction
)

// maxReparse is the longest reparse data there is, in bytes.
const maxReparse = 16 << 10

// Symlink is the target of a symbolic link or junction.
type Symlink struct {
	Target   string // with slashes, as a POSIX system wants it; a leading drive ("C:") has been cut
	Relative bool
}

// swapSlashes exchanges slashes and backslashes. A POSIX target with a backslash in it thus comes back as it was.
func swapSlashes(s string) string {
	b := []byte(s) // not strings.Map, which mends what is not UTF-8
	for i, c := range b {
		switch c {
		case '/':
			b[i] = '\\'
		case '\\':
			b[i] = '/'
		}
	}
	return string(b)
}

// ParseSymlink reads the reparse data of a symbolic link or junction, as a Reader returns it.
func ParseSymlink(tag uint32, data []byte) (Symlink, error) {
	head := 8
	if tag == TagSymlink {
		head = 12
	} else if tag != TagMountTree {
		return Symlink{}, unsupportedf("parse symlink: reparse tag %#x", tag)
	}
	if len(data) < head || len(data) > maxReparse {
		return Symlink{}, corruptf("parse symlink: %d bytes", len(data))
	}
	le := binary.LittleEndian
	off, n := int(le.Uint16(data)), int(le.Uint16(data[2:]))
	if n&1 != 0 || off+n > len(data)-head {
		return Symlink{}, corruptf("parse symlink: the target's %d bytes leave the data", n)
	}
	target := decodeUTF16(data[head+off : head+off+n])
	s := Symlink{Relative: tag == TagSymlink && le.Uint32(data[8:])&1 != 0}
	if !s.Relative {
		target = strings.TrimPrefix(target, `\??\`)
		target = strings.TrimPrefix(target, `\\?\`)
		if len(target) >= 2 && target[1] == ':' && (target[0]|0x20) >= 'a' && (target[0]|0x20) <= 'z' {
			if target = target[2:]; target == "" {
				target = `\` // the drive itself: a link to the root that was made relative to the image
			}
		}
	}
	if s.Target = swapSlashes(target); s.Target == "" || strings.Contains(s.Target, "\x00") {
		return Symlink{}, corruptf("parse symlink: target %q", s.Target)
	}
	return s, nil
}

// symlinkData makes the reparse data of a POSIX link. An absolute target gets the drive C:, without which Windows would not take it.
func symlinkData(target string) (data []byte, ok bool) {
	shown := swapSlashes(target)
	real, relative := shown, uint32(1)
	if strings.HasPrefix(target, "/") {
		shown = "C:" + shown
		real, relative = `\??\`+shown, 0
	}
	r, ok1 := encodeUTF16(real)
	s, ok2 := encodeUTF16(shown)
	if !ok1 || !ok2 || len(r)+len(s)+16 > maxReparse {
		return nil, false
	}
	le := binary.LittleEndian
	for _, v := range []int{0, len(r), len(r) + 2, len(s)} {
		data = le.AppendUint16(data, uint16(v))
	}
	data = le.AppendUint32(data, relative)
	data = append(append(data, r...), 0, 0)
	return append(append(data, s...), 0, 0), true
}
