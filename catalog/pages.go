package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
)

// The layout of a bbolt file, version 2, in the machine's byte order. A page is a header (id u64, flags u16, count u16,
// overflow u32) and what its kind says; overflow counts the pages that follow as part of it.
const (
	pageHeaderLen  = 16
	pageElementLen = 16
	pageBranch     = 0x01 // count × (pos u32, key size u32, page u64)
	pageLeaf       = 0x02 // count × (flags u32, pos u32, key size u32, value size u32)
	pageFreelist   = 0x10 // count × page u64; a count of 0xffff stands for a first u64 with the count
	leafBucket     = 0x01 // flag of a leaf's element: the value is a bucket (root page u64, sequence u64, inline page)

	metaLen      = 64
	metaMagic    = 0xED0CDAED
	metaVersion  = 2
	pageDepthMax = 32
)

// checkPages checks that a bbolt file's pages form a tree within the file. bbolt itself trusts the lengths and page
// numbers that it reads: one flipped bit can make it fill the memory or end the process. What the pages hold is for
// hashes and signatures to judge.
func checkPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return (&pageChecker{r: f}).check(info.Size())
}

type pageChecker struct {
	r    io.ReaderAt
	size uint64 // of a page
	end  uint64 // pages in use are below
	seen []bool // pages that something claimed
}

func (c *pageChecker) check(fileSize int64) error {
	root, free, err := c.meta(fileSize)
	if err != nil {
		return err
	}
	if c.end < 3 || c.end > uint64(fileSize)/c.size {
		return fmt.Errorf("%d bytes are not %d pages", fileSize, c.end)
	}
	c.seen = make([]bool, c.end)
	c.seen[0], c.seen[1] = true, true // the two meta pages
	if err := c.tree(root, 0); err != nil {
		return err
	}
	return c.freelist(free)
}

// meta finds the newer of the two valid meta pages.
func (c *pageChecker) meta(fileSize int64) (root, free uint64, err error) {
	var newest uint64
	found := false
	buf := make([]byte, metaLen)
	at := func(off int64) {
		if _, err := c.r.ReadAt(buf, off+pageHeaderLen); err != nil {
			return
		}
		sum := fnv.New64a()
		sum.Write(buf[:metaLen-8])
		p, o := binary.NativeEndian, buf
		size, tx := uint64(p.Uint32(o[8:])), p.Uint64(o[48:])
		valid := p.Uint32(o) == metaMagic && p.Uint32(o[4:]) == metaVersion && p.Uint64(o[56:]) == sum.Sum64()
		if !valid || size < 1024 || off != 0 && size != uint64(off) || found && tx < newest {
			return
		}
		found, newest, c.size = true, tx, size
		root, free, c.end = p.Uint64(o[16:]), p.Uint64(o[32:]), p.Uint64(o[40:])
	}
	at(0)
	for size := int64(1024); size <= 16<<20 && size < fileSize; size *= 2 {
		at(size)
	}
	if !found {
		return 0, 0, errors.New("no valid meta page")
	}
	return root, free, nil
}

// claim reads a page's header, and checks that it is of the kind wanted and that nothing else has claimed its pages.
func (c *pageChecker) claim(id uint64, kind uint16) (count int, bytes uint64, err error) {
	if id >= c.end {
		return 0, 0, fmt.Errorf("page %d of %d", id, c.end)
	}
	h := make([]byte, pageHeaderLen)
	if _, err := c.r.ReadAt(h, int64(id*c.size)); err != nil {
		return 0, 0, err
	}
	p := binary.NativeEndian
	overflow := uint64(p.Uint32(h[12:]))
	if p.Uint64(h) != id || p.Uint16(h[8:]) != kind || overflow >= c.end-id {
		return 0, 0, fmt.Errorf("page %d has a wrong header", id)
	}
	for i := id; i <= id+overflow; i++ {
		if c.seen[i] {
			return 0, 0, fmt.Errorf("page %d is used twice", i)
		}
		c.seen[i] = true
	}
	return int(p.Uint16(h[10:])), (overflow + 1) * c.size, nil
}

// tree checks the page id and all below it.
func (c *pageChecker) tree(id uint64, depth int) error {
	if depth > pageDepthMax || id >= c.end {
		return fmt.Errorf("page %d of %d at depth %d", id, c.end, depth)
	}
	var flags [2]byte
	if _, err := c.r.ReadAt(flags[:], int64(id*c.size)+8); err != nil {
		return err
	}
	kind := binary.NativeEndian.Uint16(flags[:])
	if kind != pageBranch && kind != pageLeaf {
		return fmt.Errorf("page %d is of kind %#x", id, kind)
	}
	count, bytes, err := c.claim(id, kind)
	if err != nil {
		return err
	}
	if kind == pageLeaf {
		return c.leaf(int64(id*c.size), count, bytes, depth)
	}
	elements, err := c.elements(int64(id*c.size), count, bytes)
	if err != nil {
		return err
	}
	if count == 0 {
		return fmt.Errorf("page %d has no branches", id)
	}
	p := binary.NativeEndian
	for i := range count {
		e := elements[i*pageElementLen:]
		if uint64(i*pageElementLen+pageHeaderLen)+uint64(p.Uint32(e))+uint64(p.Uint32(e[4:])) > bytes {
			return fmt.Errorf("page %d: key %d goes beyond it", id, i)
		}
		if err := c.tree(p.Uint64(e[8:]), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// elements reads the table of a branch or leaf page that begins at off and has so many bytes.
func (c *pageChecker) elements(off int64, count int, bytes uint64) ([]byte, error) {
	if uint64(pageHeaderLen+count*pageElementLen) > bytes {
		return nil, fmt.Errorf("%d elements in a page of %d bytes", count, bytes)
	}
	table := make([]byte, count*pageElementLen)
	_, err := c.r.ReadAt(table, off+pageHeaderLen)
	return table, err
}

func (c *pageChecker) leaf(off int64, count int, bytes uint64, depth int) error {
	elements, err := c.elements(off, count, bytes)
	if err != nil {
		return err
	}
	p := binary.NativeEndian
	for i := range count {
		e := elements[i*pageElementLen:]
		at := uint64(pageHeaderLen + i*pageElementLen)
		key, value := uint64(p.Uint32(e[8:])), uint64(p.Uint32(e[12:]))
		from := at + uint64(p.Uint32(e[4:])) + key
		if key == 0 || from+value > bytes {
			return fmt.Errorf("entry %d goes beyond its page", i)
		}
		if p.Uint32(e)&leafBucket == 0 {
			continue
		}
		if err := c.bucket(off+int64(from), value, depth); err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a bucket's value, of so many bytes at off: its root page, or the leaf page that is in the value itself.
func (c *pageChecker) bucket(off int64, bytes uint64, depth int) error {
	head := make([]byte, 16+pageHeaderLen)
	if bytes < 16 {
		return errors.New("a bucket is cut short")
	}
	if _, err := c.r.ReadAt(head[:min(bytes, uint64(len(head)))], off); err != nil {
		return err
	}
	p := binary.NativeEndian
	if root := p.Uint64(head); root != 0 {
		return c.tree(root, depth+1)
	}
	inline := head[16:]
	if bytes < uint64(len(head)) || p.Uint16(inline[8:]) != pageLeaf || depth >= pageDepthMax {
		return errors.New("an inline bucket has a wrong header")
	}
	return c.leaf(off+16, int(p.Uint16(inline[10:])), bytes-16, depth+1)
}

// freelist checks that free pages are in the file, and free.
func (c *pageChecker) freelist(id uint64) error {
	count, bytes, err := c.claim(id, pageFreelist)
	if err != nil {
		return err
	}
	off, room := int64(id*c.size)+pageHeaderLen, (bytes-pageHeaderLen)/8
	p := binary.NativeEndian
	n := uint64(count)
	if count == math.MaxUint16 {
		var b [8]byte
		if _, err := c.r.ReadAt(b[:], off); err != nil {
			return err
		}
		n, off, room = p.Uint64(b[:]), off+8, room-1
	}
	if n > room {
		return fmt.Errorf("%d free pages in a list with room for %d", n, room)
	}
	list := make([]byte, n*8)
	if _, err := c.r.ReadAt(list, off); err != nil {
		return err
	}
	for ; len(list) > 0; list = list[8:] {
		free := p.Uint64(list)
		if free >= c.end || c.seen[free] {
			return fmt.Errorf("page %d is free and in use", free)
		}
		c.seen[free] = true
	}
	return nil
}
