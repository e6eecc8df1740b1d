package wire

import "fmt"

// Types of a QUIC datagram.
const (
	quicPadding = 0
	quicReport  = 1
)

// MaxQUICDatagram is the size in bytes of the largest QUIC datagram: a full Report and its type.
const MaxQUICDatagram = 1 + reportHead + MaxDeficits*deficitSize // 1128

// AppendQUICReport appends the QUIC datagram that carries r.
func AppendQUICReport(dst []byte, r Report) ([]byte, error) {
	if len(r.Deficits) > MaxDeficits {
		return dst, fmt.Errorf("send report: %d deficits, at most %d fit", len(r.Deficits), MaxDeficits)
	}
	return r.Append(append(dst, quicReport)), nil
}

// AppendQUICPadding appends a QUIC datagram of MaxQUICDatagram bytes that means nothing. A client that is not enrolled yet
// sends such to be allowed answers of that size.
func AppendQUICPadding(dst []byte) []byte { return append(dst, make([]byte, MaxQUICDatagram)...) }

// ParseQUICDatagram parses a QUIC datagram; ok is false for padding.
func ParseQUICDatagram(b []byte) (r Report, ok bool, err error) {
	switch {
	case len(b) == 0 || b[0] > quicReport:
		return Report{}, false, fmt.Errorf("parse QUIC datagram: %w: unknown type", ErrMalformed)
	case b[0] == quicPadding:
		return Report{}, false, nil
	}
	r, err = ParseReport(b[1:])
	return r, err == nil, err
}
