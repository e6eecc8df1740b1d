// Package netsim runs casts on a simulated network: the very machines of packages distributor and peer, with a virtual clock,
// virtual links and virtual disks, and real chunk bytes.
//
// ParseScenario reads a scenario, Run runs it and returns a Result; RunScenario does both and writes a report. A
// scenario is text, one command a line:
//
//	seed N                                      every draw of the run comes from it
//	image NAME blocks=N [avg=BYTES] [prologue=N]
//	sender NAME image=I [up=RATE] [buf=BYTES] [cap=RATE] [floor=RATE] [start=RATE] [delay=D]
//	peer NAME|A..B sender=S [at=T] [up=RATE] [down=RATE] [mcast=RATE] [queue=BYTES] [lag=D] [loss=P] [burst=N] [reorder=P] [dup=P] [flip=P]
//	     [disk=RATE] [sync=D] [want=P-P] [plan=D] [site=NAME] [deaf] [liar]
//	site NAME [rate=RATE] [queue=BYTES] [lag=D]  a switch; its members share one link from the rest
//	at T crash|restart|down|up|deaf|hears|leave NAME
//	at T rate SITE RATE                         a site's link gets another rate
//	crash NAME output=N [back=D]                the node dies at its N-th output, and comes back
//	run D                                       at most so long
//	expect done NAME|A..B                       they hold all they wanted, bit by bit
//	expect wire S <= X                          bytes the sender put on the wire, QUIC included / image bytes
//	expect multicast S <= X                     the same without QUIC
//	expect feedback S <= P                      report bytes / bytes sent
//	expect rate S >= RATE                       mean rate of its multicast, and the same with <=
//	expect time NAME <= D                       from its joining to its last block durable
//	expect demoted NAME | never demoted NAME | dropped NAME
//
// Checked in every run: a block is told held only when it is durable on the virtual disk; what is stored is the image's
// bytes; the machines stay within their limits; the rate within cap and floor; no datagram is sent twice under one number.
// The same scenario gives the same Result.Hash, everywhere.
package netsim
