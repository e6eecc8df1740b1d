// Package lab is a network of this machine's own: a switch and hosts in network namespaces, to run
// the real binary in.
//
//	             br0 (snooping, querier)          namespace "sw"
//	  p0 |     p1 |     p2 |            | pN      switch ports
//	     |        |        |            |
//	eth0 |   eth0 |   eth0 |            | eth0    namespaces "h0".."hN", addresses 198.18.0.1..
//	  token bucket on every host's egress (Rate), random loss at every host's ingress (Loss)
//
// Start with Main, which runs a test binary in a mount, process and network namespace of its own
// (in a user namespace when not root), so that nothing of the lab outlives it or is seen outside,
// whatever happens; then New, and Host.Start.
//
// Needs Linux, ip and tc (iproute2), nft (nftables) and ethtool; New says what is not there.
// Works on kernels without netem: loss is a random drop in nftables, rate a token bucket.
package lab
