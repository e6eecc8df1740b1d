package wire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Limits of what stream messages carry, in bytes.
const (
	MaxRoot     = 64 << 10  // signed root
	MaxHead     = 4 << 20   // signed head
	MaxEnrol    = 4 << 10   // enrolment request
	MaxEnrolled = 5 << 20   // enrolment response: root, head and record
	MaxManifest = 128 << 20 // signed manifest, on a stream of its own
)

// FrameSize is the size in bytes of what precedes a stream message's body: type and length.
const FrameSize = 5

// readStep bounds how much memory is taken ahead of the bytes that arrive.
const readStep = 64 << 10

// MessageType is the first byte of a stream message.
type MessageType uint8

// Types of stream messages.
const (
	TypeHello       MessageType = 1
	TypeWelcome     MessageType = 2
	TypeEnrol       MessageType = 3
	TypeEnrolled    MessageType = 4
	TypeError       MessageType = 5
	TypeGetHead     MessageType = 6
	TypeHead        MessageType = 7
	TypeJoinCast    MessageType = 8
	TypeCastInfo    MessageType = 9
	TypeWant        MessageType = 10
	TypeHeld        MessageType = 11
	TypeLeave       MessageType = 12
	TypeProgress    MessageType = 13
	TypeDemote      MessageType = 14
	TypePromote     MessageType = 15
	TypeUnicast     MessageType = 16
	TypeFetch       MessageType = 32
	TypeReply       MessageType = 33
	TypeGetManifest MessageType = 34
)

// message is what every stream message has.
type message interface {
	Length() int
	Append(dst []byte) []byte
}

// kind is what is known of a message type: its largest body in bytes and its parser.
type kind struct {
	limit int
	parse func([]byte) (any, error)
}

func kindOf[M message](limit int, parse func([]byte) (M, error)) kind {
	return kind{limit: limit, parse: func(b []byte) (any, error) { return parse(b) }}
}

// lookup returns what is known of t; its parse is nil when t is unknown.
func lookup(t MessageType) kind {
	const spans = 2 + MaxSpans*spanSize
	switch t {
	case TypeHello:
		return kindOf(36+MaxRecord, ParseHello)
	case TypeWelcome:
		return kindOf(134+MaxRecord, ParseWelcome)
	case TypeEnrol:
		return kindOf(4+MaxEnrol, ParseEnrol)
	case TypeEnrolled:
		return kindOf(4+MaxEnrolled, ParseEnrolled)
	case TypeError:
		return kindOf(4+MaxErrorText, ParseError)
	case TypeGetHead:
		return kindOf(32, ParseGetHead)
	case TypeHead:
		return kindOf(72+MaxRoot+MaxHead, ParseHead)
	case TypeJoinCast:
		return kindOf(32, ParseJoinCast)
	case TypeCastInfo:
		return kindOf(130+maxGroup, ParseCastInfo)
	case TypeWant:
		return kindOf(5+spans, ParseWant)
	case TypeHeld:
		return kindOf(4+spans, ParseHeld)
	case TypeLeave:
		return kindOf(4, ParseLeave)
	case TypeProgress:
		return kindOf(20, ParseProgress)
	case TypeDemote:
		return kindOf(5, ParseDemote)
	case TypePromote:
		return kindOf(4, ParsePromote)
	case TypeUnicast:
		return kindOf(4+spans, ParseUnicast)
	case TypeFetch:
		return kindOf(32, ParseFetch)
	case TypeReply:
		return kindOf(5, ParseReply)
	case TypeGetManifest:
		return kindOf(32, ParseGetManifest)
	}
	return kind{}
}

// typeOf returns the type of a message value, or 0.
func typeOf(msg any) MessageType {
	switch msg.(type) {
	case Hello:
		return TypeHello
	case Welcome:
		return TypeWelcome
	case Enrol:
		return TypeEnrol
	case Enrolled:
		return TypeEnrolled
	case Error:
		return TypeError
	case GetHead:
		return TypeGetHead
	case Head:
		return TypeHead
	case JoinCast:
		return TypeJoinCast
	case CastInfo:
		return TypeCastInfo
	case Want:
		return TypeWant
	case Held:
		return TypeHeld
	case Leave:
		return TypeLeave
	case Progress:
		return TypeProgress
	case Demote:
		return TypeDemote
	case Promote:
		return TypePromote
	case Unicast:
		return TypeUnicast
	case Fetch:
		return TypeFetch
	case Reply:
		return TypeReply
	case GetManifest:
		return TypeGetManifest
	}
	return 0
}

// AppendMessage appends a stream message: one of this package's message types, by value. It fails for anything else and
// for a message beyond the limit of its type.
func AppendMessage(dst []byte, msg any) ([]byte, error) {
	t := typeOf(msg)
	if t == 0 {
		return dst, fmt.Errorf("write message: %T is not a stream message", msg)
	}
	m := msg.(message)
	n, limit := m.Length(), lookup(t).limit
	if n > limit {
		return dst, fmt.Errorf("write %T: body of %d bytes, limit is %d", msg, n, limit)
	}
	dst = append(dst, byte(t))
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	return m.Append(dst), nil
}

// ReadMessage reads one stream message and returns it by value. Only the allowed types are read, any if none is named. The
// error is io.EOF when the stream ends before the message, io.ErrUnexpectedEOF when it ends inside.
func ReadMessage(r io.Reader, allowed ...MessageType) (any, error) {
	var frame [FrameSize]byte
	if _, err := io.ReadFull(r, frame[:]); err != nil {
		return nil, err
	}
	t, n := MessageType(frame[0]), binary.BigEndian.Uint32(frame[1:])
	k := lookup(t)
	switch {
	case k.parse == nil:
		return nil, fmt.Errorf("read message: %w: unknown type %d", ErrMalformed, t)
	case !allows(allowed, t):
		return nil, fmt.Errorf("read message: %w: type %d is out of place", ErrMalformed, t)
	case n > uint32(k.limit):
		return nil, fmt.Errorf("read message: %w: type %d has %d bytes, limit is %d", ErrMalformed, t, n, k.limit)
	}
	body, err := readBody(r, int(n))
	if err != nil {
		return nil, err
	}
	return k.parse(body)
}

func allows(allowed []MessageType, t MessageType) bool {
	for _, a := range allowed {
		if a == t {
			return true
		}
	}
	return len(allowed) == 0
}

// readBody reads n bytes; memory grows with what has arrived.
func readBody(r io.Reader, n int) ([]byte, error) {
	body := make([]byte, 0, min(n, readStep))
	for len(body) < n {
		step := min(n-len(body), max(readStep, len(body)))
		from := len(body)
		body = append(body, make([]byte, step)...)
		if _, err := io.ReadFull(r, body[from:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return body, nil
}
