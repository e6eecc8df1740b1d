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

// dirPath returns the path of a directory, "" for the root.
func (p *plan) dirPath(i int32) (string, error) {
	if i <= 0 {
		return "", nil
	}
	p.paths.mu.Lock()
	path, ok := p.paths.paths[i]
	p.paths.mu.Unlock()
	if ok {
		return path, nil
	}
	d, err := p.img.Dentry(p.dirs[i].at)
	if err != nil {
		return "", err
	}
	above, err := p.dirPath(p.dirs[i].dir)
	if err != nil {
		return "", err
	}
	path = joinPath(above, d.Name)
	p.paths.mu.Lock()
	if p.paths.paths == nil || len(p.paths.paths) >= pathCacheMax {
		p.paths.paths = make(map[int32]string)
	}
	p.paths.paths[i] = path
	p.paths.mu.Unlock()
	return path, nil
}

func joinPath(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// get reads a dentry of the image, and says where it goes.
func (p *plan) get(s spot) (path string, d *wim.Dentry, err error) {
	if d, err = p.img.Dentry(s.at); err != nil {
		return "", nil, fmt.Errorf("read the image's tree: %w", err)
	}
	if s.dir == rootDir {
		return ".", d, nil
	}
	above, err := p.dirPath(s.dir)
	if err != nil {
		return "", nil, fmt.Errorf("read the image's tree: %w", err)
	}
	return joinPath(above, d.Name), d, nil
}

// path says where a dentry of the image goes.
func (p *plan) path(s spot) (string, error) {
	path, _, err := p.get(s)
	return path, err
}

// nameOf is path of a dentry that was read already, for errors.
func (p *plan) nameOf(d *wim.Dentry, s spot) string {
	above, err := p.dirPath(s.dir)
	if err != nil || s.dir == rootDir {
		return "the root"
	}
	return joinPath(above, d.Name)
}

// filesOf returns the files [first, end) that hold a resource.
func (p *plan) filesOf(res int) (first, end int) {
	first = sort.Search(len(p.files), func(i int) bool { return p.files[i].res() >= int32(res) })
	for end = first; end < len(p.files) && p.files[end].res() == int32(res); end++ {
	}
	return first, end
}

// linksOf returns the further names of the file whose first one is at.
func (p *plan) linksOf(at wim.At) []link {
	i := sort.Search(len(p.links), func(i int) bool { return p.links[i].first >= at })
	j := i
	for j < len(p.links) && p.links[j].first == at {
		j++
	}
	return p.links[i:j]
}
