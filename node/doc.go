// Package node is one running wimcast: a [Node] with roles.
//
// Every node has one endpoint, which dials and, if it listens, accepts, and a part in the mesh;
// [Open] starts it and [Node.Run] answers who connects. What else it does follows from its roles:
//
//	RoleDistributionPoint  its folder ([Local]: Publish, Token, Contents, Remove, GC, Verify),
//	                       sessions with those who connect, and a cast per requested content
//	RolePeer               it connects to its distribution point and receives: Get into a file,
//	                       Deploy onto a target
//
// [Join] makes a peer of a folder that has no role yet. node knows no JSON: package api offers what
// is here to others.
//
// The sending machine is driven by node/send, the receiving one by node/receive. All rules of the
// protocol are in packages distributor and peer.
package node
