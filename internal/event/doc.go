// Package event has what can happen, one type an event: the machines return them as outputs, what
// drives the machines adds its own, and log lines, metrics, the control interface's stream and the
// simulator's traces are all made from them. Begin with [Event] and [Specs].
//
// An event is a struct of named fields. [Fields] turns it into names and values, once for all who
// show it, so nothing copies a field by hand. A field's type says its unit, and its shown name too:
//
//	Members int            members=3
//	For     time.Duration  for_seconds=1.5
//	Rate    Bps            rate_mbps=94.1
//	Why     string         why="no answer"      left out when empty
//
// To add an event: write the struct with its Kind in the file of whoever emits it, and give it a
// row in the table (table.go): its log line, and its metrics or why it has none. A test says what
// is missing. A kind is stable: programs know it from the control interface. The package computes
// only, so that the machines can have it.
package event
