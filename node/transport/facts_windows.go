package transport

import (
	"net"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Types of interfaces, as Windows numbers them: RFC 1213 and IANA's list after it.
const (
	ifTypePPP     = 23
	ifTypeVirtual = 53
	ifTypeTunnel  = 131
)

// knownFacts asks Windows. What it does not say is left out.
func knownFacts([]net.Interface) map[int]facts {
	const flags = windows.GAA_FLAG_INCLUDE_GATEWAYS | windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST | windows.GAA_FLAG_SKIP_DNS_SERVER
	size := uint32(15 << 10)
	for range 3 {
		buf := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, first, &size)
		if err == windows.ERROR_BUFFER_OVERFLOW {
			continue
		}
		if err != nil {
			return nil
		}
		out := make(map[int]facts)
		for a := first; a != nil; a = a.Next {
			f := facts{routed: a.FirstGatewayAddress != nil, metric: int(a.Ipv4Metric)}
			switch a.IfType {
			case ifTypePPP, ifTypeTunnel:
				f.class = classTunnel
			case ifTypeVirtual:
				f.class = classVirtual
			}
			out[int(a.IfIndex)] = f
		}
		return out
	}
	return nil
}
