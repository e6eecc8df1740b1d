package transport

import (
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// sysfs is where Linux shows interfaces, those of the namespace that it was mounted in.
const sysfs = "/sys/class/net"

// knownFacts asks the kernel. What it does not say is left out.
func knownFacts([]net.Interface) map[int]facts {
	var links []linkInfo
	for _, m := range netlink(unix.RTM_GETLINK, unix.AF_UNSPEC) {
		if m.Header.Type == unix.RTM_NEWLINK && len(m.Data) >= unix.SizeofIfInfomsg {
			links = append(links, parseLink(m))
		}
	}
	var routes []route
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		for _, m := range netlink(unix.RTM_GETROUTE, family) {
			if r, ok := parseRoute(m); ok {
				routes = append(routes, r)
			}
		}
	}
	return classify(links, routes)
}

// netlink asks the kernel for a table.
func netlink(what, family int) []syscall.NetlinkMessage {
	raw, err := syscall.NetlinkRIB(what, family)
	if err != nil {
		return nil
	}
	list, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return nil
	}
	return list
}

func parseLink(m syscall.NetlinkMessage) linkInfo {
	l := linkInfo{arp: binary.NativeEndian.Uint16(m.Data[2:]), index: int(int32(binary.NativeEndian.Uint32(m.Data[4:])))}
	attrs, err := syscall.ParseNetlinkRouteAttr(&m)
	if err != nil {
		return l
	}
	name := ""
	elsewhere := false
	for _, a := range attrs {
		switch a.Attr.Type &^ unix.NLA_F_NESTED {
		case unix.IFLA_IFNAME:
			name = strings.TrimRight(string(a.Value), "\x00")
		case unix.IFLA_LINK:
			l.under = number(a.Value)
		case unix.IFLA_LINK_NETNSID:
			elsewhere = true
		case unix.IFLA_MASTER:
			l.master = number(a.Value)
		case unix.IFLA_LINKINFO:
			l.kind = kindIn(a.Value)
		}
	}
	if elsewhere {
		l.under = 0
	}
	l.noDev = l.kind == "" && there(filepath.Join(sysfs, name)) && !there(filepath.Join(sysfs, name, "device"))
	return l
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// number reads an attribute of four bytes.
func number(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	return int(int32(binary.NativeEndian.Uint32(b)))
}

// kindIn finds the kind among the attributes that IFLA_LINKINFO holds.
func kindIn(b []byte) string {
	for len(b) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return ""
		}
		if binary.NativeEndian.Uint16(b[2:]) == unix.IFLA_INFO_KIND {
			return strings.TrimRight(string(b[unix.SizeofRtAttr:size]), "\x00")
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return ""
}

// parseRoute reads a default route of the main table.
func parseRoute(m syscall.NetlinkMessage) (r route, ok bool) {
	if m.Header.Type != unix.RTM_NEWROUTE || len(m.Data) < unix.SizeofRtMsg || m.Data[1] != 0 || m.Data[4] != unix.RT_TABLE_MAIN || m.Data[7] != unix.RTN_UNICAST {
		return r, false
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(&m)
	if err != nil {
		return r, false
	}
	for _, a := range attrs {
		switch a.Attr.Type {
		case unix.RTA_OIF:
			r.index = number(a.Value)
		case unix.RTA_PRIORITY:
			r.metric = number(a.Value)
		case unix.RTA_MULTIPATH: // the first of several ways
			if len(a.Value) >= unix.SizeofRtNexthop {
				r.index = number(a.Value[4:])
			}
		}
	}
	return r, r.index != 0
}
