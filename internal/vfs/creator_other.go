//go:build !linux

package vfs

// newCreator returns nil: there is none of this system's own.
func (f *osFS) newCreator() Creator { return nil }
