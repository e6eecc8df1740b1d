package wire

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxErrorText is the size in bytes of the longest Error.Text.
const MaxErrorText = 512

// ErrorCode says what an Error is about, for programs.
type ErrorCode uint16

// Error codes.
const (
	CodeInternal  ErrorCode = 1 // the node failed
	CodeVersion   ErrorCode = 2 // the node does not speak this version
	CodeNotMember ErrorCode = 3 // not enrolled, or revoked
	CodeEnrol     ErrorCode = 4 // the token was refused
	CodeUnknown   ErrorCode = 5 // no such content or cast
	CodeBusy      ErrorCode = 6 // try again later
	CodeDropped   ErrorCode = 7 // dropped from the cast
	CodeProtocol  ErrorCode = 8 // a message that is malformed or out of place
)

// Error tells the other side what went wrong. It is an error itself.
type Error struct {
	Code ErrorCode
	Text string // for people; one line of printable UTF-8, at most MaxErrorText bytes
}

// NewError makes an Error of any text: what is not printable becomes a space, what is too long is cut.
func NewError(code ErrorCode, text string) Error {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > MaxErrorText {
		text = strings.ToValidUTF8(text[:MaxErrorText], "")
	}
	return Error{Code: code, Text: text}
}

// Error implements error.
func (m Error) Error() string { return fmt.Sprintf("%s (code %d)", m.Text, m.Code) }

// Length returns the size of the body in bytes.
func (m Error) Length() int { return 4 + len(m.Text) }

// Append appends the body.
func (m Error) Append(dst []byte) []byte {
	return appendBytes16(binary.BigEndian.AppendUint16(dst, uint16(m.Code)), []byte(m.Text))
}

// ParseError parses a body. Unknown codes are let through.
func ParseError(b []byte) (Error, error) {
	c := cursor{b: b}
	m := Error{Code: ErrorCode(c.u16()), Text: string(c.bytes16(MaxErrorText))}
	if !printable(m.Text) {
		c.fail("text is not one printable line")
	}
	if err := c.end("Error"); err != nil {
		return Error{}, err
	}
	return m, nil
}

// printable says whether s can be shown on a terminal.
func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}
