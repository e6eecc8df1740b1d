package ntfs3g_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/ntfs3g/ntfstest"
	"github.com/wimcast/wimcast/internal/vfs"
)

// mount makes a volume and mounts it.
func mount(t *testing.T, options string) (*ntfs3g.Volume, vfs.FS) {
	t.Helper()
	img := ntfstest.New(t, os.Getenv("CI") != "", 16<<20)
	img.Mount(options)
	return open(t, img.Dir)
}

func open(t *testing.T, dir string) (*ntfs3g.Volume, vfs.FS) {
	t.Helper()
	fsys, err := vfs.OS(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	v, err := ntfs3g.Detect(fsys)
	if v == nil || err != nil {
		t.Fatalf("a mounted volume is not detected: %v", err)
	}
	return v, fsys
}

func write(t *testing.T, fsys vfs.FS, name, data string) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, data); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOtherFileSystemIsNotDetected(t *testing.T) {
	fsys, err := vfs.OS(t.TempDir())
	no(t, err)
	defer fsys.Close()
	if v, err := ntfs3g.Detect(fsys); v != nil || err != nil {
		t.Error("a directory on another file system is taken for ntfs-3g")
	}
	if v, err := ntfs3g.Detect(vfs.NewMem()); v != nil || err != nil {
		t.Error("a tree in memory is taken for ntfs-3g")
	}
	if _, err := ntfs3g.Detect(vfs.Fault(vfs.NewMem(), vfs.Plan{At: 1, Err: vfs.IOError})); !errors.Is(err, vfs.IOError) {
		t.Errorf("a disk that fails: %v", err)
	}
}

func TestStreamsInterface(t *testing.T) {
	for option, want := range map[string]ntfs3g.Streams{"windows": ntfs3g.StreamsWindows, "xattr": ntfs3g.StreamsXattr, "openxattr": ntfs3g.StreamsNone, "none": ntfs3g.StreamsNone} {
		t.Run(option, func(t *testing.T) {
			v, fsys := mount(t, "streams_interface="+option)
			if v.Streams() != want {
				t.Fatalf("streams are shown as %v, want %v", v.Streams(), want)
			}
			write(t, fsys, "f", "x")
			err := v.SetStream("f", "s", []byte("stream"))
			if (err == nil) != (want != ntfs3g.StreamsNone) {
				t.Errorf("write a stream: %v", err)
			}
			entries, err := fsys.ReadDir(".")
			no(t, err)
			if len(entries) != 1 {
				t.Errorf("a stream became a file: %v", entries)
			}
		})
	}
}

// descriptor is a small security descriptor: owner and group Administrators, everyone may read.
func descriptor(extra byte) []byte {
	sid := []byte{1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0}
	sd := []byte{1, 0, 4, 0x80, 20, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0}
	sd = append(append(sd, sid...), sid...)
	return append(sd, 2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, extra, 0, 0x12, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)
}

func TestAllIsKept(t *testing.T) {
	v, fsys := mount(t, "streams_interface=windows")
	write(t, fsys, "file with a long name", "contents")
	no(t, fsys.Mkdir("folder with a long name", 0o777))
	for i, name := range []string{"file with a long name", "folder with a long name"} {
		n := v.Node(name)
		sd := descriptor(byte(0x80 + i))
		times := ntfs3g.Times{Created: 0x1c0000000000001, Modified: 0x1c1000000000002, Accessed: 0x1c2000000000003}
		eas := []ntfs3g.EA{{"FIRST", 0, []byte("value")}, {"SECOND", 0x80, nil}}
		id := []byte("0123456789abcdeX")
		id[15] += byte(i)
		no(t, v.SetStream(name, "small", []byte("s")))
		no(t, v.SetStream(name, "large", bytes.Repeat([]byte("ab"), 100_000)))
		no(t, n.SetEAs(eas))
		no(t, n.SetObjectID(id))
		no(t, n.SetSecurity(sd))
		no(t, n.SetAttributes(0x3127))
		no(t, n.SetShortName("SHORT~"+string(rune('1'+i))))
		no(t, n.SetTimes(times))

		if got, err := n.Security(); err != nil || !bytes.Equal(got, sd) {
			t.Errorf("%s: security %x, %v, want %x", name, got, err, sd)
		}
		if got, err := n.Attributes(); err != nil || got&ntfs3g.Settable != 0x3127 {
			t.Errorf("%s: attributes %#x, %v", name, got, err)
		}
		got, err := n.Times()
		if times.Changed = got.Changed; err != nil || got != times {
			t.Errorf("%s: times %v, %v, want %v", name, got, err, times)
		}
		if got, err := n.ShortName(); err != nil || got != "SHORT~"+string(rune('1'+i)) {
			t.Errorf("%s: short name %q, %v", name, got, err)
		}
		if got, err := n.ObjectID(); err != nil || len(got) < 16 || !bytes.Equal(got[:16], id) {
			t.Errorf("%s: object ID %q, %v", name, got, err)
		}
		if got, err := n.EAs(); err != nil || len(got) != 2 || !slices.EqualFunc(got, eas, func(a, b ntfs3g.EA) bool {
			return a.Name == b.Name && a.Flags == b.Flags && bytes.Equal(a.Value, b.Value)
		}) {
			t.Errorf("%s: extended attributes %v, %v", name, got, err)
		}
		if got, err := v.StreamNames(name); err != nil || !slices.Equal(slices.Sorted(slices.Values(got)), []string{"large", "small"}) {
			t.Errorf("%s: streams %q, %v", name, got, err)
		}
		if got, err := n.Reparse(); err != nil || got != nil {
			t.Errorf("%s: reparse data %x, %v", name, got, err)
		}
	}
}

func TestSettingByOpenFile(t *testing.T) {
	v, fsys := mount(t, "streams_interface=windows")
	f, err := fsys.OpenFile("f", os.O_WRONLY|os.O_CREATE, 0o666)
	no(t, err)
	n := v.Open("f", f)
	_, err = f.Write(make([]byte, 10_000))
	no(t, err)
	want := ntfs3g.Times{Created: 0x1c0000000000001, Modified: 0x1c1000000000002, Accessed: 0x1c2000000000003}
	no(t, n.SetSecurity(descriptor(1)))
	no(t, n.SetAttributes(0x80))
	no(t, n.SetTimes(want))
	no(t, f.Close())
	got, err := v.Node("f").Times()
	if want.Changed = got.Changed; err != nil || got != want {
		t.Errorf("times %v, %v, want %v", got, err, want)
	}
	if got, err := v.Node("f").Attributes(); err != nil || got != 0x80 {
		t.Errorf("attributes %#x, %v", got, err)
	}
}

func TestReparsePointIsSetOnWhatWasAFile(t *testing.T) {
	v, fsys := mount(t, "streams_interface=windows")
	for _, tag := range []uint32{0xa000000c, 0x80000017, 0x42} {
		name := "f" + string(rune('a'+tag%26))
		write(t, fsys, name, "contents")
		no(t, v.SetStream(name, "s", []byte("stream")))
		body := []byte{0, 0, 2, 0, 0, 0, 2, 0, 1, 0, 0, 0, 'x', 0, 'x', 0}
		size := len(body)
		if tag&0x80000000 == 0 {
			body = append(bytes.Repeat([]byte("G"), 16), body...)
		}
		data := binary.LittleEndian.AppendUint32(nil, tag)
		data = binary.LittleEndian.AppendUint16(data, uint16(size))
		data = append(append(data, 0, 0), body...)
		n := v.Node(name)
		no(t, n.SetReparse(data))
		if info, err := fsys.Lstat(name); err != nil || info.Mode().IsRegular() {
			t.Errorf("tag %#x: the kernel says %v, %v", tag, info, err)
		}
		no(t, n.SetTimes(ntfs3g.Times{Created: 1 << 56, Modified: 1 << 56, Accessed: 1 << 56}))
		if got, err := n.Reparse(); err != nil || !bytes.Equal(got, data) {
			t.Errorf("tag %#x: reparse data %x, %v, want %x", tag, got, err, data)
		}
		if got, err := n.Attributes(); err != nil || got&0x400 == 0 {
			t.Errorf("tag %#x: attributes %#x, %v", tag, got, err)
		}
	}
	write(t, fsys, "big", "")
	if err := v.Node("big").SetReparse(make([]byte, 16<<10+1)); err == nil {
		t.Error("reparse data that is too long was taken")
	}
}

func TestShortNameOfLinkedFile(t *testing.T) {
	v, fsys := mount(t, "streams_interface=windows")
	write(t, fsys, "first name", "x")
	no(t, v.Node("first name").SetShortName("FIRST~1"))
	no(t, fsys.Link("first name", "second name"))
	if _, err := v.Node("first name").ShortName(); !errors.Is(err, ntfs3g.ErrLinked) {
		t.Errorf("short name of a file with two names: %v", err)
	}
	if err := v.Node("second name").SetShortName("SECON~1"); !errors.Is(err, ntfs3g.ErrLinked) {
		t.Errorf("set short name of a file with two names: %v", err)
	}
	if _, err := fsys.Stat("FIRST~1"); err != nil {
		t.Errorf("the short name does not open: %v", err)
	}
}

func TestStreamOfAnotherFileOfThatName(t *testing.T) {
	v, fsys := mount(t, "streams_interface=windows")
	for range 2 {
		write(t, fsys, "f", "x")
		no(t, v.SetStream("f", "s", []byte("stream")))
		no(t, fsys.Remove("f"))
	}
}

func TestStreamWithColonIsRefused(t *testing.T) {
	v, fsys := mount(t, "streams_interface=windows")
	write(t, fsys, "f", "x")
	for _, stream := range []string{"", "a:b", "a/b", "a\x00"} {
		if _, err := v.OpenStream("f", stream, os.O_WRONLY|os.O_CREATE); err == nil {
			t.Errorf("stream %q was opened", stream)
		}
	}
	small, _ := mount(t, "streams_interface=xattr")
	if _, err := small.OpenStream("f", "s", os.O_WRONLY|os.O_CREATE); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a path with a colon on a volume where that is a file: %v", err)
	}
	if err := small.SetStream("f", "s", make([]byte, ntfs3g.MaxXattrStream+1)); !errors.Is(err, syscall.E2BIG) {
		t.Errorf("a stream that is too large for an attribute: %v", err)
	}
}

func FuzzParseEAs(f *testing.F) {
	f.Add(ntfs3g.AppendEAs(nil, []ntfs3g.EA{{"NAME", 0, []byte("value")}, {"", 0x80, nil}}))
	f.Add([]byte{0, 0, 0, 0, 0, 1, 1, 0, 'N', 0, 'v'})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ntfs3g.ParseEAs(b)
		if err != nil {
			return
		}
		again, err := ntfs3g.ParseEAs(ntfs3g.AppendEAs(nil, list))
		if err != nil || !slices.EqualFunc(list, again, func(a, b ntfs3g.EA) bool {
			return a.Name == b.Name && a.Flags == b.Flags && bytes.Equal(a.Value, b.Value)
		}) {
			t.Errorf("%v, %v, want %v", again, err, list)
		}
	})
}

func TestEncryptedFiles(t *testing.T) {
	v, fsys := mount(t, "streams_interface=windows,efs_raw")
	if !v.Raw() {
		t.Fatal("efs_raw is not seen")
	}
	if plain, _ := mount(t, "streams_interface=windows"); plain.Raw() {
		t.Fatal("efs_raw is seen where it is not")
	}
	info := make([]byte, 600)
	binary.LittleEndian.PutUint32(info, 600)
	for i, size := range []int{0, 1, 511, 512, 513, 4096, 70_000, 131_072 - 1} { // some end with a cluster
		name := string(rune('a' + i))
		contents := bytes.Repeat([]byte(name), size)
		no(t, ntfstest.Encrypt(fsys, name, contents, map[string][]byte{"s": contents}, info))
		no(t, v.Node(name).SetEFSInfo(info)) // again
		if got, err := v.Node(name).EFSInfo(); err != nil || !bytes.Equal(got, info) {
			t.Errorf("%d bytes: info %x, %v", size, got, err)
		}
		for _, stream := range []string{"", "s"} {
			path := strings.TrimSuffix(name+":"+stream, ":")
			stat, err := fsys.Lstat(path)
			no(t, err)
			if got, err := v.RawSize(name, stream, stat.Size()); err != nil || got != int64(size) {
				t.Errorf("%d bytes: stream %q has %d, %v", size, stream, got, err)
			}
			b := make([]byte, size)
			f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
			no(t, err)
			if _, err := f.ReadAt(b, 0); err != nil || !bytes.Equal(b, contents) {
				t.Errorf("%d bytes: stream %q reads differently: %v", size, stream, err)
			}
			no(t, f.Close())
		}
	}
	write(t, fsys, "odd", "no unit")
	if _, err := v.RawSize("odd", "", 7); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a file of 7 bytes: %v", err)
	}
	other := append(bytes.Clone(info), 0)
	binary.LittleEndian.PutUint32(other, 601)
	if err := v.Node("b").SetEFSInfo(other); err == nil {
		t.Error("an encrypted file was given to others")
	}
}
