package disk

import (
	"bytes"
	"os"
	"syscall"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// holey gives chunks of which most blocks are zeros, and what they make.
func holey() (refs []chunk.Ref, chunks map[chunk.ID][]byte, content []byte) {
	chunks = map[chunk.ID][]byte{}
	for i := range 8 {
		b := make([]byte, chunk.MaxSize-i*1000) // places that are not aligned
		if i%4 != 3 {
			copy(b[50_000+i*5000:], bytes.Repeat([]byte{byte(i + 1)}, 6000))
		}
		ref := chunk.Ref{ID: chunk.Sum(b), Size: uint32(len(b))}
		refs, content = append(refs, ref), append(content, b...)
		chunks[ref.ID] = b
	}
	return refs, chunks, content
}

func TestHolesWithinChunksStayHoles(t *testing.T) {
	path := t.TempDir()
	fsys, err := vfs.OS(path)
	no(t, err)
	defer fsys.Close()
	refs, chunks, content := holey()
	a := openAssembly(t, fsys, refs, AssemblyConfig{})
	for _, r := range refs[:4] {
		no(t, a.Put(t.Context(), r.ID, chunks[r.ID]))
	}
	no(t, a.Close())
	a = openAssembly(t, fsys, refs, AssemblyConfig{})
	for _, r := range refs {
		no(t, a.Put(t.Context(), r.ID, chunks[r.ID]))
	}
	no(t, a.Finish())
	no(t, a.Close())
	got, err := readAll(fsys, "win.wim")
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("other bytes: %v", err)
	}
	info, err := os.Stat(path + "/win.wim")
	no(t, err)
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Blocks*512 > 150_000 {
		t.Errorf("%d bytes are allocated for 36,000 that are not zeros", st.Blocks*512)
	}
}

// What a crash left where nothing is listed, and what rots, is written over also where the content has zeros.
func TestZerosAreWrittenWhereSomethingElseIs(t *testing.T) {
	fsys := vfs.NewMem()
	refs, chunks, content := holey()
	a := openAssembly(t, fsys, refs, AssemblyConfig{})
	no(t, a.Put(t.Context(), refs[0].ID, chunks[refs[0].ID]))
	no(t, a.Sync())
	no(t, a.Close())
	file, err := fsys.OpenFile(".win.wim.partial", os.O_WRONLY, 0)
	no(t, err)
	for _, i := range []int{1, 3} { // a part of one is zeros, all of the other is
		_, err = file.WriteAt([]byte("left by a crash"), a.offs[i]+7)
		no(t, err)
	}
	a = openAssembly(t, fsys, refs, AssemblyConfig{})
	for _, r := range refs {
		no(t, a.Put(t.Context(), r.ID, chunks[r.ID]))
	}
	no(t, a.Sync())
	_, err = file.WriteAt([]byte("rot"), a.offs[5]+7)
	no(t, err)
	if _, err := a.Get(t.Context(), refs[5].ID, nil); err == nil {
		t.Fatal("rot was not found")
	}
	no(t, a.Put(t.Context(), refs[5].ID, chunks[refs[5].ID]))
	no(t, a.Finish())
	if got, err := readAll(fsys, "win.wim"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("other bytes: %v", err)
	}
}
