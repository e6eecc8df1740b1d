// Package device is what a raw disk image is written to: a block device, or a file that stands for
// one.
//
// Start with [Open], which refuses what must not be written over before it touches anything: a
// device that is mounted, is used for swapping or by another driver (LVM, RAID, encryption), is
// the running system's or is read-only. [Target.Holds] says what is on it, and [Target.Fits]
// whether there is room. A Target is a disk.Output: chunks are written to it at their places, in
// any order.
//
// What is in use is read from sysfs and procfs, and the kernel is asked as well: a device is opened
// exclusively. So devices are written on Linux only; files everywhere.
package device
