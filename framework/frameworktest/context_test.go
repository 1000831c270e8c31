package frameworktest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/frameworktest"
	"github.com/routegate/routegate/framework/route"
)

// TestContextOfTheRequest sends requests that have a context of their own.
func TestContextOfTheRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	const manifest = "{version: 1, routes: [{path: /me, method: GET, handler: me}]}"
	newClient := func(t *testing.T, me http.HandlerFunc) *frameworktest.Client {
		c := frameworktest.New(t, []byte(manifest), framework.Handlers{"me": me}, framework.Options{})
		return c.As(route.Principal{Subject: "alice"})
	}

	t.Run("values", func(t *testing.T) {
		t.Parallel()
		ctx := context.WithValue(t.Context(), key{}, "a fake database")
		var got any
		c := newClient(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Context().Value(key{}) })
		res := c.Do(httptest.NewRequestWithContext(ctx, "GET", "/me", nil))
		if res.StatusCode != 200 || got != "a fake database" {
			t.Errorf("status %d, value %v", res.StatusCode, got)
		}
	})

	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		want := time.Now().Add(time.Hour)
		ctx, cancel := context.WithDeadline(t.Context(), want)
		defer cancel()
		var got time.Time
		c := newClient(t, func(_ http.ResponseWriter, r *http.Request) { got, _ = r.Context().Deadline() })
		res := c.Do(httptest.NewRequestWithContext(ctx, "GET", "/me", nil))
		// The App keeps a moment for the response, as it does before Lambda's deadline.
		if res.StatusCode != 200 || got.After(want) || got.Before(want.Add(-time.Second)) {
			t.Errorf("status %d, deadline %v, want %v or just before", res.StatusCode, got, want)
		}
	})

	t.Run("no deadline", func(t *testing.T) {
		t.Parallel()
		var has bool
		c := newClient(t, func(_ http.ResponseWriter, r *http.Request) { _, has = r.Context().Deadline() })
		if res := c.Get("/me"); res.StatusCode != 200 || has {
			t.Errorf("status %d, has a deadline: %v", res.StatusCode, has)
		}
	})

	for name, end := range map[string]struct {
		context func(context.Context) (context.Context, context.CancelFunc)
		err     error
	}{
		"canceled": {context.WithCancel, context.Canceled},
		"too late": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 10*time.Millisecond)
		}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := end.context(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			c := newClient(t, func(_ http.ResponseWriter, r *http.Request) {
				if errors.Is(end.err, context.Canceled) {
					cancel()
				}
				<-r.Context().Done()
				ended <- r.Context().Err()
			})
			res := c.Do(httptest.NewRequestWithContext(ctx, "GET", "/me", nil))
			if err := <-ended; !errors.Is(err, end.err) {
				t.Errorf("the handler's context ended with %v, want %v", err, end.err)
			}
			if body := read(t, res); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("status %d, %s", res.StatusCode, body)
			}
		})
	}

	// The gateway's answer does not depend on the context, because only the
	// function runs with it.
	t.Run("canceled before", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := newClient(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		for range 2 {
			if res := c.Do(httptest.NewRequestWithContext(ctx, "GET", "/me", nil)); res.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("status %d", res.StatusCode)
			}
		}
		if res := c.Do(httptest.NewRequestWithContext(ctx, "GET", "/you", nil)); res.StatusCode != http.StatusNotFound {
			t.Errorf("no route: status %d", res.StatusCode)
		}
	})
}

// TestRequestID checks that a handler's log lines can be found by the id that the
// response has.
func TestRequestID(t *testing.T) {
	t.Parallel()
	var got string
	tell := func(_ http.ResponseWriter, r *http.Request) { got, _ = framework.RequestIDFrom(r.Context()) }
	c := frameworktest.New(t, []byte(everyAccess), framework.Handlers{"tell": tell}, framework.Options{})
	if id := c.Get("/open").Header.Get("Apigw-Requestid"); got == "" || got != id {
		t.Errorf("RequestIDFrom is %q, the response has %q", got, id)
	}
}
