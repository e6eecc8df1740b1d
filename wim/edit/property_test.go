package edit

import (
	"bytes"
	"strings"
	"testing"
)

func TestPropertyIsSet(t *testing.T) {
	const image = `<IMAGE INDEX="1"><NAME>a &amp; b</NAME><X a="1"/><W><V><M>6</M></V><L>x</L><L>y</L></W><!-- kept --></IMAGE>`
	for _, c := range []struct{ property, old, want string }{
		{"NAME=c <d>", "<NAME>a &amp; b</NAME>", "<NAME>c &lt;d&gt;</NAME>"},
		{"W/V/M=10", "<M>6</M>", "<M>10</M>"},
		{"W/V/N=0", "<M>6</M>", "<M>6</M><N>0</N>"},
		{"W/L[2]=z", "<L>y</L>", "<L>z</L>"},
		{"W/L[3]=z", "<L>y</L>", "<L>y</L><L>z</L>"},
		{"W/L=z", "<L>x</L>", "<L>z</L>"},
		{"X=1", `<X a="1"/>`, `<X a="1">1</X>`},
		{"X/Y/Z=1", `<X a="1"/>`, `<X a="1"><Y><Z>1</Z></Y></X>`},
		{"Q/R[1]=1", "<!-- kept -->", "<!-- kept --><Q><R>1</R></Q>"},
		{"W/V=", "<V><M>6</M></V>", ""},
		{"X=", `<X a="1"/>`, ""},
		{"Q=", "<!-- kept -->", "<!-- kept -->"},
	} {
		p, err := ParseProperty(c.property)
		must(t, err)
		got, err := p.Set([]byte(image))
		must(t, err)
		if want := strings.Replace(image, c.old, c.want, 1); string(got) != want {
			t.Errorf("%s gives\n%s, want\n%s", c.property, got, want)
		}
	}
}

func TestWrongPropertiesAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "A", "=B", "/X=1", "X/=1", "X//Y=1", "a b=1", "@INDEX=7", "X[0]=1", "X[]=1", "X[1=1", "X[1]y=1", "X[-1]=1", "X[99999999999]=1",
		"1X=1", "X=\x01", "X=\xff", "X=" + strings.Repeat("y", maxPropertyValue+1), strings.Repeat("X/", maxPropertyDepth) + "X=1",
	} {
		if p, err := ParseProperty(s); err == nil {
			t.Errorf("%.40q passes as %+v", s, p)
		}
	}
	for _, s := range []string{"W/L[3]=x", "Q[2]=x", "Q/R[2]=x"} {
		p, err := ParseProperty(s)
		must(t, err)
		if got, err := p.Set([]byte(`<IMAGE><W><L/></W></IMAGE>`)); err == nil {
			t.Errorf("%s gives %s", s, got)
		}
	}
}

// Whatever the XML: setting a property gives XML that can be read, in which setting it again changes nothing.
func FuzzProperty(f *testing.F) {
	f.Add([]byte(`<IMAGE INDEX="1"><NAME>a</NAME><X/></IMAGE>`), "NAME=b")
	f.Add([]byte(`<IMAGE><!-- <NAME> --><![CDATA[<X>]]><a:b c='>'/></IMAGE>`), "X/Y[1]=")
	f.Fuzz(func(t *testing.T, image []byte, property string) {
		p, err := ParseProperty(property)
		if err != nil {
			return
		}
		once, err := p.Set(image)
		if err != nil {
			return
		}
		if p.Value == "" {
			return
		}
		twice, err := p.Set(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s in %q: %q, then %q: %v", property, image, once, twice, err)
		}
	})
}
