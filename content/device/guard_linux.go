package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// kernel is where the system tells of its devices.
type kernel struct{ sys, proc string }

var host = kernel{sys: "/sys", proc: "/proc"}

// systemMounts are where the running system is.
var systemMounts = []string{"/", "/boot", "/boot/efi", "/efi", "/usr"}

// nameOf is the name that the kernel has for a device number: sda1, dm-0.
func (k kernel) nameOf(dev uint64) (string, error) {
	return k.named(fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev)))
}

func (k kernel) named(number string) (string, error) {
	to, err := os.Readlink(filepath.Join(k.sys, "dev/block", number))
	if err != nil {
		return "", fmt.Errorf("find device %s: %w", number, err)
	}
	return filepath.Base(to), nil
}

// attr is one of a device's attributes, or "".
func (k kernel) attr(name, attr string) string {
	b, err := os.ReadFile(filepath.Join(k.sys, "class/block", name, attr))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// list names what is in a directory of a device.
func (k kernel) list(name, dir string) (names []string) {
	entries, _ := os.ReadDir(filepath.Join(k.sys, "class/block", name, dir)) // a device without it has none
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// family is a device and its partitions.
func (k kernel) family(name string) []string {
	out := []string{name}
	for _, sub := range k.list(name, "") {
		if k.attr(name, sub+"/partition") != "" {
			out = append(out, sub)
		}
	}
	return out
}

// under lists a device and all that it lies on: the disk of a partition, the members of a volume, and so on.
func (k kernel) under(name string, met map[string]bool) {
	if met[name] {
		return
	}
	met[name] = true
	if k.attr(name, "partition") != "" {
		if dir, err := filepath.EvalSymlinks(filepath.Join(k.sys, "class/block", name)); err == nil {
			k.under(filepath.Base(filepath.Dir(dir)), met)
		}
	}
	for _, member := range k.list(name, "slaves") {
		k.under(member, met)
	}
}

// free refuses a device that is in use.
func (k kernel) free(name string) error {
	family := k.family(name)
	mounts, err := k.mounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if !slices.Contains(systemMounts, m.at) || m.device == "" {
			continue
		}
		system := map[string]bool{}
		k.under(m.device, system)
		if system[name] {
			return fmt.Errorf("%w: %s is on it", ErrSystem, m.at)
		}
	}
	for _, m := range mounts {
		if slices.Contains(family, m.device) {
			return fmt.Errorf("%w: %s is at %s", ErrMounted, m.device, m.at)
		}
	}
	swaps, err := k.swaps()
	if err != nil {
		return err
	}
	for _, member := range family {
		if slices.Contains(swaps, member) {
			return fmt.Errorf("%w: the system swaps to %s", ErrInUse, member)
		}
		if holders := k.list(member, "holders"); len(holders) > 0 {
			return fmt.Errorf("%w: %s is a part of %s", ErrInUse, member, k.people(holders[0]))
		}
	}
	if k.attr(name, "ro") == "1" {
		return ErrReadOnly
	}
	return nil
}

// people gives a volume the name that people know it by.
func (k kernel) people(name string) string {
	if label := k.attr(name, "dm/name"); label != "" {
		return label
	}
	return name
}

// mount is a mounted device.
type mount struct{ device, at string }

// mounts lists what is mounted (proc_pid_mountinfo(5)). Some file systems have a number of their own; then their source is their device.
func (k kernel) mounts() ([]mount, error) {
	b, err := os.ReadFile(filepath.Join(k.proc, "self/mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("see what is mounted: %w", err)
	}
	var out []mount
	for line := range strings.Lines(string(b)) {
		head, tail, _ := strings.Cut(line, " - ")
		fields, source := strings.Fields(head), strings.Fields(tail)
		if len(fields) < 5 || len(source) < 2 {
			continue
		}
		name, err := k.named(fields[2])
		if err != nil {
			name = deviceName(unescape(source[1]))
		}
		if name != "" {
			out = append(out, mount{device: name, at: unescape(fields[4])})
		}
	}
	return out, nil
}

// swaps lists the devices that are swapped to (proc_swaps(5)).
func (k kernel) swaps() (names []string, err error) {
	b, err := os.ReadFile(filepath.Join(k.proc, "swaps"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without
	}
	if err != nil {
		return nil, fmt.Errorf("see what is swapped to: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 0 {
			names = append(names, deviceName(unescape(fields[0])))
		}
	}
	return names, nil
}

// deviceName is the kernel's name of a device with that path, or "".
func deviceName(path string) string {
	if !strings.HasPrefix(path, "/dev/") {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return filepath.Base(path)
}

// unescape returns the text of a field in which spaces and such are octal.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// backs refuses a file that is the contents of a loop device.
func (k kernel) backs(path string) error {
	entries, err := os.ReadDir(filepath.Join(k.sys, "class/block"))
	if err != nil {
		return nil // no devices, no loops
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "loop") && k.attr(e.Name(), "loop/backing_file") == path {
			return fmt.Errorf("%w: it is the contents of %s", ErrInUse, e.Name())
		}
	}
	return nil
}

// serial tells a device from others: what its maker gave it, else the number of its coming, which no other gets until the next start of the
// system.
func (k kernel) serial(name string) string {
	for _, attr := range []string{"wwid", "device/wwid", "device/serial", "serial", "diskseq"} {
		if s := k.attr(name, attr); s != "" {
			return attr + "=" + s
		}
	}
	return ""
}
