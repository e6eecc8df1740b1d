// Package api is the control interface of a running node: HTTP with JSON bodies over a socket file in the node's folder.
//
// Whoever may open the socket (mode 0600) may do what the node's own user may do. [Listen] serves it, [Dial] finds out whether a
// node is running and talks to it.
//
//	GET  /status            -> Status
//	POST /publish           PublishRequest -> a line of JSON for each step of progress, the last one with the result or the error
//	POST /token             TokenRequest -> TokenReply
//	GET  /catalogue         -> []Content
//	POST /remove            RemoveRequest
//	POST /gc                -> GCReply
//	POST /verify            -> VerifyReply
package api
