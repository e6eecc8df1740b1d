package transport

import "fmt"

// Binding returns 32 bytes that only the two ends of this connection know (RFC 8446, 7.5: exported keying material, without
// context), so that a proof made over them is good for this connection only.
func (c *Conn) Binding(label string) ([32]byte, error) {
	state := c.quic.ConnectionState().TLS
	b, err := state.ExportKeyingMaterial(label, nil, 32)
	if err != nil {
		return [32]byte{}, fmt.Errorf("bind to connection: %w", err)
	}
	return [32]byte(b), nil
}
