package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/routegate/routegate/framework/gateway"
)

// A health tells whoever runs the process about it. It has an address of its own,
// so that no route can be in its way and no client of the API sees it.
//
//	/healthz  200 as long as the process can answer at all
//	/readyz   200 from when tokens can be checked until the end has begun, else 503
type health struct {
	hasKeys atomic.Bool
	ending  atomic.Bool
}

func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case h.ending.Load():
			say(w, http.StatusServiceUnavailable, "ending")
		case !h.hasKeys.Load():
			say(w, http.StatusServiceUnavailable, "the issuer's keys are not there yet")
		default:
			say(w, http.StatusOK, "ok")
		}
	})
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // a client that went away
}

// keysInterval is as often as an Authorizer asks its issuer.
const keysInterval = 10 * time.Second

// awaitKeys fetches the issuer's keys, and asks until it has them: nobody sends
// tokens to a server that is not ready. Once is enough. A server does not become
// unready because its issuer is down later, when all of them would at once: the
// keys that it has go on working.
func (h *health) awaitKeys(ctx context.Context, a *gateway.Authorizer, log *slog.Logger) {
	for a != nil {
		err := a.FetchKeys(ctx)
		if err == nil {
			break
		}
		log.Error("not ready: the issuer's keys could not be had", "error", err)
		select {
		case <-time.After(keysInterval):
		case <-ctx.Done():
			return
		}
	}
	h.hasKeys.Store(true)
}
