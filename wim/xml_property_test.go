package wim

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// strangeXML has what this package knows nothing of.
const strangeXML = `<IMAGE INDEX="3" odd="a&amp;&quot;b"><NAME>old &lt;name&gt;</NAME><x:OWN xmlns:x="urn:y"><![CDATA[<raw>]]>&#228;</x:OWN>` +
	`<WINDOWS><ARCH>9</ARCH><LANGUAGES><LANGUAGE>en-US</LANGUAGE><LANGUAGE>de-DE</LANGUAGE><DEFAULT>en-US</DEFAULT></LANGUAGES></WINDOWS>` +
	`<EMPTY/><CREATIONTIME><HIGHPART>0x01D00000</HIGHPART><LOWPART>0x00000005</LOWPART></CREATIONTIME><TOTALBYTES> 12 </TOTALBYTES></IMAGE>`

func strangeInfo(t *testing.T) ImageInfo {
	t.Helper()
	images := make([]ImageInfo, 3)
	if err := parseXML([]byte("<WIM>"+strangeXML+"</WIM>"), images); err != nil {
		t.Fatal(err)
	}
	images[2].Index = 3
	return images[2]
}

func TestPropertiesByPath(t *testing.T) {
	m := strangeInfo(t)
	for path, want := range map[string]string{
		"NAME": "old <name>", "WINDOWS/ARCH": "9", "WINDOWS/LANGUAGES/LANGUAGE": "en-US", "WINDOWS/LANGUAGES/LANGUAGE[2]": "de-DE",
		"x:OWN": "<raw>ä", "EMPTY": "", "WINDOWS": "", "CREATIONTIME/HIGHPART": "0x01D00000", "TOTALBYTES": " 12 ",
	} {
		if got, ok := m.Property(path); got != want || !ok {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
	for _, path := range []string{"", "NOT", "WINDOWS/LANGUAGES/LANGUAGE[3]", "NAME[0]", "NAME[x]", "NAME[1", "a b", "/NAME", "NAME/", strings.Repeat("a/", 70) + "a"} {
		if got, ok := m.Property(path); ok {
			t.Errorf("%q: %q", path, got)
		}
	}
}

func TestPropertiesAreSetAndTheRestIsKept(t *testing.T) {
	m := strangeInfo(t)
	for _, p := range []struct{ path, value string }{
		{"NAME", "new & näme"},
		{"DESCRIPTION", "d"},
		{"WINDOWS/VERSION/BUILD", "19041"},
		{"WINDOWS/LANGUAGES/LANGUAGE[2]", ""},
		{"WINDOWS/LANGUAGES/LANGUAGE[2]", "fr-FR"},
		{"WINDOWS/LANGUAGES/LANGUAGE[3]", "a\"b"},
		{"GONE/x", ""},
		{"EMPTY", ""},
	} {
		if err := m.SetProperty(p.path, p.value); err != nil {
			t.Fatal(p.path, err)
		}
		if got, _ := m.Property(p.path); got != p.value {
			t.Errorf("%s is %q", p.path, got)
		}
	}
	if m.Name != "new & näme" || m.Description != "d" || m.Index != 3 || m.TotalBytes != 12 || m.Created != 0x01d0000000000005 {
		t.Errorf("%+v", m)
	}
	m.Modified, m.Description = 7, ""
	out, err := encodeXML([]ImageInfo{{}, {}, m}, []byte(`<WIM v="1&gt;"><IMAGE INDEX="1"/><ESD><KEY>&amp;k</KEY></ESD><TOTALBYTES>1</TOTALBYTES></WIM>`), 4711)
	if err != nil {
		t.Fatal(err)
	}
	text := decodeUTF16(out)
	for _, want := range []string{
		`<WIM v="1&gt;">`, `<ESD><KEY>&amp;k</KEY></ESD><TOTALBYTES>4711</TOTALBYTES></WIM>`, `<IMAGE INDEX="3" odd="a&amp;&quot;b"><NAME>new &amp; näme</NAME>`,
		`<x:OWN xmlns:x="urn:y">&lt;raw&gt;ä</x:OWN>`, `<LANGUAGE>en-US</LANGUAGE><DEFAULT>en-US</DEFAULT><LANGUAGE>fr-FR</LANGUAGE><LANGUAGE>a"b</LANGUAGE>`,
		`<BUILD>19041</BUILD>`, `<TOTALBYTES> 12 </TOTALBYTES><LASTMODIFICATIONTIME><HIGHPART>0x00000000</HIGHPART><LOWPART>0x00000007</LOWPART>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if strings.Contains(text, "DESCRIPTION") || strings.Contains(text, "EMPTY") {
		t.Errorf("removed elements are in %s", text)
	}
	for path, value := range map[string]string{
		"WINDOWS": "x", "WINDOWS/LANGUAGES/LANGUAGE[9]": "x", "NAME": "a\x01b", "A B": "x", "DESCRIPTION": "\xff",
	} {
		before := fmt.Sprint(m)
		if err := m.SetProperty(path, value); err == nil || before != fmt.Sprint(m) {
			t.Errorf("%s=%q: %v", path, value, err)
		}
	}
}

func TestDescriptionsHaveBounds(t *testing.T) {
	for name, text := range map[string]string{
		"deep":  "<IMAGE>" + strings.Repeat("<a>", 70) + strings.Repeat("</a>", 70) + "</IMAGE>",
		"many":  "<IMAGE>" + strings.Repeat("<a/>", maxXMLElements) + "</IMAGE>",
		"two":   "<IMAGE/><IMAGE/>",
		"none":  "text",
		"cross": "<IMAGE><a></IMAGE></a>",
		"bomb":  `<!DOCTYPE a [<!ENTITY x "y">]><IMAGE>&x;</IMAGE>`,
	} {
		m := ImageInfo{RawXML: []byte(text)}
		if err := m.SetProperty("NAME", "x"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What is parsed and written is the same when it is parsed again, and has what it had.
func FuzzXMLWritten(f *testing.F) {
	f.Add([]byte("<WIM>"+strangeXML+"</WIM>"), "WINDOWS/LANGUAGES/LANGUAGE[2]", "x")
	f.Add([]byte(`<WIM a="b"><IMAGE INDEX="1"><NAME>n</NAME></IMAGE><TOTALBYTES>5</TOTALBYTES></WIM>`), "NAME", "")
	f.Fuzz(func(t *testing.T, text []byte, path, value string) {
		images := make([]ImageInfo, 3)
		if parseXML(text, images) != nil {
			return
		}
		out, err := encodeXML(images, text, 1)
		if err != nil {
			return
		}
		again := make([]ImageInfo, 3)
		written := []byte(strings.TrimPrefix(decodeUTF16(out), "\ufeff"))
		if err := parseXML(written, again); err != nil {
			t.Fatalf("%v: %q", err, written)
		}
		for i := range images {
			a, b := images[i], again[i]
			if !sameFields(a, b) {
				t.Fatalf("%+v became %+v", a, b)
			}
			if err := b.SetProperty(path, value); err == nil {
				if got, ok := b.Property(path); value != "" && (got != value || !ok) {
					t.Fatalf("%q is %q, not %q", path, got, value)
				}
			}
		}
		twice, err := encodeXML(again, written, 1)
		if err != nil || !bytes.Equal(twice, out) {
			t.Fatalf("%v: written again it differs:\n%s\n%s", err, written, decodeUTF16(twice))
		}
	})
}

func sameFields(a, b ImageInfo) bool {
	a.Index, a.RawXML, b.Index, b.RawXML = 0, nil, 0, nil
	return fmt.Sprint(a) == fmt.Sprint(b)
}
