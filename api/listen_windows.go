package api

import "net"

// listenPrivate opens a socket file; the folder's access list protects it.
func listenPrivate(path string) (net.Listener, error) { return net.Listen("unix", path) }
