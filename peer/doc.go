// Package peer is the receiving machine of a cast: collect, decode, verify, report, ask.
package peer
