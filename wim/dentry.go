package wim

// Attributes of a dentry that have a meaning here.
const (
	AttrReadOnly  = 0x1
	AttrHidden    = 0x2
	AttrSystem    = 0x4
	AttrDirectory = 0x10
	AttrArchive   = 0x20
	AttrNormal    = 0x80
	AttrReparse   = 0x400
	AttrEncrypted = 0x4000
)

// Reparse tags.
const (
	TagSymlink   = 0xa000000c
	TagMountTree = 0xa0000003 // junction
)

// StreamKind says what a stream of a dentry holds.
type StreamKind uint8

// The kinds of stream.
const (
	StreamData    StreamKind = iota // the file's contents
	StreamReparse                   // reparse data, without its 8-byte header
	StreamNamed                     // an alternate data stream
	StreamRaw                       // the raw encrypted form of an encrypted file
)

// Stream is one stream of a dentry. A zero hash means that it is empty.
type Stream struct {
	Kind StreamKind
	Name string
	Hash SHA1
}

// Dentry is one name in an image's tree.
//
// Names are UTF-8; an unpaired surrogate is kept as the three bytes that encode it (WTF-8).
type Dentry struct {
	Name, ShortName             string
	Attributes                  uint32
	SecurityID                  int32 // index into Image.Security; -1: none
	Created, Accessed, Modified Filetime
	Streams                     []Stream // unnamed ones first, then named ones in stored order
	HardLink                    uint64   // group of names of one file; 0: the only name
	ReparseTag                  uint32   // of a dentry with AttrReparse
	ReparseReserved             uint16
	ReparseFlags                uint16
	Tagged                      []byte // tagged items, as stored
	Parent                      *Dentry
	Children                    []*Dentry // in stored order
}

// IsDir reports whether d is a directory (which may also be a reparse point).
func (d *Dentry) IsDir() bool { return d.Attributes&AttrDirectory != 0 }

// IsReparse reports whether d is a reparse point, such as a symbolic link.
func (d *Dentry) IsReparse() bool { return d.Attributes&AttrReparse != 0 }

// IsSymlink reports whether d is a symbolic link.
func (d *Dentry) IsSymlink() bool { return d.IsReparse() && d.ReparseTag == TagSymlink }

// Data gives the hash of the file's contents; zero when it has none.
func (d *Dentry) Data() SHA1 { return d.stream(StreamData) }

// Reparse gives the hash of the reparse data; zero when it has none.
func (d *Dentry) Reparse() SHA1 { return d.stream(StreamReparse) }

func (d *Dentry) stream(k StreamKind) SHA1 {
	for _, s := range d.Streams {
		if s.Kind == k {
			return s.Hash
		}
	}
	return SHA1{}
}

// Path gives the names from the root to d joined by slashes, without a leading one; "" for the root.
func (d *Dentry) Path() string { return "" }

// Unix gives owner and mode, if they were captured.
func (d *Dentry) Unix() (UnixData, bool) { return UnixData{}, false }

// UnixData is what a capture with UnixData keeps of a file beyond what Windows knows.
type UnixData struct {
	UID, GID, Mode, Rdev uint32 // Mode is st_mode, with the file type
}

// Symlink is the target of a symbolic link or junction.
type Symlink struct {
	Target   string // with slashes, as a POSIX system wants it; a leading "C:" has been cut
	Relative bool
}

// ParseSymlink reads the reparse data of a symbolic link or junction, as a Reader gives it.
func ParseSymlink(tag uint32, data []byte) (Symlink, error) {
	return Symlink{}, unsupportedf("parse symlink")
}
