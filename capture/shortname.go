package capture

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// maxTries is how many numbers are tried for a short name.
const maxTries = 9

// linkedName is a name of a file with several long ones.
type linkedName struct {
	path string
	info fs.FileInfo
}

// guessShort finds the short name of a file with several long ones, which ntfs-3g does not tell: it counts it, and does open by it. Short names are
// nearly always made from the long one in the same way. One that is not found is told to Warn.
func (n *ntfs) guessShort(names []*wim.Dentry) {
	if len(names) == 0 {
		return
	}
	l, ok := n.unknown[names[0]]
	if !ok || linkCount(l.info) <= len(names) {
		return
	}
	for _, d := range names {
		l := n.unknown[d]
		for _, short := range shortNames(d.Name) {
			info, err := os.Lstat(filepath.Join(filepath.Dir(l.path), short))
			if err == nil && os.SameFile(info, l.info) && !strings.EqualFold(short, d.Name) {
				d.ShortName = short
				return
			}
		}
	}
	n.s.warn(l.path, "has several names, some of them not in the tree or a short one that ntfs-3g does not tell, which is left out")
}

// shortNames gives the short names that Windows makes of a long one first: at most six characters, a tilde and a number, and three of
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
