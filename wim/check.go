package wim

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Rules says what [Tree.Walk] lets pass. The zero value is the strictest: only what every Windows and POSIX file system can hold.
//
// A tree captured on Linux may well need both permissions when it goes back to Linux: names like "a:b" or "aux.c", and Makefile beside
// makefile, are ordinary there.
type Rules struct {
	AllowCaseClash    bool // siblings whose names differ only in case: legal on POSIX, lost on Windows
	AllowPOSIXNames   bool // names that Windows does not take, but no system takes for something else: CON, "x.", with * or control characters
	AllowWindowsNames bool // these, and names that Windows takes for a stream or a path: with colon or backslash
}

func caseClash(a, b *Dentry) error {
	return fmt.Errorf("check tree: %q and %q differ only in case: %w", a.Path(), b.Path(), ErrName)
}

// checkWindowsNames is checkWindowsName of a dentry's names.
func checkWindowsNames(d *Dentry, posix bool) error {
	for _, name := range []string{d.Name, d.ShortName} {
		if err := checkWindowsName(name, posix); err != nil {
			return fmt.Errorf("check tree: %q: %w: %w", d.Path(), err, ErrName)
		}
	}
	return nil
}

// upper returns the form by which Windows compares names. A name with an unpaired surrogate stays as it is.
func upper(name string) string {
	if !utf8.ValidString(name) {
		return name
	}
	return strings.Map(unicode.ToUpper, name)
}

// checkWindowsName refuses a name that Windows does not take as it stands; or only, if posix is set, one that it takes for a stream or a path.
func checkWindowsName(name string, posix bool) error {
	if posix && strings.ContainsAny(name, `:/\`) {
		return badName(name, "has a character that separates names on Windows")
	}
	if name == "" || posix {
		return nil
	}
	for i := range len(name) {
		if c := name[i]; c < 0x20 || strings.IndexByte(`<>:"/\|?*`, c) >= 0 {
			return badName(name, "has a character that Windows does not allow")
		}
	}
	if last := name[len(name)-1]; last == '.' || last == ' ' {
		return badName(name, "ends in a dot or a space, which Windows drops")
	}
	if isDevice(name) {
		return badName(name, "is a device on Windows")
	}
	return nil
}

// isDevice reports whether the name, up to its first dot and without trailing spaces, is one of DOS's devices.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, ok := strings.CutPrefix(base, "COM")
	if !ok {
		port, ok = strings.CutPrefix(base, "LPT")
	}
	return ok && (len(port) == 1 && port[0] >= '1' && port[0] <= '9' || port == "¹" || port == "²" || port == "³")
}
