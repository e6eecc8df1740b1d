package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is an FS in memory that remembers what was synced. Its clock is a count of its own: no result depends on the time of day.
type Mem struct {
	mu    sync.Mutex
	root  *node
	ops   []op // changes of directories that are not durable, oldest first
	locks map[*node]bool
	clock int64
}

var _ Xattrs = (*Mem)(nil)

// NewMem returns an empty file system in memory.
func NewMem() *Mem {
	m := &Mem{locks: map[*node]bool{}}
	m.root = m.newNode(fs.ModeDir | 0o755)
	return m
}

// node is a file, directory or symlink. What is durable of it is kept beside what is there.
type node struct {
	mode fs.FileMode // type bits only
	attr
	durable attr

	data     []byte           // of a file
	before   map[int64][]byte // durable bytes of the pages changed since the last sync
	durSize  int64
	sizes    []int64 // sizes the file had since the last sync
	target   string  // of a symlink
	entries  map[string]*node
	durables map[string]*node
}

// attr are a node's attributes.
type attr struct {
	perm         fs.FileMode
	atime, mtime time.Time
	xattrs       map[string][]byte
}

// entry is one name in one directory set to a node, or removed if nil.
type entry struct {
	dir  *node
	name string
	to   *node
}

// op is a change of names that happens whole or not at all: two entries for a rename.
type op []entry

func (m *Mem) newNode(mode fs.FileMode) *node {
	n := &node{mode: mode.Type(), attr: attr{perm: mode.Perm()}}
	n.mtime = m.tick()
	n.atime = n.mtime
	n.durable = n.attr
	if mode.IsDir() {
		n.entries, n.durables = map[string]*node{}, map[string]*node{}
	}
	return n
}

func (m *Mem) tick() time.Time {
	m.clock++
	return time.UnixMilli(946_684_800_000 + m.clock).UTC()
}

// change carries out an op and remembers that it is not durable.
func (m *Mem) change(o ...entry) {
	now := m.tick()
	for _, e := range o {
		e.dir.mtime = now
		if e.to == nil {
			delete(e.dir.entries, e.name)
		} else {
			e.dir.entries[e.name] = e.to
		}
	}
	m.ops = append(m.ops, o)
}

// place is where a path leads: a name in a directory, and what it stands for now, if anything.
type place struct {
	dir  *node // nil for the root itself
	base string
	node *node // nil if there is nothing
}

// maxLinks is how many symlinks one path may lead through.
const maxLinks = 40

// walk finds a path. It follows a symlink in the last element only if follow is set.
func (m *Mem) walk(op, name string, follow bool) (place, error) {
	if err := checkPath(op, name); err != nil {
		return place{}, err
	}
	bad := func(err error) (place, error) { return place{}, &fs.PathError{Op: op, Path: name, Err: err} }
	dirs := []*node{m.root}
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		elem := todo[0]
		todo = todo[1:]
		at := dirs[len(dirs)-1]
		switch elem {
		case "", ".":
			continue
		case "..":
			if len(dirs) == 1 {
				return bad(ErrEscapes)
			}
			dirs = dirs[:len(dirs)-1]
			continue
		}
		next := at.entries[elem]
		last := len(todo) == 0
		switch {
		case next != nil && next.mode == fs.ModeSymlink && (!last || follow):
			if links++; links > maxLinks {
				return bad(syscall.ELOOP)
			}
			if strings.HasPrefix(next.target, "/") {
				return bad(ErrEscapes)
			}
			todo = append(strings.Split(next.target, "/"), todo...)
		case last:
			return place{at, elem, next}, nil
		case next == nil:
			return bad(fs.ErrNotExist)
		case !next.mode.IsDir():
			return bad(syscall.ENOTDIR)
		default:
			dirs = append(dirs, next)
		}
	}
	return place{node: dirs[len(dirs)-1]}, nil
}

// find is walk for paths that must exist.
func (m *Mem) find(op, name string, follow bool) (*node, error) {
	p, err := m.walk(op, name, follow)
	if err == nil && p.node == nil {
		err = &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return p.node, err
}

// vacant is walk for paths that must not exist yet.
func (m *Mem) vacant(op, name string) (place, error) {
	p, err := m.walk(op, name, false)
	if err == nil && p.node != nil {
		err = &fs.PathError{Op: op, Path: name, Err: fs.ErrExist}
	}
	return p, err
}

// OpenFile implements FS.
func (m *Mem) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	bad := func(err error) (File, error) { return nil, &fs.PathError{Op: "open", Path: name, Err: err} }
	p, err := m.walk("open", name, flag&(os.O_CREATE|os.O_EXCL) != os.O_CREATE|os.O_EXCL)
	write := flag&(os.O_WRONLY|os.O_RDWR) != 0
	switch {
	case err != nil:
		return nil, err
	case p.node == nil && flag&os.O_CREATE == 0:
		return bad(fs.ErrNotExist)
	case p.node == nil:
		p.node = m.newNode(perm.Perm())
		m.change(entry{p.dir, p.base, p.node})
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return bad(fs.ErrExist)
	case p.node.mode.IsDir() && write:
		return bad(syscall.EISDIR)
	case flag&os.O_TRUNC != 0 && write:
		p.node.truncate(0)
	}
	return &memFile{m: m, n: p.node, name: name, flag: flag}, nil
}

// Mkdir implements FS.
func (m *Mem) Mkdir(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.vacant("mkdir", name)
	if err == nil {
		m.change(entry{p.dir, p.base, m.newNode(fs.ModeDir | perm.Perm())})
	}
	return err
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(name string, perm fs.FileMode) error {
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		err := m.Mkdir(name[:i], perm)
		info, serr := m.Stat(name[:i])
		switch {
		case err != nil && serr != nil:
			return err
		case err != nil && !info.IsDir() && i == len(name):
			return err
		case err != nil && !info.IsDir():
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
	}
	return nil
}

// Rename implements FS.
func (m *Mem) Rename(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, err := m.walk("rename", oldname, false)
	if err != nil {
		return err
	}
	to, err := m.walk("rename", newname, false)
	if err != nil {
		return err
	}
	bad := func(err error) error { return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err} }
	switch {
	case from.node == nil:
		return bad(fs.ErrNotExist)
	case to.node != nil && to.node.mode.IsDir():
		return bad(fs.ErrExist)
	case from.dir == nil || to.dir == nil || strings.HasPrefix(newname, oldname+"/"):
		return bad(fs.ErrInvalid)
	case to.node != nil && from.node.mode.IsDir():
		return bad(syscall.ENOTDIR)
	case from.node == to.node:
		return nil
	}
	m.change(entry{from.dir, from.base, nil}, entry{to.dir, to.base, from.node})
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.walk("remove", name, false)
	bad := func(err error) error { return &fs.PathError{Op: "remove", Path: name, Err: err} }
	switch {
	case err != nil:
		return err
	case p.node == nil:
		return bad(fs.ErrNotExist)
	case p.dir == nil:
		return bad(fs.ErrInvalid)
	case len(p.node.entries) > 0:
		return bad(syscall.ENOTEMPTY)
	}
	m.change(entry{p.dir, p.base, nil})
	return nil
}

// RemoveAll implements FS. It is not atomic: each name goes by itself.
func (m *Mem) RemoveAll(name string) error {
	info, err := m.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		entries, err := m.ReadDir(name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := m.RemoveAll(name + "/" + e.Name()); err != nil {
				return err
			}
		}
	}
	return m.Remove(name)
}

// Link implements FS.
func (m *Mem) Link(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("link", oldname, false)
	if err != nil {
		return err
	}
	if n.mode.IsDir() {
		return &os.LinkError{Op: "link", Old: oldname, New: newname, Err: fs.ErrPermission}
	}
	p, err := m.vacant("link", newname)
	if err == nil {
		m.change(entry{p.dir, p.base, n})
	}
	return err
}

// Symlink implements FS.
func (m *Mem) Symlink(target, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.vacant("symlink", newname)
	if err == nil {
		n := m.newNode(fs.ModeSymlink | 0o777)
		n.target = target
		m.change(entry{p.dir, p.base, n})
	}
	return err
}

// Readlink implements FS.
func (m *Mem) Readlink(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("readlink", name, false)
	if err == nil && n.mode != fs.ModeSymlink {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return "", err
	}
	return n.target, nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (fs.FileInfo, error) { return m.stat("stat", name, true) }

// Lstat implements FS.
func (m *Mem) Lstat(name string) (fs.FileInfo, error) { return m.stat("lstat", name, false) }

func (m *Mem) stat(op, name string, follow bool) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	_, base := splitPath(name)
	return n.info(base), nil
}

// ReadDir implements FS.
func (m *Mem) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("readdir", name, true)
	if err == nil && !n.mode.IsDir() {
		err = &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return nil, err
	}
	var out []fs.DirEntry
	for _, base := range slices.Sorted(maps.Keys(n.entries)) {
		out = append(out, fs.FileInfoToDirEntry(n.entries[base].info(base)))
	}
	return out, nil
}

// Chmod implements FS.
func (m *Mem) Chmod(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("chmod", name, true)
	if err == nil {
		n.perm = perm.Perm()
	}
	return err
}

// Chtimes implements FS.
func (m *Mem) Chtimes(name string, atime, mtime time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("chtimes", name, false)
	if err != nil {
		return err
	}
	if !atime.IsZero() {
		n.atime = atime
	}
	if !mtime.IsZero() {
		n.mtime = mtime
	}
	return nil
}

// Lsetxattr implements Xattrs.
func (m *Mem) Lsetxattr(name, key string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("setxattr", name, false)
	if err == nil {
		n.xattrs = maps.Clone(n.xattrs) // the durable ones are another map
		if n.xattrs == nil {
			n.xattrs = map[string][]byte{}
		}
		n.xattrs[key] = bytes.Clone(data)
	}
	return err
}

// Lgetxattr implements Xattrs.
func (m *Mem) Lgetxattr(name, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("getxattr", name, false)
	if err != nil {
		return nil, err
	}
	data, ok := n.xattrs[key]
	if !ok {
		return nil, &fs.PathError{Op: "getxattr", Path: name, Err: ErrNoXattr}
	}
	return bytes.Clone(data), nil
}

// Lock implements FS.
func (m *Mem) Lock(name string) (io.Closer, error) {
	file, err := m.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := file.(*memFile).n
	if m.locks[n] {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: ErrLocked}
	}
	m.locks[n] = true
	return &memLock{m, n}, nil
}

type memLock struct {
	m *Mem
	n *node
}

func (l *memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locks, l.n)
	return nil
}

// Close implements FS.
func (m *Mem) Close() error { return nil }

// info implements fs.FileInfo for a node as it was when asked.
type info struct {
	name string
	size int64
	mode fs.FileMode
	time time.Time
}

func (n *node) info(name string) info {
	return info{name, int64(len(n.data)), n.mode | n.perm, n.mtime}
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.time }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }
