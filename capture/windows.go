package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wimcast/wimcast/internal/regf"
	"github.com/wimcast/wimcast/wim"
)

// property is a value for the XML of an image, by the path of its element below IMAGE.
type property struct{ path, value string }

// maxText bounds a value that comes from a registry, in bytes.
const maxText = 1 << 10

// windows gathers what the tree tells of the Windows that is installed in it: the properties that Microsoft's tools and wimlib-imagex give an image.
// The tree of another system has none. What is there but cannot be read is told to warn.
type windows struct {
	find   func(names ...string) *wim.Dentry // as findFold, from the root
	system []string                          // path of the folder System32
	warn   func(path, what string)
	props  []property
}

// windowsProperties returns the properties of the Windows in an image that was scanned, in which find finds files.
func windowsProperties(find func(names ...string) *wim.Dentry, warn func(path, what string)) []property {
	for _, root := range []string{"Windows", "WINNT"} {
		w := &windows{find: find, system: []string{root, "System32"}, warn: warn}
		if find(w.system...) == nil {
			continue
		}
		w.set("WINDOWS/SYSTEMROOT", strings.ToUpper(root))
		found := w.machine()
		found = w.hive("SOFTWARE", w.software) || found
		found = w.hive("SYSTEM", w.controlSet) || found
		if found {
			return w.products()
		}
	}
	return nil
}

// findFold returns the dentry at a path, without case.
func findFold(d *wim.Dentry, names ...string) *wim.Dentry {
	for _, name := range names {
		var next *wim.Dentry
		for _, c := range d.Children {
			if c.Name == name || next == nil && strings.EqualFold(c.Name, name) {
				next = c
			}
		}
		if d = next; d == nil {
			return nil
		}
	}
	return d
}

// set notes a property that has a value fit for XML.
func (w *windows) set(path, value string) {
	bad := func(r rune) bool { return unicode.IsControl(r) || r == 0xfffe || r == 0xffff }
	if value != "" && len(value) <= maxText && utf8.ValidString(value) && !strings.ContainsFunc(value, bad) {
		w.props = append(w.props, property{path, value})
	}
}

func (w *windows) get(path string) string {
	for _, p := range w.props {
		if p.path == path {
			return p.value
		}
	}
	return ""
}

// products adds the properties that repeat others, for tools that list images.
func (w *windows) products() []property {
	w.set("FLAGS", w.get("WINDOWS/EDITIONID"))
	w.set("DISPLAYNAME", w.get("WINDOWS/PRODUCTNAME"))
	w.set("DISPLAYDESCRIPTION", w.get("WINDOWS/PRODUCTNAME"))
	return w.props
}

// content opens a file below System32. It is nil when there is none.
func (w *windows) content(names ...string) (io.ReadCloser, int64, error) {
	d := w.find(append(slices.Clip(w.system), names...)...)
	if d == nil || d.IsDir() {
		return nil, 0, nil
	}
	for _, s := range d.Streams {
		if s.Kind == wim.StreamData && s.Source != nil {
			r, err := s.Source.Open()
			return r, s.Source.Size(), err
		}
	}
	return nil, 0, nil
}

// architectures maps machine types of PE files to the numbers that images have.
var architectures = map[uint16]int{0x014c: 0, 0x01c0: 5, 0x01c2: 5, 0x01c4: 5, 0x0200: 6, 0x8664: 9, 0xaa64: 12}

// machine finds out for what processor kernel32.dll is. It is false when there is none, or none that is a program.
func (w *windows) machine() bool {
	r, _, err := w.content("kernel32.dll")
	if r == nil && err == nil {
		return false
	}
	if err == nil {
		defer r.Close()
		b := make([]byte, 4096) // more than any header's start is into its file
		n, err := io.ReadFull(r, b)
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			arch, ok := architectures[machineType(b[:n])]
			if ok {
				w.set("WINDOWS/ARCH", strconv.Itoa(arch))
			}
			return ok
		}
	}
	w.warn("kernel32.dll", fmt.Sprintf("does not tell the processor: %v", err))
	return false
}

// machineType returns the machine type of a PE file from its first bytes, or 0.
func machineType(b []byte) uint16 {
	le := binary.LittleEndian
	if len(b) < 0x40 || string(b[:2]) != "MZ" {
		return 0
	}
	at := le.Uint32(b[0x3c:])
	if at > uint32(len(b)-6) || string(b[at:at+4]) != "PE\x00\x00" {
		return 0
	}
	return le.Uint16(b[at+4:])
}

// hive opens a registry hive and reads properties from it. It is false when there is none.
func (w *windows) hive(name string, read func(h *regf.Hive) error) bool {
	r, size, err := w.content("config", name)
	if r == nil && err == nil {
		return false
	}
	if err == nil {
		defer r.Close()
		if at, ok := r.(io.ReaderAt); ok {
			var h *regf.Hive
			if h, err = regf.Open(at, size); err == nil {
				err = read(h)
			}
		}
	}
	if err != nil && !errors.Is(err, regf.ErrNotFound) {
		w.warn(name, fmt.Sprintf("does not tell all of the Windows installation: %v", err))
	}
	return true
}

// text sets properties to strings of a key.
func (w *windows) text(k regf.Key, props ...property) error {
	for _, p := range props {
		s, err := k.Text(p.value)
		if err != nil && !errors.Is(err, regf.ErrNotFound) {
			return err
		}
		w.set(p.path, s)
	}
	return nil
}

// software reads what the hive SOFTWARE tells: edition and version.
func (w *windows) software(h *regf.Hive) error {
	k, err := h.Key(`Microsoft\Windows NT\CurrentVersion`)
	if err != nil {
		return err
	}
	err = w.text(k, property{"WINDOWS/EDITIONID", "EditionID"}, property{"WINDOWS/INSTALLATIONTYPE", "InstallationType"}, property{"WINDOWS/PRODUCTNAME", "ProductName"})
	if err != nil {
		return err
	}
	major, err1 := k.Number("CurrentMajorVersionNumber") // from Windows 10 on; the text has stood still at 6.3
	minor, err2 := k.Number("CurrentMinorVersionNumber")
	text, _ := k.Text("CurrentVersion")
	before, after, ok := strings.Cut(text, ".")
	switch {
	case err1 == nil && (err2 == nil || !ok):
		w.number("WINDOWS/VERSION/MAJOR", major)
		if err2 == nil {
			w.number("WINDOWS/VERSION/MINOR", minor)
		}
	case ok:
		w.set("WINDOWS/VERSION/MAJOR", before)
		w.set("WINDOWS/VERSION/MINOR", after)
	}
	return w.text(k, property{"WINDOWS/VERSION/BUILD", "CurrentBuild"})
}

func (w *windows) number(path string, n uint32) { w.set(path, strconv.FormatUint(uint64(n), 10)) }

// controlSet reads what the hive SYSTEM tells: service pack, product type and languages.
func (w *windows) controlSet(h *regf.Hive) error {
	current := uint32(1)
	if k, err := h.Key("Select"); err == nil {
		if n, err := k.Number("Current"); err == nil && n > 0 && n < 1000 {
			current = n
		}
	}
	control, err := h.Key(fmt.Sprintf(`ControlSet%03d\Control`, current))
	if err != nil {
		return err
	}
	for _, part := range []struct {
		path string
		read func(k regf.Key) error
	}{{"Windows", w.servicePack}, {"ProductOptions", w.product}, {`MUI\UILanguages`, w.languages}, {`Nls\Language`, w.defaultLanguage}} {
		k, err := control.Key(part.path)
		if err == nil {
			err = part.read(k)
		}
		if err != nil && !errors.Is(err, regf.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (w *windows) servicePack(k regf.Key) error {
	if n, err := k.Number("CSDBuildNumber"); err == nil {
		w.number("WINDOWS/VERSION/SPBUILD", n)
	}
	if n, err := k.Number("CSDVersion"); err == nil {
		w.number("WINDOWS/VERSION/SPLEVEL", n>>8)
	}
	return nil
}

func (w *windows) product(k regf.Key) error {
	if err := w.text(k, property{"WINDOWS/PRODUCTTYPE", "ProductType"}, property{"WINDOWS/PRODUCTSUITE", "ProductSuite"}); err != nil {
		return err
	}
	if suites, err := k.Texts("ProductSuite"); err == nil && len(suites) > 0 {
		w.set("WINDOWS/PRODUCTSUITE", suites[0])
	}
	return nil
}

// maxLanguages bounds the languages of one installation.
const maxLanguages = 256

func (w *windows) languages(k regf.Key) error {
	subs, err := k.Subkeys()
	if err != nil {
		return err
	}
	n := 0
	for _, s := range subs[:min(len(subs), maxLanguages)] {
		before := len(w.props)
		w.set(fmt.Sprintf("WINDOWS/LANGUAGES/LANGUAGE[%d]", n+1), s.Name())
		n += len(w.props) - before
	}
	return nil
}

func (w *windows) defaultLanguage(k regf.Key) error {
	s, err := k.Text("InstallLanguage")
	if err != nil {
		return err
	}
	if id, err := strconv.ParseUint(s, 16, 16); err == nil {
		w.set("WINDOWS/LANGUAGES/DEFAULT", languageNames[uint16(id)])
	}
	return nil
}

// isHive reports whether the file at a path of an image is one that windowsProperties reads.
func isHive(path []string) bool {
	return len(path) == 4 && strings.EqualFold(path[2], "config") && strings.EqualFold(path[1], "System32") ||
		len(path) == 3 && strings.EqualFold(path[2], "kernel32.dll")
}
