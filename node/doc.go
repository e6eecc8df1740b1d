// Package node drives the machines of a cast with real sockets, timers and disks.
//
//	Publish   puts a file into a site's store and catalogue
//	Server    a distribution point: answers clients, and runs a cast for each content that somebody asks for
//	Client    one connection of a client to its distribution point: catalogue, manifests
//	Receive   takes part in a cast until a Sink has everything
//	Get, Deploy   Receive into a file, or onto a target
//
// All rules of the protocol are in packages distributor and peer. What is here carries out their outputs, and tells them
// what happened and how late it is.
package node
