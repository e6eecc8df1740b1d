package ntfstest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/vfs"
)

// FillOptions says what Fill leaves out.
type FillOptions struct {
	Files        int  // how many entries to make, at least
	NoEAs        bool // extended attributes
	NoHeld       bool // contents and named streams of reparse points
	NoCompressed bool // compressed directories and files
	NoTwins      bool // contents that two streams of a file have in common
	LinksShort   bool // short names of files with several long names

	Encrypted bool // makes encrypted files and directories too; the volume must be mounted with efs_raw
}

// filler fills a volume.
type filler struct {
	t    testing.TB
	rng  *rand.Rand
	fsys vfs.FS
	v    *ntfs3g.Volume
	opts FillOptions

	dirs     []string
	contents [][]byte
	used     [][]byte // of the file that is made
	made     int
}

// Fill makes a random tree with all that NTFS knows below dir, which lies on a volume with streams_interface=windows.
func Fill(t testing.TB, dir string, rng *rand.Rand, opts FillOptions) {
	t.Helper()
	fsys, err := vfs.OS(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	v, err := ntfs3g.Detect(fsys)
	if err != nil || v == nil || v.Streams() != ntfs3g.StreamsWindows {
		t.Fatalf("%s is not on a volume with streams_interface=windows", dir)
	}
	f := &filler{t: t, rng: rng, fsys: fsys, v: v, opts: opts, dirs: []string{"."}, contents: [][]byte{nil, []byte("x")}}
	for f.made < opts.Files {
		f.entry()
	}
	for i := len(f.dirs) - 1; i > 0; i-- { // deepest last made; their times last
		f.details(f.dirs[i], true, true)
	}
	f.details(".", true, false)
}

func (f *filler) no(what string, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatalf("%s: %v", what, err)
	}
}

// one reports true with a probability of 1 in n.
func (f *filler) one(n int) bool { return f.rng.IntN(n) == 0 }

// name makes a new name in some directory.
func (f *filler) name() string {
	f.made++
	words := []string{"file", "Büro", "long name with spaces", "x", "données", "𝄞clef", "UPPER", "a.b.c"}
	name := fmt.Sprintf("%s %d%s", words[f.rng.IntN(len(words))], f.made, []string{"", ".txt", ".Dll", ".jpeg"}[f.rng.IntN(4)])
	if dir := f.dirs[f.rng.IntN(len(f.dirs))]; dir != "." {
		return dir + "/" + name
	}
	return name
}

func (f *filler) entry() {
	name := f.name()
	f.used = nil
	switch f.rng.IntN(8) {
	case 0:
		f.no(name, f.fsys.Mkdir(name, 0o777))
		if f.one(3) && !f.opts.NoCompressed {
			f.no(name, f.v.Node(name).SetAttributes(0x800))
		} else if f.encrypts(name) {
			f.no(name, f.v.Node(name).SetEFSInfo(f.efsInfo()))
		}
		f.dirs = append(f.dirs, name)
	case 1:
		f.point(name)
	default:
		f.file(name)
		links := 0
		if f.one(6) {
			links = 1 + f.rng.IntN(3)
		}
		f.details(name, false, links == 0 || f.opts.LinksShort)
		for range links {
			f.no(name, f.fsys.Link(name, f.name()))
		}
	}
}

// content returns some bytes, often those of an earlier file.
func (f *filler) content() []byte {
	if f.one(3) {
		old := f.contents[f.rng.IntN(len(f.contents))]
		if f.opts.NoTwins && slices.ContainsFunc(f.used, func(b []byte) bool { return bytes.Equal(b, old) }) {
			old = nil
		}
		f.used = append(f.used, old)
		return old
	}
	size := []int{0, 10, 700, 5000, 70_000, 400_000}[f.rng.IntN(6)]
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(f.rng.IntN(1 << (1 + f.made%8)))
	}
	f.contents, f.used = append(f.contents, b), append(f.used, b)
	return b
}

// encrypts reports whether something is to be encrypted. What is in a compressed directory cannot be.
func (f *filler) encrypts(name string) bool {
	if !f.opts.Encrypted {
		return false
	}
	a, err := f.v.Node(path.Dir(name)).Attributes()
	f.no(name, err)
	return a&0x800 == 0 && f.one(3)
}

func (f *filler) file(name string) {
	if f.encrypts(name) {
		f.no(name, Encrypt(f.fsys, name, f.content(), map[string][]byte{"s": f.content(), "größe": f.content()}, f.efsInfo()))
		return
	}
	out, err := f.fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	f.no(name, err)
	if f.one(10) { // sparse: with a hole at the end
		f.no(name, out.Truncate(int64(100_000+f.rng.IntN(900_000))))
		_, err = out.WriteAt([]byte("somewhere"), int64(f.rng.IntN(50_000)))
	} else {
		_, err = out.Write(f.content())
	}
	f.no(name, errors.Join(err, out.Close()))
	f.streams(name)
}

func (f *filler) streams(name string) {
	if !f.one(4) {
		return
	}
	for i := range 1 + f.rng.IntN(3) {
		f.no(name, f.v.SetStream(name, []string{"Zone.Identifier", "größe", "s"}[i], f.content()))
	}
}

// details sets everything that is not contents, the times last.
func (f *filler) details(name string, dir, short bool) {
	n := f.v.Node(name)
	if dir && name != "." {
		f.streams(name)
	}
	if f.one(3) {
		f.no(name, n.SetSecurity(descriptor(f.rng)))
	}
	if f.one(6) {
		f.no(name, n.SetObjectID(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, f.rng.Uint64()), f.rng.Uint64())))
	}
	if f.one(6) && !f.opts.NoEAs {
		f.no(name, n.SetEAs([]ntfs3g.EA{{Name: "EA.ONE", Value: f.content()[:0]}, {Name: "TWO", Flags: 0x80, Value: []byte("value")}}))
	}
	if f.one(2) {
		a := f.rng.Uint32() & ntfs3g.Settable
		if dir {
			now, err := n.Attributes()
			f.no(name, err)
			a |= now & 0x800
		}
		f.no(name, n.SetAttributes(a))
	}
	if short && f.one(3) {
		f.no(name, n.SetShortName(fmt.Sprintf("S%05d~1.%c", f.made, 'A'+rune(f.rng.IntN(26)))))
		f.made++ // short names are made of it
	}
	if f.one(2) {
		f.no(name, n.SetTimes(f.times()))
	}
}

func (f *filler) times() ntfs3g.Times {
	at := func() uint64 { return 116444736000000000 + f.rng.Uint64N(1<<54) }
	return ntfs3g.Times{Created: at(), Modified: at(), Accessed: at()}
}

// point makes a reparse point: a symbolic link to a file or directory, a junction, or one of a tag that nobody knows.
func (f *filler) point(name string) {
	dir := f.one(2)
	if dir {
		f.no(name, f.fsys.Mkdir(name, 0o777))
	} else {
		out, err := f.fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		f.no(name, err)
		if f.one(2) && !f.opts.NoHeld {
			_, err = out.Write(f.content())
		}
		f.no(name, errors.Join(err, out.Close()))
	}
	if !f.opts.NoHeld {
		f.streams(name)
	}
	n := f.v.Node(name)
	f.no(name, n.SetReparse(f.reparse(dir)))
	if f.one(2) {
		f.no(name, n.SetSecurity(descriptor(f.rng)))
	}
	if f.one(2) {
		f.no(name, n.SetAttributes(f.rng.Uint32()&ntfs3g.Settable))
	}
	f.no(name, n.SetTimes(f.times()))
}

func (f *filler) reparse(dir bool) []byte {
	le := binary.LittleEndian
	utf16le := func(s string) (b []byte) {
		for _, u := range utf16.Encode([]rune(s)) {
			b = le.AppendUint16(b, u)
		}
		return b
	}
	target := utf16le(fmt.Sprintf(`dir\target %d`, f.made))
	var tag uint32
	var data []byte
	switch kind := f.rng.IntN(4); {
	case kind == 0 && dir:
		tag = 0xa0000003
		target = utf16le(fmt.Sprintf(`\??\C:\Users\%d`, f.made))
		for _, v := range []int{0, len(target), len(target) + 2, 0} {
			data = le.AppendUint16(data, uint16(v))
		}
		data = append(append(data, target...), 0, 0, 0, 0)
	case kind < 2:
		tag = 0xa000000c
		for _, v := range []int{0, len(target), len(target), len(target)} {
			data = le.AppendUint16(data, uint16(v))
		}
		data = append(append(le.AppendUint32(data, 1), target...), target...)
	case kind == 2:
		tag = 0x80000017
		data = []byte(strings.Repeat("data", 1+f.rng.IntN(100)))
	default:
		tag = 0x99
		data = append(bytes.Repeat([]byte{7}, 16), "of a third party"...)
	}
	size := len(data)
	if tag>>31 == 0 {
		size -= 16
	}
	b := le.AppendUint16(le.AppendUint32(nil, tag), uint16(size))
	return append(append(b, 0, 0), data...)
}

// descriptor makes a security descriptor: owner, group, some entries, and now and then a mandatory label.
func descriptor(rng *rand.Rand) []byte {
	le := binary.LittleEndian
	sid := func(subs ...uint32) []byte {
		b := []byte{1, byte(len(subs)), 0, 0, 0, 0, 0, 5}
		for _, s := range subs {
			b = le.AppendUint32(b, s)
		}
		return b
	}
	installer := sid(80, 956008885, 3418522649, 1831038044, 1853292631, 2271478464)
	who := [][]byte{installer, sid(18), sid(32, 544), sid(32, 545), sid(11), sid(21, 1, 2, 3, 500+rng.Uint32N(4))}
	acl := func(kind byte, entries [][]byte, mask func() uint32) []byte {
		b := []byte{2, 0, 0, 0, byte(len(entries)), 0, 0, 0}
		for _, e := range entries {
			b = append(b, kind, byte(rng.IntN(4)))
			b = le.AppendUint16(b, uint16(8+len(e)))
			b = append(le.AppendUint32(b, mask()), e...)
		}
		le.PutUint16(b[2:], uint16(len(b)))
		return b
	}
	control := uint16(0x8004)
	owner, group := who[rng.IntN(len(who))], who[rng.IntN(len(who))]
	dacl := acl(0, who[:1+rng.IntN(len(who))], func() uint32 { return rng.Uint32() & 0x1f01ff })
	var sacl []byte
	if rng.IntN(3) == 0 {
		control |= 0x10
		label := []byte{1, 1, 0, 0, 0, 0, 0, 16, 0, 0x10, 0, 0}
		sacl = acl(0x11, [][]byte{label}, func() uint32 { return 1 })
	}
	b := le.AppendUint16([]byte{1, 0}, control)
	at := uint32(20)
	for _, part := range [][]byte{owner, group, sacl, dacl} {
		if part == nil {
			b = le.AppendUint32(b, 0)
			continue
		}
		b = le.AppendUint32(b, at)
		at += uint32(len(part))
	}
	return bytes.Join([][]byte{b, owner, group, sacl, dacl}, nil)
}

// efsInfo makes what says who may decrypt a file, as far as ntfs-3g looks at it.
func (f *filler) efsInfo() []byte {
	info := make([]byte, 600+f.rng.IntN(100))
	for i := range info {
		info[i] = byte(f.rng.Uint32())
	}
	binary.LittleEndian.PutUint32(info, uint32(len(info)))
	return info
}

// Encrypt makes an encrypted file with streams, on a volume that is mounted with efs_raw. What it writes is told as the encrypted contents.
func Encrypt(fsys vfs.FS, name string, data []byte, streams map[string][]byte, info []byte) error {
	v, err := ntfs3g.Detect(fsys)
	if err != nil || v == nil || !v.Raw() {
		return fmt.Errorf("not on a volume with efs_raw: %w", errors.Join(err, errors.ErrUnsupported))
	}
	out, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = out.Write(roundUp(data))
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	for stream, data := range streams {
		if err := v.SetStream(name, stream, roundUp(data)); err != nil {
			return err
		}
	}
	return v.Node(name).SetEFSInfo(info)
}

// roundUp returns contents as such a volume takes them.
func roundUp(data []byte) []byte {
	if len(data) == 0 {
		return nil
	}
	n := -len(data) & 511
	return binary.LittleEndian.AppendUint16(append(bytes.Clone(data), bytes.Repeat([]byte{0xee}, n)...), uint16(n))
}
