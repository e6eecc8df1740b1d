package apply

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// memoryPerFile is how many bytes an open file and a plan may keep for every file of the image, beside the cache of metadata.
const memoryPerFile = 80

func TestAPlanKeepsFewBytesAFile(t *testing.T) {
	const dirs, files = 500, 100
	var root testNode
	root.attrs = wim.AttrDirectory
	for i := range dirs {
		d := testDir(fmt.Sprintf("directory %d", i))
		for j := range files {
			d.children = append(d.children, testFile(fmt.Sprintf("file %d", j), fmt.Appendf(nil, "%d %d", i, j)))
		}
		root.children = append(root.children, d)
	}
	b := buildWIM(&root)
	root = testNode{}
	before := liveHeap()
	f, err := wim.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	content, err := contentOf(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newJob(bg, Config{Target: vfs.NewMem(), Image: 1, Content: content}, f, f.ReaderAt())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	res, err := f.MetadataOf(1)
	if err != nil {
		t.Fatal(err)
	}
	held := liveHeap() - before - min(res.Size, 16<<20) // that much of the metadata is in the cache
	t.Logf("%d bytes a file", held/(dirs*files))
	if held > memoryPerFile*dirs*files {
		t.Errorf("%d bytes are kept for %d files, %d each; want at most %d", held, dirs*files, held/(dirs*files), memoryPerFile)
	}
	runtime.KeepAlive(b)
	runtime.KeepAlive(f)
}

// liveHeap is the number of bytes that are reachable.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
