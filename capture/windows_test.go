//go:build unix

package capture

import (
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/wimcast/wimcast/internal/regf/regftest"
	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

// peFile is the start of a program for a machine.
func peFile(machine uint16) []byte {
	b := make([]byte, 1024)
	copy(b, "MZ")
	b[0x3c] = 0x80
	copy(b[0x80:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[0x84:], machine)
	return b
}

// software and system are the registry of an installation, as far as an image tells of it.
func software() regftest.Key {
	version := regftest.Key{Name: "CurrentVersion", Values: []regftest.Value{
		{Name: "CurrentVersion", Data: "6.3"},
		{Name: "CurrentMajorVersionNumber", Data: uint32(10)},
		{Name: "CurrentMinorVersionNumber", Data: uint32(0)},
		{Name: "CurrentBuild", Data: "19041"},
		{Name: "EditionID", Data: "Professional"},
		{Name: "InstallationType", Data: "Client"},
		{Name: "ProductName", Data: "Windows 10 Pro & <more>"},
	}}
	return regftest.Key{Name: "ROOT", Keys: []regftest.Key{{Name: "Microsoft", Keys: []regftest.Key{{Name: "Windows NT", Keys: []regftest.Key{version}}}}}}
}

func system() regftest.Key {
	control := regftest.Key{Name: "Control", Keys: []regftest.Key{
		{Name: "MUI", Keys: []regftest.Key{{Name: "UILanguages", Keys: []regftest.Key{{Name: "de-DE"}, {Name: "en-US"}}}}},
		{Name: "Nls", Keys: []regftest.Key{{Name: "Language", Values: []regftest.Value{{Name: "Default", Data: "0407"}, {Name: "InstallLanguage", Data: "0409"}}}}},
		{Name: "ProductOptions", Values: []regftest.Value{{Name: "ProductSuite", Data: []string{"Terminal Server", "Blade"}}, {Name: "ProductType", Data: "WinNT"}}},
		{Name: "Windows", Values: []regftest.Value{{Name: "CSDBuildNumber", Data: uint32(1415)}, {Name: "CSDVersion", Data: uint32(0x300)}}},
	}}
	return regftest.Key{Name: "ROOT", Keys: []regftest.Key{
		{Name: "ControlSet001", Keys: []regftest.Key{control}},
		{Name: "Select", Values: []regftest.Value{{Name: "Current", Data: uint32(1)}}},
	}}
}

// installation writes a tree that looks like Windows.
func installation(t *testing.T, dir string, machine uint16, software, system regftest.Key, o regftest.Options) {
	t.Helper()
	config := filepath.Join(dir, "Windows", "System32", "config")
	must(t, os.MkdirAll(config, 0o755))
	for name, b := range map[string][]byte{"SOFTWARE": regftest.Build(software, o), "SYSTEM": regftest.Build(system, o), "../kernel32.dll": peFile(machine)} {
		must(t, os.WriteFile(filepath.Join(config, name), b, 0o644))
	}
}

// propertiesOf gives what a scan finds out about a tree, and what it warns of.
func propertiesOf(t *testing.T, dir string) (props map[string]string, told []string) {
	t.Helper()
	img, _ := scan(t, dir, Options{})
	props = make(map[string]string)
	find := func(names ...string) *wim.Dentry { return findFold(img.Root, names...) }
	for _, p := range windowsProperties(find, func(path, what string) { told = append(told, path+" "+what) }) {
		props[p.path] = p.value
	}
	return props, told
}

func TestWindowsIsDescribed(t *testing.T) {
	dir := t.TempDir()
	installation(t, dir, 0x8664, software(), system(), regftest.Options{})
	got, told := propertiesOf(t, dir)
	want := map[string]string{
		"WINDOWS/SYSTEMROOT": "WINDOWS", "WINDOWS/ARCH": "9", "WINDOWS/EDITIONID": "Professional", "WINDOWS/INSTALLATIONTYPE": "Client",
		"WINDOWS/PRODUCTNAME": "Windows 10 Pro & <more>", "WINDOWS/VERSION/MAJOR": "10", "WINDOWS/VERSION/MINOR": "0", "WINDOWS/VERSION/BUILD": "19041",
		"WINDOWS/VERSION/SPBUILD": "1415", "WINDOWS/VERSION/SPLEVEL": "3", "WINDOWS/PRODUCTTYPE": "WinNT", "WINDOWS/PRODUCTSUITE": "Terminal Server",
		"WINDOWS/LANGUAGES/LANGUAGE[1]": "de-DE", "WINDOWS/LANGUAGES/LANGUAGE[2]": "en-US", "WINDOWS/LANGUAGES/DEFAULT": "en-US",
		"FLAGS": "Professional", "DISPLAYNAME": "Windows 10 Pro & <more>", "DISPLAYDESCRIPTION": "Windows 10 Pro & <more>",
	}
	if !maps.Equal(got, want) || len(told) > 0 {
		t.Errorf("got %v, told %q", got, told)
	}
}

func TestTreesThatAreNoWindowsAreNotDescribed(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Windows", "System32", "notepad.exe"), "MZ")
	if got, told := propertiesOf(t, dir); len(got)+len(told) > 0 {
		t.Errorf("got %v, told %q", got, told)
	}
}

func TestADamagedHiveIsToldAndTheRestKept(t *testing.T) {
	dir := t.TempDir()
	installation(t, dir, 0xaa64, software(), system(), regftest.Options{})
	write(t, filepath.Join(dir, "Windows", "System32", "config", "SOFTWARE"), "no hive")
	got, told := propertiesOf(t, dir)
	if got["WINDOWS/ARCH"] != "12" || got["WINDOWS/PRODUCTTYPE"] != "WinNT" || got["WINDOWS/EDITIONID"] != "" {
		t.Errorf("got %v", got)
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "SOFTWARE ") {
		t.Errorf("told %q", told)
	}
}

// spoil leaves out some of the keys and values, and gives others new contents.
func spoil(rng *rand.Rand, k *regftest.Key) {
	var values []regftest.Value
	for _, v := range k.Values {
		switch rng.IntN(9) {
		case 0:
			continue
		case 1:
			odd := []any{"", uint32(7), uint32(0x12345), "7.1", "ü"}
			if v.Name == "CurrentBuild" || v.Name == "InstallLanguage" || v.Name == "CurrentVersion" {
				odd = odd[:3] // what wimlib-imagex makes of text that is no number is its own
			}
			v.Data = odd[rng.IntN(len(odd))]
		}
		values = append(values, v)
	}
	k.Values = values
	var keys []regftest.Key
	for _, s := range k.Keys {
		if rng.IntN(12) == 0 {
			continue
		}
		spoil(rng, &s)
		keys = append(keys, s)
	}
	k.Keys = keys
}

func TestWindowsIsDescribedAsByWimlib(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for i := range 12 {
		dir := t.TempDir()
		soft, sys := software(), system()
		if i > 0 {
			spoil(rng, &soft)
			spoil(rng, &sys)
			// wimlib-imagex always takes the first set of controls; that is a difference, and intended
			sys.Keys = append(sys.Keys[:max(0, len(sys.Keys)-1)], regftest.Key{Name: "Select", Values: []regftest.Value{{Name: "Current", Data: uint32(1)}}})
		}
		machine := []uint16{0x8664, 0x14c, 0x1c4, 0xaa64, 0x200, 7}[rng.IntN(6)]
		installation(t, dir, machine, soft, sys, regftest.Options{List: []string{"lf", "lh", "li", "ri"}[rng.IntN(4)], Wide: rng.IntN(2) == 0})
		if rng.IntN(8) == 0 {
			must(t, os.Remove(filepath.Join(dir, "Windows", "System32", []string{"kernel32.dll", "config/SOFTWARE", "config/SYSTEM"}[rng.IntN(3)])))
		}
		path := filepath.Join(t.TempDir(), "theirs.wim")
		wimtest.Wimlib(t, "capture", dir, path, "--compress=none")
		want := xmlProperties(t, []byte(wimtest.Wimlib(t, "info", path, "--xml")))
		got, _ := propertiesOf(t, dir)
		if !maps.Equal(got, want) {
			t.Fatalf("machine %#x:\n got %v\nwant %v\nof %+v\n%+v", machine, got, want, soft, sys)
		}
	}
}

// xmlProperties gives what XML in UTF-16 tells of the first image's Windows.
func xmlProperties(t *testing.T, b []byte) map[string]string {
	t.Helper()
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")))
	props, seen := make(map[string]string), make(map[string]int)
	var path []string
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return props
		}
		must(t, err)
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			if name == "LANGUAGE" {
				seen[name]++
				name += fmt.Sprintf("[%d]", seen[name])
			}
			path = append(path, name)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if len(path) > 2 && (path[2] == "WINDOWS" || path[2] == "FLAGS" || strings.HasPrefix(path[2], "DISPLAY")) {
				props[strings.Join(path[2:], "/")] += string(tok)
			}
		}
	}
}

func FuzzMachineType(f *testing.F) {
	f.Add(peFile(0x8664))
	f.Add([]byte("MZ"))
	f.Fuzz(func(t *testing.T, b []byte) { machineType(b) })
}
