package ui

import "github.com/wimcast/wimcast/apply"

// Applied is what an apply has done, in JSON: the same wherever an image is applied.
type Applied struct {
	Target   string     `json:"target"`
	Image    int        `json:"image"`
	Dirs     int        `json:"dirs"`
	Files    int        `json:"files"`
	Links    int        `json:"links"`
	Symlinks int        `json:"symlinks"`
	Bytes    int64      `json:"bytes"`
	Lost     apply.Lost `json:"lost"`
}

// AppliedTo says what was done when an image was applied to target.
func AppliedTo(target string, image int, r apply.Report) Applied {
	return Applied{
		Target: target, Image: image, Dirs: r.Dirs, Files: r.Files, Links: r.Links, Symlinks: r.Symlinks, Bytes: r.Bytes, Lost: r.Lost,
	}
}

// TellLost warns of what is not as in the image.
func (u *UI) TellLost(lost apply.Lost) {
	for _, line := range lost.Lines() {
		u.Warnf("not as in the image: %s", line)
	}
}
