package folder

import (
	"bytes"
	"testing"
)

func FuzzKeyFile(f *testing.F) {
	f.Add(appendKeyFile(nil, testKey(4)))
	f.Fuzz(func(t *testing.T, in []byte) {
		k, err := parseKeyFile(in)
		if err != nil {
			return
		}
		if out := appendKeyFile(nil, k); !bytes.Equal(in, out) {
			t.Fatalf("parse and append changed the bytes:\n in %x\nout %x", in, out)
		}
		for n := range in {
			if _, err := parseKeyFile(in[:n]); err == nil {
				t.Fatalf("the first %d of %d bytes parse too", n, len(in))
			}
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(configText))
	f.Add([]byte("listen = \"127.0.0.1:0\"\nttl = 3\n[x]\ny=1\n"))
	f.Add([]byte("group_base = \"ff15::4200:0/104\"\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := parseConfig(in)
		if err != nil {
			return
		}
		for _, cast := range []uint32{0, 1, 255, 256, 1 << 31, 1<<32 - 1} {
			if g, err := c.Group(cast); err != nil || !g.Addr().IsMulticast() {
				t.Fatalf("cast %d in %s: group %v, %v", cast, c.GroupBase, g, err)
			}
		}
	})
}
