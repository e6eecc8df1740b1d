// Package netsim runs casts on a simulated network: the very machines of packages distributor and
// peer, any number on a node, with a virtual clock, virtual links and virtual disks, and real chunk
// bytes.
//
// ParseScenario reads a scenario, Run runs it and returns a Result; RunScenario does both and
// writes a report. A scenario is text, one command per line:
//
//	seed N                              every draw of the run comes from it
//	image NAME blocks=N [avg=BYTES] [prologue=N]
//	segment NAME [rate=RATE] [queue=BYTES] [lag=D]
//	                                    a switch; its nodes share one link, the trunk, from the rest
//	node NAME [up=RATE] [down=RATE] [mcast=RATE] [queue=BYTES] [lag=D] [disk=RATE] [sync=D]
//	     [segment=NAME] [WEATHER]
//	                                    a host for machines that are named after it
//	sender NAME image=I [buf=BYTES] [cap=RATE] [floor=RATE] [start=RATE] [delay=D] [node=NAME]
//	     [memory=N] [read=D]            with memory=, it has N blocks there, and reading one takes D
//	peer NAME|A..B sender=S [at=T] [want=P-P] [plan=D] [wait=D] [partial=BYTES] [backlog=BYTES]
//	     [unheard=N] [deaf] [liar] [urgent] [node=NAME]
//	                                    without node=, what stands on a node's line stands here: a
//	                                    machine then has a node of its own, of the same name
//	at T FAULT NAME                     see below
//	crash NAME output=N [back=D]        the node dies at this machine's N-th output, and comes back
//	run D                               at most so long
//	expect done NAME|A..B               they hold all they wanted, bit by bit
//	expect failed NAME|A..B lost|refused|lacks|wrong
//	                                    they have given up, for this cause
//	expect wire S <= X                  bytes the sender put on the wire, QUIC included / image bytes
//	expect multicast S <= X             the same without QUIC
//	expect feedback S <= P              report bytes / bytes sent
//	expect rate S >= RATE               mean rate of its multicast, and the same with <=
//	expect time NAME <= D               from its joining to its last block durable
//	expect demoted NAME | never demoted NAME | dropped NAME
//
// A peer plans (asks for the rest so long after the prologue), waits for a lost sender, asks for
// blocks that cannot wait (urgent), or reports what is not so (liar). N of its joinings do not
// reach its switch (unheard). What can go wrong besides (Faults returns it; WEATHER is what stands
// without at):
//
//	loss=P                               a share of the datagrams is lost
//	burst=N                              losses come in runs of N at the mean
//	reorder=P                            a share of the datagrams comes up to 5 ms late
//	dup=P                                a share of the datagrams comes twice
//	flip=P                               a share of the symbols has a wrong bit, as from a forger
//	at T crash NAME                      the node dies, for good unless it is restarted
//	at T restart NAME                    and lives again, with what its disk holds
//	at T down NAME                       the node's links carry nothing
//	at T up NAME                         and carry again
//	at T rate NAME RATE                  a segment's trunk gets another rate
//	at T deaf NAME                       multicast reaches the member no more, whatever it does
//	at T hears NAME                      and reaches it again
//	at T mute NAME                       the member's reports do not arrive
//	at T speak NAME                      and arrive again
//	at T forget NAME                     the switch forgets the member's port until it joins again
//	at T hang-up NAME                    the member's connection to its sender ends
//	at T banish NAME                     the sender takes the member no more, for good
//	at T refuse NAME                     the sender refuses whoever connects
//	at T busy NAME                       it has no place for whoever connects
//	at T accept NAME                     and takes them again
//	at T fetch-busy NAME                 fetches by the member, or from the sender, are put off
//	at T fetch-fail NAME                 they break off
//	at T fetch-stall NAME                they are not answered
//	at T fetch-wrong NAME                they bring wrong bytes
//	at T fetch-ok NAME                   and they succeed again
//	at T unreadable NAME BLOCK[-BLOCK]   the sender's disk does not give these blocks
//	at T readable NAME BLOCK[-BLOCK]     and gives them again
//
// Checked in every run: a block is told held only when it is durable on the virtual disk; what is
// stored is the image's bytes; the machines stay within their limits and never wait without a
// reason; the rate within cap and floor; no datagram is sent twice under one number.
// What a cast costs the network, and how long each member takes, is compared with the bounds of
// bounds.go; the report says what is over, and a run with a storm is broken.
// The same scenario gives the same Result.Hash, everywhere.
package netsim
