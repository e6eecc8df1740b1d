package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/bus"
)

// Folder is what an administrator does to a distribution point's folder. It is the same through a running node (Client) and to a
// folder that was opened directly (node.Local).
type Folder interface {
	Publish(ctx context.Context, req node.PublishRequest, progress func(done, total int64)) (node.PublishResult, error)
	Token(ctx context.Context, req node.TokenRequest) (node.TokenResult, error)
	Contents(ctx context.Context) ([]node.Content, error)
	Remove(ctx context.Context, name, version string) error
	GC(ctx context.Context) (node.GCResult, error)
	Verify(ctx context.Context) (node.VerifyResult, error)
}

// Node is what the control interface controls: a running node.
type Node interface {
	Folder
	Status() node.Status
	Events() *bus.Bus
}

const bodyMax = 64 << 10 // bytes of a request

// socketPath is the socket's place in a node's folder.
func socketPath(dir string) string { return filepath.Join(dir, "node.sock") }

// Listen serves the control interface of the node in dir until ctx ends. The caller holds the folder's lock, so a socket
// that is there already is a dead node's.
func Listen(ctx context.Context, dir string, of Node) error {
	path := socketPath(dir)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("open control socket: %w", err)
	}
	l, err := listenPrivate(path)
	if err != nil {
		return fmt.Errorf("open control socket %s: %w", path, err)
	}
	srv := &http.Server{Handler: handler(of), ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve control socket: %w", err)
	}
	return nil
}

func handler(of Node) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, of.Status(), nil) })
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		out, err := follow(r.Context(), of.Events(), r.URL.Query().Get("since"))
		reply(w, out, err)
	})
	mux.HandleFunc("GET /catalogue", func(w http.ResponseWriter, r *http.Request) {
		list, err := of.Contents(r.Context())
		out := []Content{}
		for _, c := range list {
			out = append(out, FromContent(c))
		}
		reply(w, out, err)
	})
	mux.HandleFunc("POST /gc", func(w http.ResponseWriter, r *http.Request) {
		out, err := of.GC(r.Context())
		reply(w, GCResult(out), err)
	})
	mux.HandleFunc("POST /verify", func(w http.ResponseWriter, r *http.Request) {
		out, err := of.Verify(r.Context())
		reply(w, VerifyResult(out), err)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		req, err := body[tokenRequest](w, r)
		var token node.TokenResult
		if err == nil {
			token, err = of.Token(r.Context(), node.TokenRequest(req))
		}
		reply(w, Token(token), err)
	})
	mux.HandleFunc("POST /remove", func(w http.ResponseWriter, r *http.Request) {
		req, err := body[removeRequest](w, r)
		if err == nil {
			err = of.Remove(r.Context(), req.Name, req.Version)
		}
		reply(w, struct{}{}, err)
	})
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) { publish(w, r, of) })
	return mux
}

// publish streams progress, at most five lines a second, and then the result.
func publish(w http.ResponseWriter, r *http.Request, to Node) {
	asked, err := body[publishRequest](w, r)
	var req node.PublishRequest
	if err == nil {
		req, err = asked.value()
	}
	if err != nil {
		reply(w, nil, err)
		return
	}
	enc, flush := json.NewEncoder(w), http.NewResponseController(w).Flush
	last := time.Now()
	done, err := to.Publish(r.Context(), req, func(done, total int64) {
		if time.Since(last) < 200*time.Millisecond {
			return
		}
		last = time.Now()
		enc.Encode(publishLine{Done: done, Total: total})
		flush()
	})
	result := FromPublished(done)
	line := publishLine{Result: &result}
	if err != nil {
		line = publishLine{Error: err.Error(), Cause: causeName(err)}
	}
	enc.Encode(line)
}

func body[T any](w http.ResponseWriter, r *http.Request) (T, error) {
	var v T
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax)).Decode(&v)
	if err != nil {
		err = fmt.Errorf("read request: %w", err)
	}
	return v, err
}

// failure is the body of an answer that is an error.
type failure struct {
	Error string `json:"error"`
	Cause string `json:"cause,omitempty"`
}

func reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		v = failure{err.Error(), causeName(err)}
	}
	json.NewEncoder(w).Encode(v)
}
