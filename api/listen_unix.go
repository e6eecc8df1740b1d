//go:build unix

package api

import (
	"net"
	"os"
)

// listenPrivate opens a socket file that only its owner may use. The folder is 0700, so the moment before the chmod is safe.
func listenPrivate(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}
