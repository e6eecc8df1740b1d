package peer

import (
	"errors"
	"fmt"
	"time"

	"github.com/wimcast/wimcast/chunk"
)

// Defaults of Config.
const (
	DefaultPartialMax = 64 << 20
	DefaultBacklogMax = 64 << 20
	DefaultFetchMax   = 8
	DefaultLostMax    = 10 * time.Minute
)

// Config is what a machine is made of. The zero value of every field but Blocks is the documented default.
type Config struct {
	Seed   uint64  // of the jitter of report intervals
	Cast   uint32  // cast id
	Blocks []Block // the cast's blocks in order, 1..chunk.MaxChunks; a Size of 0 marks an index that is never wanted

	PartialMax int64 // bytes of symbols of blocks that cannot be decoded yet; 0: 64 MiB; at least 2 MiB. Past it blocks are dropped
	BacklogMax int64 // bytes given out by Store and not yet durable; 0: 64 MiB; past it no new block is begun
	FetchMax   int   // fetches over QUIC at a time; 0: 8

	LostMax time.Duration // how long to wait for a lost sender before Failed; 0: 10 min
}

// withDefaults fills in the defaults of fields left at zero.
func (c Config) withDefaults() Config {
	if c.PartialMax == 0 {
		c.PartialMax = DefaultPartialMax
	}
	if c.BacklogMax == 0 {
		c.BacklogMax = DefaultBacklogMax
	}
	if c.FetchMax == 0 {
		c.FetchMax = DefaultFetchMax
	}
	if c.LostMax == 0 {
		c.LostMax = DefaultLostMax
	}
	return c
}

// validate refuses what cannot work. It is called on the filled-in Config.
func (c Config) validate() error {
	if n := len(c.Blocks); n == 0 || n > chunk.MaxChunks {
		return fmt.Errorf("receive cast: %d blocks, want 1 to %d", n, chunk.MaxChunks)
	}
	for i, b := range c.Blocks {
		if b.Size > chunk.MaxSize {
			return fmt.Errorf("receive cast: block %d has %d bytes, at most %d are allowed", i, b.Size, chunk.MaxSize)
		}
	}
	if c.PartialMax < 2<<20 || c.BacklogMax < chunk.MaxSize {
		return errors.New("receive cast: memory limits too small: partial blocks need 2 MiB, backlog 256 KiB")
	}
	if c.FetchMax < 1 || c.FetchMax > 256 {
		return fmt.Errorf("receive cast: %d fetches at a time, want 1 to 256", c.FetchMax)
	}
	if c.LostMax < time.Second {
		return fmt.Errorf("receive cast: %v to wait for a lost sender is under 1 s", c.LostMax)
	}
	return nil
}
