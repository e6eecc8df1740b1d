//go:build !linux

package vfs

import "errors"

// Fsetxattr sets an extended attribute of an open file. There is none on this system: the error is errors.ErrUnsupported.
func Fsetxattr(File, string, []byte) error { return errors.ErrUnsupported }
