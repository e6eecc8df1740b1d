// Package folder is what a node keeps on disk: configuration, keys, the opened catalogue and the
// chunk store. Start with InitSite and Open; on a client with InitClient and JoinSite. One process
// has a folder open at a time.
//
//	wimcast.toml     settings
//	keys/            node.key; at a distribution point also online.key, publisher.key, mesh.key,
//	                 and root.key, which nothing opens
//	catalogue.db     what the site offers (package catalog)
//	store/           chunks (package chunk/disk)
//
// A folder in the making has a marker in it until all else is durable: an interrupted InitSite or
// JoinSite is refused by Open, and is made again by the same call. What is secret, others than its
// owner must not be able to read: Open refuses it.
package folder
