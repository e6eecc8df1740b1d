package distributor

import (
	"github.com/wimcast/wimcast/internal/machine"
)

// Machine is the sender of one cast in one run. It is not safe for concurrent use.
type Machine struct {
	cfg Config
	out []Out
}

// New makes a machine. It refuses a Config that cannot work.
func New(cfg Config) (*Machine, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Machine{cfg: cfg}, nil
}

// Handle takes one input at time now, which must not be before that of an earlier call.
func (m *Machine) Handle(now machine.Time, in In) {}

// Poll returns the next output, if there is one. The driver drains it after every Handle.
func (m *Machine) Poll() (Out, bool) { return nil, false }

// Deadline says when to call Handle with a Tick at the latest, and what is waited for.
func (m *Machine) Deadline() (machine.Time, machine.Reason) { return machine.Never, "" }

// Status returns a snapshot for people.
func (m *Machine) Status() Status { return Status{} }
