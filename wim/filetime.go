package wim

import "time"

// Filetime is a count of 100 ns since 1601-01-01 UTC. Zero means "not known".
type Filetime uint64

// filetimeUnix is the Filetime of 1970-01-01.
const filetimeUnix = 116444736000000000

// Time returns the moment in UTC. Filetimes past the year 30828 have no meaning in Windows and give that year's.
func (t Filetime) Time() time.Time {
	n := min(uint64(t), 1<<63-1)
	ticks := int64(n) - filetimeUnix
	sec, rest := ticks/1e7, ticks%1e7
	return time.Unix(sec, rest*100).UTC()
}

// FiletimeOf returns the Filetime of t, rounded down to 100 ns. Moments before 1601 give zero.
func FiletimeOf(t time.Time) Filetime {
	sec, nsec := t.Unix(), int64(t.Nanosecond())
	ticks := sec*1e7 + nsec/100 + filetimeUnix
	if ticks < 0 || sec < -filetimeUnix/10_000_000 {
		return 0
	}
	if sec > (1<<63-1-filetimeUnix)/10_000_000-1 {
		return 1<<63 - 1
	}
	return Filetime(ticks)
}
