package main

import (
	"errors"
	"io/fs"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/content/device"
)

// deployHint attaches what can be done about a failed deploy.
func deployHint(err error) error {
	for _, known := range []struct {
		cause error
		hint  string
	}{
		{content.ErrNotToDisk, "say --target DIR in place of --disk"},
		{content.ErrNotToDir, "say --disk DEVICE, or --disk FILE for a file; 'wimcast get NAME -o FILE' receives it as it is"},
		{device.ErrSystem, "start this computer from something else first, a USB stick or the network, or name another disk"},
		{device.ErrMounted, "unmount it first (umount), if it is the right disk; 'lsblk' shows what is where"},
		{device.ErrInUse, "stop what uses it first (swapoff, vgchange, mdadm, losetup), if it is the right disk; 'lsblk' shows what is where"},
		{device.ErrReadOnly, "take the write protection off (a switch, or blockdev), or name another disk"},
		{device.ErrTooSmall, "name a larger disk"},
		{device.ErrHolds, "say --overwrite if all that is on it may go; 'lsblk -f' shows what that is"},
		{device.ErrNoDevice, "name a block device such as /dev/sdb, or a file in a folder that is there"},
		{content.ErrReadBack, "look at the system log, and replace the disk if it happens again; the same command goes on where it stopped"},
		{content.ErrNoFile, "a file would come in its place: move it away, or name another --target"},
		{fs.ErrExist, "say --overwrite to write over it, or name another --target"},
	} {
		if errors.Is(err, known.cause) {
			return ui.WithHint(err, "%s", known.hint)
		}
	}
	return receptionHint(err)
}
