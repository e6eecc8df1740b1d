package ui

import (
	"errors"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/wim"
)

// WIMHint attaches what can be done about an error of package wim.
func WIMHint(err error) error {
	switch {
	case errors.Is(err, wim.ErrMissing):
		return WithHint(err, `name the other parts of the split set, or what the delta was made from: --ref="GLOB"`)
	case errors.Is(err, wim.ErrUnsupported):
		return WithHint(err, "have the program that made it make one without that")
	case errors.Is(err, wim.ErrCorrupt), errors.Is(err, wim.ErrHash):
		return WithHint(err, "the file is damaged or not a WIM file: copy it again from where it came from")
	case errors.Is(err, wim.ErrChanged):
		return WithHint(err, "capture a snapshot, or stop what writes to the tree, and run it again")
	}
	return err
}

// ApplyHint attaches what can be done about an error of package apply.
func ApplyHint(err error) error {
	switch {
	case errors.Is(err, apply.ErrNotEmpty):
		return WithHint(err, "choose an empty directory, or empty this one")
	case errors.Is(err, apply.ErrInTheWay):
		return WithHint(err, "move it away, or name another directory")
	case errors.Is(err, apply.ErrOther):
		return WithHint(err, "finish that image first, or empty the directory to give it up")
	case errors.Is(err, wim.ErrName):
		return WithHint(err, "Windows takes it for something else; this system may hold it: say --include-invalid-names. Nothing was written")
	case errors.Is(err, apply.ErrHostile):
		return WithHint(err, "do not use this image: it was not made by an ordinary capture; nothing was written")
	}
	return WIMHint(err)
}
