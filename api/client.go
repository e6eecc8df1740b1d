package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/wimcast/wimcast/node"
)

// Client talks to a running node.
type Client struct{ http *http.Client }

// Dial returns a client of the node that runs on dir, or nil when none runs.
func Dial(dir string) *Client {
	path := socketPath(dir)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", path)
	}
	probe, err := dial(context.Background(), "", "")
	if err != nil {
		return nil
	}
	probe.Close()
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Close ends the client.
func (c *Client) Close() error { return nil }

// Status returns the node's status.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var v Status
	err := c.call(ctx, http.MethodGet, "/status", nil, &v)
	return v, err
}

// Events returns what has happened after the event with the ID since, 0: all that is kept. While there is nothing it waits, for
// about half a minute; then the answer is empty. Ask again with its Next.
func (c *Client) Events(ctx context.Context, since uint64) (Events, error) {
	var v Events
	err := c.call(ctx, http.MethodGet, fmt.Sprintf("/events?since=%d", since), nil, &v)
	return v, err
}

// Contents lists the catalogue.
func (c *Client) Contents(ctx context.Context) ([]node.Content, error) {
	var list []Content
	if err := c.call(ctx, http.MethodGet, "/catalogue", nil, &list); err != nil {
		return nil, err
	}
	out := make([]node.Content, len(list))
	for i, v := range list {
		var err error
		if out[i], err = v.value(); err != nil {
			return nil, unreadable(err)
		}
	}
	return out, nil
}

// Token asks for an enrolment token.
func (c *Client) Token(ctx context.Context, req node.TokenRequest) (node.TokenResult, error) {
	var v Token
	err := c.call(ctx, http.MethodPost, "/token", tokenRequest(req), &v)
	return node.TokenResult(v), err
}

// Remove removes a content from the catalogue.
func (c *Client) Remove(ctx context.Context, name, version string) error {
	return c.call(ctx, http.MethodPost, "/remove", removeRequest{Name: name, Version: version}, &struct{}{})
}

// GC frees what no content needs.
func (c *Client) GC(ctx context.Context) (node.GCResult, error) {
	var v GCResult
	err := c.call(ctx, http.MethodPost, "/gc", struct{}{}, &v)
	return node.GCResult(v), err
}

// Verify has the node read every chunk.
func (c *Client) Verify(ctx context.Context) (node.VerifyResult, error) {
	var v VerifyResult
	err := c.call(ctx, http.MethodPost, "/verify", struct{}{}, &v)
	return node.VerifyResult(v), err
}

// Publish has the node publish a file.
func (c *Client) Publish(ctx context.Context, req node.PublishRequest, progress func(done, total int64)) (node.PublishResult, error) {
	resp, err := c.do(ctx, http.MethodPost, "/publish", fromPublish(req))
	if err != nil {
		return node.PublishResult{}, err
	}
	defer resp.Body.Close()
	for dec := json.NewDecoder(resp.Body); ; {
		var line publishLine
		if err := dec.Decode(&line); err != nil {
			return node.PublishResult{}, fmt.Errorf("the node stopped in the middle: %w; publish again", err)
		}
		switch {
		case line.Error != "":
			return node.PublishResult{}, remote(line.Error, line.Cause)
		case line.Result != nil:
			out, err := line.Result.value()
			if err != nil {
				return node.PublishResult{}, unreadable(err)
			}
			return out, nil
		case progress != nil:
			progress(line.Done, line.Total)
		}
	}
}

// unreadable says that an answer is not what this program knows: one of a newer node.
func unreadable(err error) error { return fmt.Errorf("read the running node's answer: %w", err) }

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

// do sends a request; an answer that is an error becomes one.
func (c *Client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://node"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the running node: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		var f failure
		if err := json.NewDecoder(io.LimitReader(resp.Body, bodyMax)).Decode(&f); err != nil || f.Error == "" {
			f.Error = resp.Status
		}
		return nil, remote(f.Error, f.Cause)
	}
	return resp, nil
}
