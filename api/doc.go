// Package api is the control interface of a running node: HTTP with JSON bodies over a socket file
// in the node's folder.
//
// It turns to JSON what package node offers as Go values; node knows nothing of it, but that
// snapshots and events carry their fields' names: these travel as they are. Whoever may
// open the socket (mode 0600) may do what the node's own user may do. [Listen] serves it, [Dial]
// finds out whether a node is running and talks to it.
//
//	GET  /status            -> Status
//	GET  /events?since=ID   -> Events: what came after event ID; it waits for some
//	POST /publish           publishRequest -> a line of JSON for each step of progress, and a last
//	                        one with the result or the error
//	POST /token             tokenRequest -> Token
//	GET  /catalogue         -> []Content
//	POST /remove            removeRequest
//	POST /gc                -> GCResult
//	POST /verify            -> VerifyResult
package api
