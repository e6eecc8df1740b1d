// Package bus carries a node's events from who makes them to who wants to know.
//
// [New] makes one; [Bus.Put] puts an event on it and never waits. It keeps the last 8192,
// each with a number and a time. Who follows it asks with [Bus.Since] for what came after the last
// record it knows and waits with [Bus.Wait] for more; one who is too slow is told that it missed
// some. [Bus.Log] is such a follower: it makes the node's log. The bus counts the events' metrics
// as they come, so nothing is missed there.
package bus
