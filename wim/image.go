package wim

// Image is the tree of one image.
type Image struct {
	Info     ImageInfo
	Security [][]byte // security descriptors, as stored
	Root     *Dentry
}

// Walk calls fn for every dentry, parents before children, siblings in stored order, until fn gives an error.
func (m *Image) Walk(fn func(*Dentry) error) error { return nil }

// HardLinks gives the groups of two or more names of one file, each in Walk order, groups in order of their first name.
// Names that share a group number but not their streams are different files, and not grouped.
func (m *Image) HardLinks() [][]*Dentry { return nil }

// Rules says what CheckTree lets pass. The zero value is the strictest: only what every Windows and POSIX file system can hold.
type Rules struct {
	AllowCaseClash    bool // siblings whose names differ only in case: legal on POSIX, lost on Windows
	AllowWindowsNames bool // names that Windows takes for something else: CON, a:b, "x.", with backslash or control characters
}

// CheckTree refuses an image that could write outside a target or clobber itself. Image has already refused what no file
// system can hold (empty names, ".", "..", "/", NUL, equal siblings, children of a file); this adds names and clashes by rules,
// and children under a reparse point whatever the rules.
func CheckTree(m *Image, rules Rules) error { return unsupportedf("check tree") }
