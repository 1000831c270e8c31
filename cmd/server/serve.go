package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/routegate/routegate/framework"
)

const (
	// headerTimeout is how long a client may take for its headers, and maxHeader
	// is how long they may be: API Gateway's quota. net/http adds 4,096 bytes.
	headerTimeout = 10 * time.Second
	maxHeader     = 10_240

	// idleTimeout is how long a connection may lie idle. It is longer than what
	// load balancers have (60 s), so that it is not the server that closes one
	// just when a request comes.
	idleTimeout = 90 * time.Second
)

// listen listens on the address that a flag gives. The error names the flag.
func listen(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s %s: another program listens there: stop it, or choose another port", flag, address)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, address, err)
	}
	return l, nil
}

// serve runs until ctx ends, and then until the requests that run have ended.
func serve(ctx context.Context, c config, manifest []byte, hs framework.Handlers, stderr io.Writer) error {
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	c.app.Logger = log
	app, err := framework.New(manifest, hs, c.app)
	if err != nil {
		return err
	}
	if len(c.iamRoutes) > 0 {
		log.Warn("nobody checks AWS signatures here: these routes refuse everyone", "iam_routes", c.iamRoutes)
	}
	if strings.HasPrefix(cmp.Or(c.keysURI, c.issuer), "http:") {
		log.Warn("the issuer's keys come over plain http: whoever is on the way can put others in their place")
	}
	options := framework.HandlerOptions{Timeout: c.timeout, MaxBody: c.maxBody}
	if c.authorizer != nil {
		options.Verify = c.authorizer.Verify
	}
	handler := app.Handler(options)
	if c.cors != nil {
		handler = c.cors.Handler(handler)
	}

	apiAt, err := listen("-listen", c.listen)
	if err != nil {
		return err
	}
	defer apiAt.Close()
	healthAt, err := listen("-health", c.health)
	if err != nil {
		return err
	}
	defer healthAt.Close()

	h := &health{}
	// The App gives each request deadlines of its own; these are for what does not
	// come to it: preflights, and what net/http answers by itself.
	api, beside := newServer(handler, headerTimeout+c.timeout, log), newServer(h.handler(), headerTimeout, log)
	defer beside.Close()
	served := make(chan error, 2)
	go func() { served <- api.Serve(apiAt) }()
	go func() { served <- beside.Serve(healthAt) }()
	log.Info("listening", "api", apiAt.Addr().String(), "health", healthAt.Addr().String(), "issuer", c.issuer)
	go h.awaitKeys(ctx, c.authorizer, log)

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	// Whoever sends requests here needs a moment to see that no more are wanted.
	h.ending.Store(true)
	log.Info("ending", "drain", c.drain.String(), "grace", c.grace.String())
	select {
	case err := <-served:
		return err
	case <-time.After(c.drain):
	}
	closing, cancel := context.WithTimeout(context.Background(), c.grace)
	defer cancel()
	if err := api.Shutdown(closing); err != nil {
		api.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("requests that still ran after %v were cut off", c.grace)
		}
		return err
	}
	log.Info("ended")
	return nil
}

func newServer(h http.Handler, timeout time.Duration, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       timeout,
		WriteTimeout:      timeout + headerTimeout, // an answer may have to wait for the body's end
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// OPTIONS * is no route's, and 404 like everything that is not.
		DisableGeneralOptionsHandler: true,
	}
}
