// Package distributor is the sending machine of a cast: what to send next, pacing, repair, rate, members.
package distributor
