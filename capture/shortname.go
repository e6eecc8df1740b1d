package capture

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxTries is how many numbers are tried for a short name.
const maxTries = 9

// linkNames are the names of a file with several long ones.
type linkNames struct {
	info  fs.FileInfo // of the file
	names []linkName
}

type linkName struct {
	path, name string
	at         int64 // place of its record
}

// guessShort finds the short names of files with several long ones, which ntfs-3g does not tell: it counts them, and does open by them. Short
// names are nearly always made from the long one in the same way. One that is not found is told to Warn.
func (n *ntfs) guessShort() {
	for _, i := range slices.Sorted(maps.Keys(n.unknown)) {
		u := n.unknown[i]
		if linkCount(u.info) <= len(u.names) {
			continue
		}
		if at, short, ok := u.guess(); ok {
			n.s.park.shorts[at] = short
		} else {
			n.s.warn(u.names[0].path, "has several names, some of them not in the tree or a short one that ntfs-3g does not tell, which is left out")
		}
	}
}

// guess returns a short name, and the record that it belongs to.
func (u *linkNames) guess() (at int64, short string, ok bool) {
	for _, l := range u.names {
		for _, short := range shortNames(l.name) {
			info, err := os.Lstat(filepath.Join(filepath.Dir(l.path), short))
			if err == nil && os.SameFile(info, u.info) && !strings.EqualFold(short, l.name) {
				return l.at, short, true
			}
		}
	}
	return 0, "", false
}

// noteUnknown notes a name whose record is at a place.
func (n *ntfs) noteUnknown(e *entry, at int64) {
	u := n.unknown[e.link]
	if u == nil {
		u = &linkNames{info: e.info}
		n.unknown[e.link] = u
	}
	u.names = append(u.names, linkName{e.path(), e.name, at})
}

// shortNames returns the short names that Windows makes of a long one first: at most six characters, a tilde and a number, and three of
// the extension. A name that is short already stands for itself.
func shortNames(long string) []string {
	base, ext := long, ""
	if i := strings.LastIndexByte(long, '.'); i > 0 {
		base, ext = long[:i], long[i+1:]
	}
	base, ext = shorten(base, 6), shorten(ext, 3)
	if ext != "" {
		ext = "." + ext
	}
	var names []string
	for i := range maxTries {
		names = append(names, base+"~"+string(rune('1'+i))+ext)
	}
	return names
}

// shorten keeps of a name what a short name may have.
func shorten(s string, n int) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(s) {
		switch {
		case b.Len() >= n:
			return b.String()
		case r == ' ' || r == '.':
		case r < 0x80 && !strings.ContainsRune(`+,;=[]`, r):
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}
