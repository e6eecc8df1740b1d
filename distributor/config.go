package distributor

import (
	"errors"
	"fmt"
	"time"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/wire"
)

// Limits of a machine.
const (
	MembersMax   = 4096                // members at a time
	DatagramsMax = uint64(wire.MaxSeq) // datagrams in a run, announces included
)

// Defaults of Config.
const (
	DefaultRateStartBps = 50_000_000
	DefaultRateFloorBps = 1_000_000
	DefaultRateCapBps   = 100_000_000_000
	DefaultStartDelay   = time.Second
	DefaultStallMax     = 60 * time.Second
)

// Config is what a machine is made of. The zero value of every field but Blocks is the documented default.
type Config struct {
	Cast   uint32  // cast id, put into every stream message
	Run    uint32  // run tag; reports about another run are ignored
	Blocks []Block // the cast's blocks, 1..chunk.MaxChunks; a Size of 0 marks an index that is never sent (a repeated chunk)

	RateStartBps int64 // rate of the first symbol, bits per second on the wire; 0: 50 Mbit/s, or the cap if that is less
	RateFloorBps int64 // the rate never falls below; 0: 1 Mbit/s, or the cap if that is less
	RateCapBps   int64 // the rate never rises above; 0: 100 Gbit/s, or the floor if that is more

	StartDelay time.Duration // from the first Join to the first symbol; 0: 1 s; negative: none
	StallMax   time.Duration // a member without progress for so long is dropped; 0: 60 s
	MembersMax int           // 0: MembersMax

	// MemoryBlocks is how many blocks the driver keeps in memory: it is told with Load and Unload which, and symbols are named of
	// those only. MemoryBlocksMin to MemoryBlocksMax; 0: the driver has every block at hand.
	MemoryBlocks int
}

// withDefaults fills in the defaults of fields left at zero.
func (c Config) withDefaults() Config {
	if c.RateCapBps == 0 {
		c.RateCapBps = max(DefaultRateCapBps, c.RateFloorBps)
	}
	if c.RateFloorBps == 0 {
		c.RateFloorBps = min(DefaultRateFloorBps, c.RateCapBps)
	}
	if c.RateStartBps == 0 {
		c.RateStartBps = max(c.RateFloorBps, min(DefaultRateStartBps, c.RateCapBps))
	}
	switch {
	case c.StartDelay == 0:
		c.StartDelay = DefaultStartDelay
	case c.StartDelay < 0:
		c.StartDelay = 0
	}
	if c.StallMax == 0 {
		c.StallMax = DefaultStallMax
	}
	if c.MembersMax == 0 {
		c.MembersMax = MembersMax
	}
	return c
}

// validate refuses what cannot work. It is called on the filled-in Config.
func (c Config) validate() error {
	if n := len(c.Blocks); n == 0 || n > chunk.MaxChunks {
		return fmt.Errorf("start cast: %d blocks, want 1 to %d", n, chunk.MaxChunks)
	}
	for i, b := range c.Blocks {
		if b.Size > chunk.MaxSize {
			return fmt.Errorf("start cast: block %d has %d bytes, at most %d are allowed", i, b.Size, chunk.MaxSize)
		}
	}
	if c.RateFloorBps < 64_000 || c.RateCapBps > 1_000_000_000_000 {
		return errors.New("start cast: rate floor and cap must lie between 64 kbit/s and 1 Tbit/s")
	}
	if c.RateStartBps < c.RateFloorBps || c.RateCapBps < c.RateStartBps {
		return fmt.Errorf("start cast: rates must be floor <= start <= cap, got %d, %d, %d bit/s", c.RateFloorBps, c.RateStartBps, c.RateCapBps)
	}
	if c.StallMax < time.Second {
		return fmt.Errorf("start cast: stall limit %v is under 1 s", c.StallMax)
	}
	if c.MembersMax < 1 || c.MembersMax > MembersMax {
		return fmt.Errorf("start cast: %d members at most, want 1 to %d", c.MembersMax, MembersMax)
	}
	return (&memory{max: c.MemoryBlocks}).validate()
}
