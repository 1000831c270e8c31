package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/routegate/routegate/framework/gateway"
)

// A site says where a request comes from.
type site int

const (
	// otherSite is a web page of another site.
	otherSite site = iota
	// sameSite is a web page of another origin on the same host, such as a
	// development server on another port.
	sameSite
	// own is a page of this server, the browser's address bar, or a program that is
	// not a browser.
	own
)

// siteOf returns where a request comes from. A page can set neither Sec-Fetch-Site
// (W3C, "Fetch Metadata Request Headers") nor Origin (Fetch standard). An old
// browser does not send Sec-Fetch-Site, and no browser sends it to a host that is
// neither https nor loopback. Then Origin decides. A GET without either header
// counts as own, because a page cannot read a response from another origin unless
// the browser sent Origin.
func siteOf(r *http.Request) site {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return own
	case "same-site":
		return sameSite
	case "":
	default:
		return otherSite
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return own
	}
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Host == "":
		return otherSite // "null", for one
	case strings.EqualFold(u.Host, r.Host):
		return own
	case strings.EqualFold(hostName(u.Host), hostName(r.Host)):
		return sameSite
	}
	return otherSite
}

// mayHaveToken reports whether the built-in issuer may give a token to the sender
// of a request to the API. A page of another origin must be on the same host, and
// -cors must name its origin and must not allow every origin.
func (s *service) mayHaveToken(r *http.Request) bool {
	switch siteOf(r) {
	case own:
		return true
	case sameSite:
		return s.cors != nil && slices.Contains(s.cors.AllowOrigins, r.Header.Get("Origin")) && !slices.Contains(s.cors.AllowOrigins, "*")
	}
	return false
}

// A tokenGate is the function. It counts the running events whose sender may not
// have a token. Meanwhile the built-in issuer gives no token to any program,
// because the program may be the function, which would pass the token on. It does
// not matter which handler asks for the token, or on which route.
type tokenGate struct {
	gateway.Function
	running atomic.Int64
}

// noToken is the key of a context whose request may not bring a token.
type noToken struct{}

// Invoke sends the function an event and returns its answer.
func (g *tokenGate) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if ctx.Value(noToken{}) != nil {
		g.running.Add(1)
		defer g.running.Add(-1)
	}
	return g.Function.Invoke(ctx, payload)
}

// closed reports whether such an event runs.
func (g *tokenGate) closed() bool { return g.running.Load() > 0 }
