//go:build linux

package lab

import (
	"testing"
	"time"
)

// imagesMax is how many images a cast may put on the wire for members of two speeds that ask at once, QUIC included.
const imagesMax = 4

// TestMembersOfTwoSpeeds is the table of mixed speeds of docs/measurements.md: the fast ones are done as if they were alone, and the
// slow ones soon after what their links need. Speeds are a fifth of real ones: so many receivers share this machine's processors.
func TestMembersOfTwoSpeeds(t *testing.T) {
	fast := int(size(100, 200))
	for _, c := range []struct {
		name         string
		fastN, slowN int // at full size; else half as many fast ones
		slowMbit     int
	}{
		{"one at a tenth", 10, 1, 20},
		{"one at a hundredth", 10, 1, 2},
		{"half at a tenth", 5, 5, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.slowMbit < 10 && !*full {
				t.Logf("only at full size: it takes a minute")
				return
			}
			bytes := size(8<<20, 64<<20)
			if c.slowMbit < 10 {
				bytes = 16 << 20
			}
			fastN := int(size(int64(c.fastN+1)/2, int64(c.fastN)))
			s, image, clients := setUp(t, Config{Hosts: 1 + fastN + c.slowN, Rate: fast}, bytes)
			alone := castTo(t, s, "image@1", image, clients) // all of them fast
			for _, h := range clients[fastN:] {
				h.SetDownRate(c.slowMbit)
			}
			o := castTo(t, s, "image@1", image, clients)
			endServe(t, s)
			if o.wire > imagesMax {
				t.Errorf("%.2f images on the wire, want at most %d", o.wire, imagesMax)
			}
			for i, took := range o.each {
				limit := 1.05 * alone.wall.Seconds()
				if i >= fastN {
					limit = 1.5*float64(bytes)*8*1.06/float64(c.slowMbit)/1e6 + alone.wall.Seconds()
				}
				if *full && took > time.Duration(limit*float64(time.Second)) {
					t.Errorf("host %d took %.2f s, want at most %.2f", i+1, took.Seconds(), limit)
				}
			}
		})
	}
}
