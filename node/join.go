package node

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node/folder"
	"github.com/wimcast/wimcast/node/receive"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// JoinOptions are Join's settings. The zero value is usable.
type JoinOptions struct {
	Wait time.Duration // how long to try while nobody answers; 0: DefaultJoinWait
	Log  *slog.Logger  // told what Join waits for; nil: nobody
}

// DefaultJoinWait is longer than a switch keeps a port closed that has just come up, which is 30 seconds with the spanning tree
// of IEEE 802.1D.
const DefaultJoinWait = time.Minute

// Join enrols the node of dir with a site by a token. A request whose answer is lost is made again: it uses the token up once.
func Join(ctx context.Context, dir, name string, t catalog.Token, opt JoinOptions) error {
	if opt.Wait == 0 {
		opt.Wait = DefaultJoinWait
	}
	if err := catalog.CheckLabel("node name", name); err != nil { // before anything is made or asked
		return err
	}
	key, err := folder.InitClient(dir)
	if err != nil {
		return err
	}
	n, err := dialling(key, Options{Log: opt.Log})
	if err != nil {
		return err
	}
	defer n.Close()
	var e *catalog.Enrolment
	p := receive.Patience{Wait: opt.Wait, Events: n.events.About(""), Points: t.Addresses}
	if err := p.Try(ctx, func() (err error) {
		e, err = n.askRecord(ctx, name, t)
		return err
	}); err != nil {
		return err
	}
	return folder.JoinSite(dir, t, e)
}

// askRecord asks at each of the token's addresses in turn until one answers.
func (n *Node) askRecord(ctx context.Context, name string, t catalog.Token) (*catalog.Enrolment, error) {
	var errs []error
	for _, addr := range t.Addresses {
		e, err := n.askRecordAt(ctx, name, t, addr)
		if err == nil {
			return e, nil
		}
		errs = append(errs, fmt.Errorf("join over %s: %w", addr, err))
	}
	return nil, joinErrors(errs)
}

func (n *Node) askRecordAt(ctx context.Context, name string, t catalog.Token, addr string) (*catalog.Enrolment, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := n.dialHost(ctx, addr, t.Node)
	if err != nil {
		return nil, err
	}
	defer conn.Close("")
	binding, err := conn.ExportKey(catalog.EnrolLabel)
	if err != nil {
		return nil, receive.Settled(err) // it did answer: what is wrong is wrong here
	}
	req, err := catalog.NewEnrolRequest(t, n.key.Public(), name, binding)
	if err != nil {
		return nil, receive.Settled(err)
	}
	if err := conn.Send(ctx, wire.Enrol{Payload: req}); err != nil {
		return nil, err
	}
	resp, err := transport.Await[wire.Enrolled](ctx, conn)
	if err != nil {
		return nil, err
	}
	e, err := catalog.OpenEnrolResponse(resp.Payload, t, n.key.Public())
	if err != nil {
		return nil, receive.Settled(err)
	}
	return e, nil
}
