package vfs

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// pageSize is the unit in which a crash keeps or loses data that was not synced.
const pageSize = 4096

// memFile is an open file of a Mem.
type memFile struct {
	m      *Mem
	n      *node
	name   string
	flag   int
	pos    int64
	closed bool
}

// begin locks the file system and checks that the file is open, and for writing if write is set.
func (f *memFile) begin(op string, write bool) error {
	f.m.mu.Lock()
	var err error
	access := f.flag & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
	switch {
	case f.closed:
		err = fs.ErrClosed
	case write && access == os.O_RDONLY, op == "read" && access == os.O_WRONLY:
		err = syscall.EBADF
	case op == "read" && f.n.mode.IsDir():
		err = syscall.EISDIR
	}
	if err != nil {
		f.m.mu.Unlock()
		return &fs.PathError{Op: op, Path: f.name, Err: err}
	}
	return nil
}

func (f *memFile) Read(p []byte) (int, error) {
	if err := f.begin("read", false); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	if f.pos >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[f.pos:])
	f.pos += int64(n)
	return n, nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.begin("read", false); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	if off < 0 {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrInvalid}
	}
	n := copy(p, f.n.data[min(off, int64(len(f.n.data))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	if err := f.begin("write", true); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	if f.flag&os.O_APPEND != 0 {
		f.pos = int64(len(f.n.data))
	}
	f.n.write(p, f.pos)
	f.n.mtime = f.m.tick()
	f.pos += int64(len(p))
	return len(p), nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.begin("write", true); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	if off < 0 || f.flag&os.O_APPEND != 0 {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrInvalid}
	}
	f.n.write(p, off)
	f.n.mtime = f.m.tick()
	return len(p), nil
}

func (f *memFile) Seek(off int64, whence int) (int64, error) {
	if err := f.begin("seek", false); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		off += f.pos
	case io.SeekEnd:
		off += int64(len(f.n.data))
	}
	if off < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: fs.ErrInvalid}
	}
	f.pos = off
	return off, nil
}

func (f *memFile) Truncate(size int64) error {
	if err := f.begin("truncate", true); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	if size < 0 {
		return &fs.PathError{Op: "truncate", Path: f.name, Err: fs.ErrInvalid}
	}
	f.n.truncate(size)
	f.n.mtime = f.m.tick()
	return nil
}

// Punch implements Puncher.
func (f *memFile) Punch(off, size int64) error {
	if err := f.begin("punch", true); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	if end := min(off+size, int64(len(f.n.data))); off < end {
		f.n.write(make([]byte, end-off), off)
	}
	return nil
}

func (f *memFile) Sync() error {
	if err := f.begin("sync", false); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	f.m.sync(f.n)
	return nil
}

func (f *memFile) Stat() (fs.FileInfo, error) {
	if err := f.begin("stat", false); err != nil {
		return nil, err
	}
	defer f.m.mu.Unlock()
	_, base := splitPath(f.name)
	return f.n.info(base), nil
}

func (f *memFile) Close() error {
	if err := f.begin("close", false); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	f.closed = true
	return nil
}

// save keeps the durable bytes of the pages that [from, to) touches, before they change.
func (n *node) save(from, to int64) {
	if n.before == nil {
		n.before = map[int64][]byte{}
	}
	for page := from / pageSize; page*pageSize < to; page++ {
		if _, ok := n.before[page]; ok {
			continue
		}
		// Bytes after the durable size were zero, or not there: the same to who extends the file.
		end := min((page+1)*pageSize, n.durSize, int64(len(n.data)))
		n.before[page] = append([]byte{}, n.data[min(page*pageSize, end):end]...)
	}
}

// write puts p at off and extends the file if need be.
func (n *node) write(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	end := off + int64(len(p))
	n.save(min(off, int64(len(n.data))), end)
	if end > int64(len(n.data)) {
		n.data = append(n.data, make([]byte, end-int64(len(n.data)))...)
		n.sizes = append(n.sizes, end)
	}
	copy(n.data[off:], p)
}

func (n *node) truncate(size int64) {
	have := int64(len(n.data))
	if size == have {
		return
	}
	n.save(min(size, have), max(size, have))
	if size < have {
		n.data = n.data[:size:size]
	} else {
		n.data = append(n.data, make([]byte, size-have)...)
	}
	n.sizes = append(n.sizes, size)
}
