package netsim

import (
	"fmt"
	"io"
	"time"

	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// Result is what came of a run.
type Result struct {
	Seed    uint64
	Hash    uint64 // of everything that happened
	End     time.Duration
	Broken  []string // rules of the simulator that were broken
	Failed  []string // expectations of the scenario that were not met
	Senders []SenderResult
	Members []MemberResult

	kinds map[string]bool // of events that happened
}

// SenderResult is a sender's part of a Result.
type SenderResult struct {
	Name      string
	Image     int64 // bytes of the image
	Multicast int64 // bytes on the wire, all headers included
	Quic      int64
	Feedback  int64
	Source    uint64 // symbols
	Parity    uint64
	Repair    uint64
	MeanBps   int64 // of the multicast, from its first to its last symbol
	RateBps   int64 // at the end
	Demoted   []string
	Dropped   []string
}

// MemberResult is a member's part of a Result.
type MemberResult struct {
	Name    string
	Done    bool          // all it wanted is durable and right
	Time    time.Duration // from its joining
	Fetched uint64        // blocks over QUIC, in its last life
	Decoded uint64
	Bad     uint64
	Why     string // why it is not done
	Failed  bool   // it has given up
	Cause   peer.FailCause
}

// Err returns what went wrong, or nil.
func (r Result) Err() error {
	if len(r.Broken)+len(r.Failed) == 0 {
		return nil
	}
	return fmt.Errorf("simulate seed %d: %d rules broken, %d expectations failed; first: %s", r.Seed, len(r.Broken), len(r.Failed), append(r.Broken, r.Failed...)[0])
}

// Member returns a member's part.
func (r Result) Member(name string) MemberResult {
	for _, m := range r.Members {
		if m.Name == name {
			return m
		}
	}
	return MemberResult{}
}

// Write writes the result for people and for golden files.
func (r Result) Write(w io.Writer) {
	fmt.Fprintf(w, "seed %d hash %016x end %v\n", r.Seed, r.Hash, r.End.Round(time.Microsecond))
	for _, s := range r.Senders {
		fmt.Fprintf(w, "%s wire %s multicast %s quic %s feedback %s mean %d kbit/s rate %d kbit/s source %d parity %d repair %d",
			s.Name, ratio(s.Multicast+s.Quic, s.Image), ratio(s.Multicast, s.Image), ratio(s.Quic, s.Image), ratio(s.Feedback, s.Multicast+s.Quic),
			s.MeanBps/1000, s.RateBps/1000, s.Source, s.Parity, s.Repair)
		if len(s.Demoted) > 0 {
			fmt.Fprintf(w, " demoted %v", s.Demoted)
		}
		if len(s.Dropped) > 0 {
			fmt.Fprintf(w, " dropped %v", s.Dropped)
		}
		fmt.Fprintln(w)
	}
	for _, m := range r.Members {
		state := "done in " + m.Time.Round(time.Millisecond).String()
		if !m.Done {
			state = "not done: " + m.Why
		}
		fmt.Fprintf(w, "%s %s decoded %d fetched %d bad %d\n", m.Name, state, m.Decoded, m.Fetched, m.Bad)
	}
	for _, line := range append(r.Broken, r.Failed...) {
		fmt.Fprintf(w, "WRONG: %s\n", line)
	}
}

// ratio writes a/b with four digits.
func ratio(a, b int64) string {
	if b == 0 {
		return "0.0000"
	}
	n := a * 10000 / b
	return fmt.Sprintf("%d.%04d", n/10000, n%10000)
}

// result sums up.
func (s *Sim) result(seed uint64) Result {
	r := Result{Seed: seed, Hash: s.sum.Sum64(), End: time.Duration(s.now), kinds: s.kinds}
	for _, d := range s.senders {
		st := d.m.Status()
		sr := SenderResult{
			Name: d.name, Image: d.im.bytes, Multicast: d.stats.multicast, Quic: d.stats.quic, Feedback: d.stats.feedback,
			Source: st.Source, Parity: st.Parity, Repair: st.Repair, RateBps: st.RateBps,
		}
		if span := d.stats.last.Sub(d.stats.first); span > 0 {
			sr.MeanBps = int64(float64(d.stats.multicast*8) / span.Seconds())
		}
		for _, p := range s.members {
			if d.stats.demoted[p.name] {
				sr.Demoted = append(sr.Demoted, p.name)
			}
			if d.stats.dropped[p.name] {
				sr.Dropped = append(sr.Dropped, p.name)
			}
		}
		r.Senders = append(r.Senders, sr)
	}
	for _, p := range s.members {
		r.Members = append(r.Members, p.result())
	}
	r.Broken = s.broken
	return r
}

func (p *member) result() MemberResult {
	r := MemberResult{Name: p.name, Done: p.doneAt > 0, Why: p.failed, Failed: p.failed != "", Cause: p.cause}
	if p.m != nil {
		st := p.m.Status()
		r.Fetched, r.Decoded, r.Bad = st.Fetched, st.Decoded, st.Bad
		if !r.Done && r.Why == "" {
			r.Why = fmt.Sprintf("%d of %d held, waits for %s", len(p.has), len(p.wanted()), st.Waiting)
		}
	}
	if r.Done {
		r.Time = p.doneAt.Sub(p.joined)
		if i, missing := p.firstMissing(); missing {
			r.Done, r.Why = false, fmt.Sprintf("says it is done, block %d is not durable", i)
			p.sim.violate("%s %s", p.name, r.Why)
		}
	}
	return r
}

func (p *member) firstMissing() (wire.Block, bool) {
	for _, i := range p.wanted() {
		if !p.has[i] {
			return i, true
		}
	}
	return 0, false
}
