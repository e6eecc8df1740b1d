package event

import (
	"math"
	"strconv"
	"time"
)

// Units of figures that are shown. A figure is a whole number of small units here, and a number of large ones in JSON, so that a
// snapshot travels from a machine to whoever reads it without being copied from type to type.
type (
	Bps     int64         // bits per second; in JSON, Mbit/s
	Ppm     int64         // millionths; in JSON, percent
	Seconds time.Duration // in JSON, seconds
)

// mbps is the rate in millions of bits per second.
func (r Bps) mbps() float64 { return float64(r) / 1e6 }

// Percent is the share in hundredths.
func (p Ppm) Percent() float64 { return float64(p) / 1e4 }

// MarshalJSON writes Mbit/s.
func (r Bps) MarshalJSON() ([]byte, error) { return text(r.mbps()), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Bps) UnmarshalJSON(b []byte) error { return scan((*int64)(r), b, 1e6) }

// MarshalJSON writes percent.
func (p Ppm) MarshalJSON() ([]byte, error) { return text(p.Percent()), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Ppm) UnmarshalJSON(b []byte) error { return scan((*int64)(p), b, 1e4) }

// MarshalJSON writes seconds.
func (s Seconds) MarshalJSON() ([]byte, error) { return text(time.Duration(s).Seconds()), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Seconds) UnmarshalJSON(b []byte) error { return scan((*int64)(s), b, 1e9) }

func text(x float64) []byte { return strconv.AppendFloat(nil, x, 'f', -1, 64) }

// scan reads a number of units, each of which is scale of what is counted.
func scan(out *int64, b []byte, scale float64) error {
	x, err := strconv.ParseFloat(string(b), 64)
	if err == nil {
		*out = int64(math.Round(x * scale))
	}
	return err
}
