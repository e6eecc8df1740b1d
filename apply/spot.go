package apply

import (
	"fmt"
	"sort"
	"sync"

	"github.com/wimcast/wimcast/wim"
)

// pathCacheMax is of how many directories the path is kept.
const pathCacheMax = 4096

// pathCache keeps paths of directories. Files mostly come directory by directory.
type pathCache struct {
	mu    sync.Mutex
	paths map[int32]string // without the root's
}

// dirPath gives the path of a directory, "" for the root.
func (t *tree) dirPath(i int32) (string, error) {
	if i <= 0 {
		return "", nil
	}
	t.paths.mu.Lock()
	p, ok := t.paths.paths[i]
	t.paths.mu.Unlock()
	if ok {
		return p, nil
	}
	d, err := t.img.Dentry(t.dirs[i].at)
	if err != nil {
		return "", err
	}
	above, err := t.dirPath(t.dirs[i].dir)
	if err != nil {
		return "", err
	}
	p = joinPath(above, d.Name)
	t.paths.mu.Lock()
	if t.paths.paths == nil || len(t.paths.paths) >= pathCacheMax {
		t.paths.paths = make(map[int32]string)
	}
	t.paths.paths[i] = p
	t.paths.mu.Unlock()
	return p, nil
}

func joinPath(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// get reads a dentry of the image, and says where it goes.
func (t *tree) get(s spot) (path string, d *wim.Dentry, err error) {
	if d, err = t.img.Dentry(s.at); err != nil {
		return "", nil, fmt.Errorf("read the image's tree: %w", err)
	}
	if s.dir == rootDir {
		return ".", d, nil
	}
	above, err := t.dirPath(s.dir)
	if err != nil {
		return "", nil, fmt.Errorf("read the image's tree: %w", err)
	}
	return joinPath(above, d.Name), d, nil
}

// path says where a dentry of the image goes.
func (t *tree) path(s spot) (string, error) {
	path, _, err := t.get(s)
	return path, err
}

// nameOf is path of a dentry that was read already, for errors.
func (t *tree) nameOf(d *wim.Dentry, s spot) string {
	above, err := t.dirPath(s.dir)
	if err != nil || s.dir == rootDir {
		return "the root"
	}
	return joinPath(above, d.Name)
}

// filesOf gives the files [first, end) that hold a resource.
func (t *tree) filesOf(res int) (first, end int) {
	first = sort.Search(len(t.files), func(i int) bool { return t.files[i].res() >= int32(res) })
	for end = first; end < len(t.files) && t.files[end].res() == int32(res); end++ {
	}
	return first, end
}

// linksOf gives the further names of the file whose first one is at.
func (t *tree) linksOf(at wim.At) []link {
	i := sort.Search(len(t.links), func(i int) bool { return t.links[i].first >= at })
	j := i
	for j < len(t.links) && t.links[j].first == at {
		j++
	}
	return t.links[i:j]
}
