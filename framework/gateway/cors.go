package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// CORS is the CORS configuration of an HTTP API (developer guide, "Configure
// CORS for HTTP APIs"). The zero CORS allows no origin, and still takes the place
// of what the function says.
type CORS struct {
	// AllowOrigins are origins to the letter, or "*", "https://*" or "http://*".
	AllowOrigins []string
	AllowMethods []string
	AllowHeaders []string
	// ExposeHeaders are the headers of an answer that a script may read.
	ExposeHeaders []string
	// MaxAge is for how many seconds a browser may keep the answer to a
	// preflight; 0 leaves it to the browser, -1 forbids it.
	MaxAge           int
	AllowCredentials bool
}

// Validate reports what API Gateway would refuse when the API is made. A Gateway
// with a CORS that is not valid allows no origin.
func (c *CORS) Validate() error {
	for _, origin := range c.AllowOrigins {
		switch origin {
		case "*", "https://*", "http://*":
			continue
		}
		if strings.Contains(origin, "*") {
			return fmt.Errorf("CORS origin %q: of origins with a * API Gateway takes only *, https://* and http://*", origin)
		}
		if u, err := parseHTTPURL(origin); err != nil || u.Scheme+"://"+u.Host != origin {
			return fmt.Errorf("CORS origin %q: an origin is scheme://host or scheme://host:port", origin)
		}
	}
	if c.AllowCredentials && slices.Contains(c.AllowOrigins, "*") {
		return errors.New("allow-credentials is not supported if 'allow-origin' is *") // AWS's own words
	}
	for _, method := range c.AllowMethods {
		if len(method) < 1 || len(method) > 64 {
			return fmt.Errorf("CORS method %q: a method has 1 to 64 characters", method)
		}
	}
	if c.MaxAge < -1 || c.MaxAge > 86400 {
		return fmt.Errorf("CORS max age %d: it is -1 to 86400 seconds", c.MaxAge)
	}
	return nil
}

// isPreflight reports whether a request is one that the gateway answers by
// itself, whether or not a route takes OPTIONS. With an ANY route reports
// disagree with AWS's documentation, which is followed here.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// allowed returns the access-control-allow-origin for an origin, "" for none.
func (c *CORS) allowed(origin string) string {
	scheme, _, _ := strings.Cut(origin, "://")
	switch {
	case origin == "":
	case slices.Contains(c.AllowOrigins, "*"):
		return "*"
	case slices.Contains(c.AllowOrigins, origin), origin != scheme && slices.Contains(c.AllowOrigins, scheme+"://*"):
		return origin
	}
	return ""
}

// preflight writes the headers that answer a preflight: none where the origin is
// not allowed.
func (c *CORS) preflight(h http.Header, origin string) {
	if !c.decorate(h, origin) {
		return
	}
	h.Del("Access-Control-Expose-Headers") // means nothing here
	for name, values := range map[string][]string{
		"Access-Control-Allow-Methods": c.AllowMethods,
		"Access-Control-Allow-Headers": c.AllowHeaders,
	} {
		if len(values) > 0 {
			h.Set(name, strings.Join(values, ","))
		}
	}
	if c.MaxAge != 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
	}
}

// decorate puts the gateway's CORS headers in the place of the function's, and
// reports whether the origin is allowed.
func (c *CORS) decorate(h http.Header, origin string) bool {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	allowed := c.allowed(origin)
	if allowed == "" {
		return false
	}
	h.Set("Access-Control-Allow-Origin", allowed)
	if c.AllowCredentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposeHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposeHeaders, ","))
	}
	return true
}

// Handler puts the CORS of an HTTP API around what serves without one: it answers
// preflights by itself, and puts its headers in the place of those that next
// writes. The CORS must be valid.
func (c *CORS) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if isPreflight(r) {
			c.preflight(w.Header(), origin)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(&corsWriter{ResponseWriter: w, cors: c, origin: origin}, r)
	})
}

// A corsWriter decorates an answer when it is sent.
type corsWriter struct {
	http.ResponseWriter
	cors   *CORS
	origin string
	done   bool
}

func (w *corsWriter) WriteHeader(code int) {
	if !w.done {
		w.done = code >= 200
		w.cors.decorate(w.Header(), w.origin)
		// Caches have to know what an answer depends on (Fetch standard, "CORS
		// protocol and HTTP caches").
		if !slices.Contains(w.cors.AllowOrigins, "*") {
			w.Header().Add("Vary", "Origin")
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *corsWriter) Write(p []byte) (int, error) {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *corsWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
