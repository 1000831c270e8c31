//go:build unix

package gateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A rotation is an issuer that begins to sign with another key, and the two tokens.
type rotation struct {
	*testing.T
	*issuer
	*fakeClock
	*Authorizer
	old, young string
}

// newRotation returns one whose issuer signs with key-0, as the authorizer knows.
// Both tokens hold for a day.
func newRotation(t *testing.T) *rotation {
	t.Helper()
	c, i := newClock(), newIssuer(t)
	r := &rotation{T: t, issuer: i, fakeClock: c, Authorizer: i.authorizer(t, c)}
	day := i.claims(c).with(claims{"exp": c.now().Add(24 * time.Hour).Unix()})
	r.old, r.young = sign(t, jose.RS256, testKeys()[0], "key-0", day), sign(t, jose.RS256, testKeys()[1], "key-1", day)
	r.accepts("at first", r.old)
	return r
}

// rotate has the issuer publish key-1, beside key-0.
func (r *rotation) rotate() { r.publish(jwk("key-0", testKeys()[0]), jwk("key-1", testKeys()[1])) }

func (r *rotation) says(h http.HandlerFunc) { r.set(func() { r.intercept = h }) }

func (r *rotation) accepts(when, token string) {
	r.Helper()
	if _, err := r.Verify(r.Context(), token); err != nil {
		r.Errorf("%s: %v", when, err)
	}
}

func (r *rotation) refuses(when, token, description string) {
	r.Helper()
	var refused *TokenError
	if _, err := r.Verify(r.Context(), token); !errors.As(err, &refused) || description != "" && refused.Description != description {
		r.Errorf("%s: got %v, want %q", when, err, description)
	}
}

// awaitFetch waits for the fetch that is under way.
func (r *rotation) awaitFetch() {
	eventually(r.T, "a fetch ended", func() bool {
		k := r.Authorizer.keys
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.running == nil
	})
}

// asked is how often the issuer was asked for its discovery document, with which
// each fetch begins.
func (r *rotation) asked() int {
	n, _ := r.counts()
	return n
}

// unknown returns a token, as far as its form goes, with a kid that nobody has.
func unknown(n int) string {
	header := fmt.Sprintf(`{"alg":"RS256","kid":"invented-%d"}`, n)
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + ".e30.AAAA"
}

// failures are what an issuer that is not well answers.
var failures = map[string]http.HandlerFunc{
	"500":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
	"no page": http.NotFound,
	"a page":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>back soon</html>") },
	"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "\x00\xff{") },
	"nothing": func(http.ResponseWriter, *http.Request) {},
	"null":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "null") },
	"cut":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"cut in the middle": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"keys":[`)
	},
}

// While the issuer is down, whatever that looks like, its old keys are good, also
// behind their time, and a key that it has begun to use is not. It is asked every
// ten seconds at most. When it is back, so is the new key.
func TestRotationWhileTheIssuerIsDown(t *testing.T) {
	t.Parallel()
	for name, failure := range failures {
		for _, from := range []string{"", "/keys"} { // all of it is down, or the keys alone
			t.Run(name+from, func(t *testing.T) {
				t.Parallel()
				r := newRotation(t)
				down := func(w http.ResponseWriter, req *http.Request) {
					if strings.HasPrefix(req.URL.Path, from) {
						failure(w, req)
						return
					}
					fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, r.URL, r.URL+"/keys")
				}
				r.rotate()
				r.says(down)
				const step = 5 * time.Second
				steps := int((keysLifetime + 10*time.Minute) / step)
				before := r.asked()
				r.advance(fetchInterval)
				for n := range steps {
					r.advance(step)
					r.accepts(fmt.Sprint("down, ", time.Duration(n)*step), r.old)
					if n%50 == 0 {
						r.refuses("down", r.young, badKeys)
					}
				}
				if asked, most := r.asked()-before, int(time.Duration(steps)*step/fetchInterval)+1; asked == 0 || asked > most {
					t.Errorf("asked %d times in %v, want no more than %d", asked, time.Duration(steps)*step, most)
				}
				r.awaitFetch()
				r.says(nil)
				r.advance(fetchInterval)
				r.accepts("back", r.young)
				r.accepts("back", r.old)
			})
		}
	}
}

// A set without keys is the issuer's word, not a failure: nobody is let in until
// there are keys again.
func TestRotationToNoKeys(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	r.publish()
	r.advance(fetchInterval)
	r.refuses("empty", r.young, badKey) // which asks
	r.refuses("empty", r.old, badKey)
	r.rotate()
	r.refuses("asked just now", r.old, badKey)
	r.advance(fetchInterval)
	r.accepts("back", r.young)
	r.accepts("back", r.old)
}

// An issuer that answers every other time takes no key away, and a new one is
// found in twice the interval.
func TestRotationWhileTheIssuerFlaps(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	r.rotate()
	for n := range 20 {
		r.says(failures["500"])
		if n%2 == 1 {
			r.says(nil)
		}
		r.advance(fetchInterval)
		r.accepts("flapping", r.old)
		if n == 0 {
			r.refuses("down", r.young, badKeys)
		} else {
			r.accepts("up since", r.young)
		}
		r.refuses("no key", unknown(n), "")
	}
	if asked := r.asked(); asked > 1+20 {
		t.Errorf("asked %d times", asked)
	}
}

// A flood of invented key ids, each another, is one fetch, whether the issuer
// answers or not, and nobody with a key that is known waits for it.
func TestFloodOfUnknownKeys(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"well", "500", "hangs"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRotation(t)
			r.Authorizer.keys.timeout = time.Hour
			asked, release := make(chan struct{}), make(chan struct{})
			var once sync.Once
			r.says(func(w http.ResponseWriter, req *http.Request) {
				once.Do(func() { close(asked) })
				<-release
				if name == "500" {
					w.WriteHeader(500)
					return
				}
				r.says(nil)
				r.issuer.ServeHTTP(w, req)
			})
			r.advance(fetchInterval)
			before := r.asked()
			var flood sync.WaitGroup
			for n := range 1000 {
				flood.Go(func() { r.refuses("flood", unknown(n), "") })
			}
			<-asked
			for range 10 {
				r.accepts("meanwhile", r.old)
			}
			close(release)
			flood.Wait()
			for n := range 1000 {
				r.refuses("after it", unknown(n), "")
			}
			// Where the first of two documents was asked for once more, the intercept
			// has passed the request on.
			if n := r.asked() - before; n > 2 || name == "500" && n != 1 {
				t.Errorf("asked %d times", n)
			}
			if _, fetches := r.counts(); fetches > 2 {
				t.Errorf("the keys were fetched %d times, the first time included", fetches)
			}
		})
	}
}

// An issuer that takes its time holds up nobody whose key is known, once that it
// does not answer is known.
func TestSlowIssuer(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	r.Authorizer.keys.timeout = 50 * time.Millisecond
	hang := make(chan struct{})
	defer close(hang)
	r.says(func(http.ResponseWriter, *http.Request) { <-hang })
	r.advance(keysLifetime)
	r.accepts("the first that finds it slow", r.old)
	r.Authorizer.keys.timeout = time.Hour
	r.advance(fetchInterval)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 {
			r.accepts("slow", r.old)
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("a token whose key is known waits for the issuer")
	}
	eventually(t, "the issuer asked again", func() bool { return r.asked() == 3 })
}

// A clock that is put forward ends tokens, and one that is put back has those
// that were issued since not valid yet. Neither keeps the issuer from being asked,
// or asked more often.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	short := sign(t, jose.RS256, testKeys()[0], "key-0", r.claims(r.fakeClock)) // for an hour
	r.accepts("at its time", short)
	r.advance(2 * time.Hour)
	r.refuses("forward", short, expired)
	r.accepts("forward", r.old)
	r.advance(-2 * time.Hour)
	r.accepts("back again", short)
	r.advance(-time.Hour)
	r.refuses("back", short, fromFuture)
	r.advance(time.Hour)
	r.accepts("back again", short)

	// The keys were fetched in what is now the future.
	r.advance(100 * time.Hour)
	r.refuses("forward", r.old, expired)
	r.advance(-100 * time.Hour)
	before := r.asked()
	r.rotate()
	for range 3 {
		r.accepts("back", r.old)
		_, _ = r.Verify(r.Context(), r.young)
		r.advance(fetchInterval)
	}
	r.accepts("back", r.young)
	if n := r.asked() - before; n < 1 || n > 4 {
		t.Errorf("asked %d times in %v, want 1 to 4", n, 3*fetchInterval)
	}
	r.publish(jwk("key-1", testKeys()[1]))
	r.advance(keysLifetime)
	r.accepts("back", r.young)
	r.refuses("given up", r.old, badKey)

	// Whoever can turn the clock makes no flood of it.
	before = r.asked()
	for n := range 100 {
		r.advance(time.Second)
		r.refuses("unknown", unknown(n), badKey)
		r.advance(-time.Second)
		r.advance(50 * time.Millisecond)
		r.refuses("unknown", unknown(n), badKey)
	}
	if n := r.asked() - before; n > 1 {
		t.Errorf("asked %d times in 5 s, with the clock put back 100 times", n)
	}
}

// The intervals of an Authorizer without a clock of its own are measured by the
// monotonic clock, which nobody puts back.
func TestClockIsMonotonic(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	a, err := NewAuthorizer(AuthorizerOptions{Issuer: i.URL, Audiences: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.FetchKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]time.Time{"tried": a.keys.tried, "fetched": a.keys.fetched} {
		if !strings.Contains(at.String(), " m=") {
			t.Errorf("%s is %v, which has no monotonic reading", name, at)
		}
	}
}
