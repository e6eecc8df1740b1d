package wim

// ImageInfo is what the XML says of one image.
type ImageInfo struct {
	Index         int // 1-based
	Name          string
	Description   string
	DirCount      int64
	FileCount     int64
	TotalBytes    int64
	HardLinkBytes int64
	Created       Filetime
	Modified      Filetime
	RawXML        []byte // the IMAGE element as it stands in the file, in UTF-8
}
