package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// reparseNotFixed is the bit of ReparseFlags that says that a target was not made relative to the image.
const reparseNotFixed = 1

// link makes a dentry a symbolic link. Windows has two kinds of link; a dangling one counts as one to a file.
func (s *scanner) link(e *entry) error {
	path := e.path()
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	target = filepath.ToSlash(target)
	d := e.d
	d.Attributes, d.ReparseTag, d.ReparseFlags = wim.AttrReparse, wim.TagSymlink, reparseNotFixed
	if to, err := os.Stat(path); err == nil && to.IsDir() {
		d.Attributes |= wim.AttrDirectory
	}
	if rest, ok := s.inside(target); ok {
		target, d.ReparseFlags = rest, 0
		s.stats.Fixed++
	}
	src, err := newLinkSource(e.dir.below(e.name), target)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	d.Streams = []wim.Stream{{Kind: wim.StreamReparse, Source: src}}
	s.stats.Bytes += src.Size()
	return nil
}

// linkSource is the reparse data of a symbolic link that was read here.
type linkSource struct {
	byteSource
	target string
}

func newLinkSource(path, target string) (*linkSource, error) {
	data, err := wim.SymlinkData(target)
	return &linkSource{byteSource{path, data}, target}, err
}

// inside returns what follows the scanned directory in an absolute target that leads into it, with a slash in front. The directory is known by what it is,
// not by its name: a target may lead to it through other links.
func (s *scanner) inside(target string) (rest string, ok bool) {
	if s.root == nil || !strings.HasPrefix(target, "/") {
		return "", false
	}
	for end := 1; end <= len(target); end++ {
		if end < len(target) && target[end] != '/' && end > 1 {
			continue
		}
		info, err := os.Stat(filepath.FromSlash(target[:end]))
		if err != nil {
			return "", false // nor is there anything below it
		}
		if os.SameFile(info, s.root) {
			return "/" + strings.TrimLeft(target[end:], "/"), true
		}
	}
	return "", false
}
