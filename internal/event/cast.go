package event

import "time"

// Events of the sending machine. Member is the number that the cast knows a member by, Block an index into the content.

// MemberJoined says that a member takes part.
type MemberJoined struct {
	Member  uint32
	Name    string
	Members int // now
}

// Kind implements Event.
func (MemberJoined) Kind() string { return "member-joined" }

// BlocksWanted says that a member has asked for blocks.
type BlocksWanted struct {
	Member uint32
	Blocks int // newly wanted
}

// Kind implements Event.
func (BlocksWanted) Kind() string { return "blocks-wanted" }

// MemberComplete says that a member holds all it asked for and asks for no more.
type MemberComplete struct {
	Member uint32
	Blocks int
}

// Kind implements Event.
func (MemberComplete) Kind() string { return "member-complete" }

// MemberGone says that a member takes part no more.
type MemberGone struct {
	Member uint32
	Lacked int // blocks
}

// Kind implements Event.
func (MemberGone) Kind() string { return "member-gone" }

// MemberDropped says that the sender takes a member out, or does not take it.
type MemberDropped struct {
	Member uint32
	Lacked int // blocks
	Why    string
}

// Kind implements Event.
func (MemberDropped) Kind() string { return "member-dropped" }

// MemberDemoted says that a member leaves the group and is served over QUIC.
type MemberDemoted struct {
	Member uint32
	Reason string // of wire.DemoteReason
}

// Kind implements Event.
func (MemberDemoted) Kind() string { return "member-demoted" }

// MemberPromoted says that a demoted member is called back into the group.
type MemberPromoted struct{ Member uint32 }

// Kind implements Event.
func (MemberPromoted) Kind() string { return "member-promoted" }

// RateChanged says how fast a cast is sent from now on.
type RateChanged struct {
	Rate Bps
	Why  string
}

// Kind implements Event.
func (RateChanged) Kind() string { return "rate-changed" }

// BlockToQuic says that a member is to fetch a block over QUIC.
type BlockToQuic struct {
	Member uint32
	Block  uint32
	Rounds int // of repair that the block has had
}

// Kind implements Event.
func (BlockToQuic) Kind() string { return "block-to-quic" }

// BlockAgain says that symbols of a block will be sent when the carousel comes by again.
type BlockAgain struct {
	Member  uint32 // whose need it is
	Block   uint32
	Symbols int
}

// Kind implements Event.
func (BlockAgain) Kind() string { return "block-again" }

// BlockUnreadable says that the driver could not read a block's bytes.
type BlockUnreadable struct {
	Block uint32
	Told  int // members that were told to fetch it
}

// Kind implements Event.
func (BlockUnreadable) Kind() string { return "block-unreadable" }

// MembersSilent says that no member reports: only announces are sent.
type MembersSilent struct{ For time.Duration }

// Kind implements Event.
func (MembersSilent) Kind() string { return "members-silent" }

// MembersBack says that a member reports again.
type MembersBack struct{}

// Kind implements Event.
func (MembersBack) Kind() string { return "members-back" }

// PassEnded says that who is left carries less than the rate: another pass over the content is planned for them.
type PassEnded struct{ Carried Bps }

// Kind implements Event.
func (PassEnded) Kind() string { return "pass-ended" }

// Starved says that nobody has gained by multicast for a while: it stops.
type Starved struct{ For time.Duration }

// Kind implements Event.
func (Starved) Kind() string { return "starved" }

// FirstSent says that a cast's first symbol is sent.
type FirstSent struct{ After time.Duration } // since the first member joined

// Kind implements Event.
func (FirstSent) Kind() string { return "first-sent" }

// AllHeld says that no member lacks anything any more.
type AllHeld struct{ Members int }

// Kind implements Event.
func (AllHeld) Kind() string { return "all-held" }

// NobodyLeft says that the cast ends because nobody takes part any more.
type NobodyLeft struct{ For time.Duration }

// Kind implements Event.
func (NobodyLeft) Kind() string { return "nobody-left" }

// RunOver says that a run has used up its datagrams.
type RunOver struct{ Datagrams uint64 }

// Kind implements Event.
func (RunOver) Kind() string { return "run-over" }

// MessageRefused says that a member sent a message that cannot be.
type MessageRefused struct {
	Member uint32
	Why    string
}

// Kind implements Event.
func (MessageRefused) Kind() string { return "message-refused" }

// ReportRefused says that a member reports datagrams that were never sent.
type ReportRefused struct {
	Member  uint32
	Highest uint64 // sequence number that it claims to have seen
}

// Kind implements Event.
func (ReportRefused) Kind() string { return "report-refused" }
