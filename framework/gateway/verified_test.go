package gateway

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func digestOf(token string) digest { return sha256.Sum256([]byte(token)) }

// A remembering is an Authorizer, an issuer and a clock.
type remembering struct {
	testing.TB
	*issuer
	*fakeClock
	*Authorizer
}

func newRemembering(t testing.TB) remembering {
	c, iss := newClock(), newIssuer(t)
	return remembering{t, iss, c, iss.authorizer(t, c)}
}

func (r remembering) token(key *rsa.PrivateKey, kid string, changes claims) string {
	return sign(r.TB, jose.RS256, key, kid, r.claims(r.fakeClock).with(changes))
}

func (r remembering) accepts(token string) map[string]any {
	r.Helper()
	payload, err := r.Verify(r.Context(), token)
	if err != nil {
		r.Fatalf("refused: %v", err)
	}
	return claimsOf(r, payload)
}

func (r remembering) refuses(token, description string) {
	r.Helper()
	var refused *TokenError
	if _, err := r.Verify(r.Context(), token); !errors.As(err, &refused) || refused.Description != description {
		r.Errorf("got %v, want %q", err, description)
	}
}

// mark changes what is remembered of a token: whoever then is mallory was not
// checked again.
func (r remembering) mark(token string) {
	r.Helper()
	t := r.verified.get(digestOf(token))
	if t == nil {
		r.Fatal("the token is not remembered")
	}
	t.payload = strings.Replace(t.payload, "alice", "mallory", 1)
}

func (r remembering) isMarked(token string) bool {
	r.Helper()
	return r.accepts(token)["sub"] == "mallory"
}

// A signature is checked once.
func TestVerifiedOnce(t *testing.T) {
	t.Parallel()
	r := newRemembering(t)
	token := r.token(testKeys()[0], "key-0", nil)
	r.accepts(token)
	r.mark(token)
	if !r.isMarked(token) {
		t.Error("the token was checked again")
	}
}

// What is remembered is for the same token, to the last bit of its signature, and
// to the last character in which that is written.
func TestVerifiedIsOneToken(t *testing.T) {
	t.Parallel()
	r := newRemembering(t)
	token := r.token(testKeys()[0], "key-0", nil)
	other := r.token(testKeys()[0], "key-0", claims{"sub": "bob"})
	r.accepts(token)
	r.mark(token)

	// 2048 bits are 341 characters and a third of one, whose other bits nobody reads.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	end := len(token) - 1
	rewritten := token[:end] + string(alphabet[strings.IndexByte(alphabet, token[end])^1])
	r.refuses(rewritten, badForm)
	at := strings.LastIndex(token, ".") + 1
	signature, err := base64.RawURLEncoding.DecodeString(token[at:])
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, len(signature) / 2, len(signature) - 1} {
		signature[i] ^= 1
		r.refuses(token[:at]+base64.RawURLEncoding.EncodeToString(signature), badSignature)
		signature[i] ^= 1
	}
	r.refuses(token[:at], badSignature)
	r.refuses(other[:strings.LastIndex(other, ".")+1]+token[at:], badSignature)
	r.refuses(token+".", badForm)
	if !r.isMarked(token) {
		t.Error("the token itself is forgotten")
	}
}

// A token that was let through once is let through for as long as it would be if
// nothing were remembered.
func TestVerifiedTimes(t *testing.T) {
	t.Parallel()
	r := newRemembering(t)
	now := r.fakeClock.now().Unix()
	token := r.token(testKeys()[0], "key-0", claims{"exp": now + 60, "nbf": now, "iat": nil})
	issued := r.token(testKeys()[0], "key-0", nil)
	r.accepts(token)
	r.accepts(issued)
	r.mark(token)
	r.advance(60*time.Second - time.Microsecond)
	if !r.isMarked(token) {
		t.Error("forgotten before its time")
	}
	r.advance(time.Microsecond)
	r.refuses(token, expired)
	r.advance(-61 * time.Second) // a clock that is set right
	r.refuses(token, notYet)
	r.refuses(issued, fromFuture)
	r.advance(time.Second)
	r.accepts(token)
}

// What is remembered counts for as long as the keys do that were there.
func TestVerifiedKeys(t *testing.T) {
	t.Parallel()
	old, fresh := testKeys()[0], testKeys()[1]
	rotate := func(r remembering, keys ...jose.JSONWebKey) {
		r.publish(keys...)
		r.advance(fetchInterval)
		r.refuses(r.token(old, "invented", nil), badKey) // has the keys fetched
	}
	for name, test := range map[string]func(r remembering, token string){
		"the same keys, fetched again": func(r remembering, token string) {
			rotate(r, jwk("key-0", old))
			if r.isMarked(token) {
				r.Error("it was not looked at again")
			}
			r.mark(token)
			if !r.isMarked(token) {
				r.Error("it is not remembered with the new keys")
			}
		},
		"a second key": func(r remembering, token string) {
			rotate(r, jwk("key-0", old), jwk("key-1", fresh))
			r.accepts(token)
			r.accepts(r.token(fresh, "key-1", nil))
		},
		"the key is gone": func(r remembering, token string) {
			rotate(r, jwk("key-1", fresh))
			r.refuses(token, badKey)
		},
		"the key is gone, by the end of its lifetime": func(r remembering, _ string) {
			token := r.token(old, "key-0", claims{"exp": r.fakeClock.now().Add(2 * keysLifetime).Unix()})
			r.accepts(token)
			r.publish(jwk("key-1", fresh))
			r.advance(keysLifetime - time.Second)
			r.accepts(token) // the issuer is not asked: so long a revoked key lives, in AWS too
			r.advance(time.Second)
			r.refuses(token, badKey)
		},
		"no key is left": func(r remembering, token string) {
			rotate(r)
			r.refuses(token, badKey)
		},
		"the id is another key's": func(r remembering, token string) {
			rotate(r, jwk("key-0", fresh))
			r.refuses(token, badSignature)
			r.accepts(r.token(fresh, "key-0", nil))
		},
		"the key is for another algorithm": func(r remembering, token string) {
			k := jwk("key-0", old)
			k.Algorithm = "PS256"
			rotate(r, k)
			r.refuses(token, badSignature)
		},
		"the key is for encryption": func(r remembering, token string) {
			k := jwk("key-0", old)
			k.Use = "enc"
			rotate(r, k)
			r.refuses(token, badKey)
		},
		"the key came back": func(r remembering, token string) {
			rotate(r, jwk("key-1", fresh))
			r.refuses(token, badKey)
			rotate(r, jwk("key-0", old))
			if r.isMarked(token) {
				r.Error("it was not looked at again")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRemembering(t)
			token := r.token(old, "key-0", nil)
			r.accepts(token)
			r.mark(token)
			test(r, token)
		})
	}
}

// A token that was refused is not remembered, for whatever reason it was.
func TestRefusedIsNotRemembered(t *testing.T) {
	t.Parallel()
	r := newRemembering(t)
	key, now := testKeys()[0], r.fakeClock.now().Unix()
	r.refuses(r.token(key, "key-0", claims{"aud": "web"}), badAudience)
	r.refuses(r.token(key, "key-0", claims{"iss": "https://other.example.com"}), badIssuer)
	r.refuses(r.token(key, "key-0", claims{"exp": now}), expired)
	r.refuses(r.token(key, "key-0", claims{"nbf": now + 1}), notYet)
	r.refuses(r.token(testKeys()[1], "key-0", nil), badSignature)
	r.refuses(r.token(key, "key-1", nil), badKey)
	r.refuses(signPayload(t, jose.RS256, key, "key-0", []byte(`{"a":1,"a":1}`)), badForm)
	r.refuses("x", badForm)
	if n := r.verified.recent.Len(); n != 0 {
		t.Errorf("%d are remembered", n)
	}
}

// The claims are the caller's: what one does to them the next does not see.
func TestVerifiedClaimsAreOwn(t *testing.T) {
	t.Parallel()
	r := newRemembering(t)
	token := r.token(testKeys()[0], "key-0", claims{"groups": []string{"users"}, "realm": map[string]any{"roles": []string{"users"}}})
	for range 3 {
		got := r.accepts(token)
		groups, realm := got["groups"].([]any), got["realm"].(map[string]any)
		if len(groups) != 1 || groups[0] != "users" || realm["roles"].([]any)[0] != "users" || got["sub"] != "alice" {
			t.Fatalf("got %v", got)
		}
		groups[0], got["sub"] = "admins", "root"
		realm["roles"].([]any)[0] = "admins"
		realm["more"] = true
	}
}

func TestVerifiedBounds(t *testing.T) {
	t.Parallel()
	entry := func(n, size int) *verifiedToken {
		return &verifiedToken{digest: digest{byte(n)}, payload: strings.Repeat(" ", size)}
	}
	tests := []struct {
		name  string
		sizes []int // of the payloads, in the order in which they come
		used  int   // before the last one comes; 0: none
		want  string
	}{
		{"nothing", nil, 0, ""},
		{"as many as there may be", []int{1, 1, 1, 1}, 0, "1 2 3 4"},
		{"one too many", []int{1, 1, 1, 1, 1}, 0, "2 3 4 5"},
		{"one too many, where the first was used", []int{1, 1, 1, 1, 1}, 1, "1 3 4 5"},
		{"as long as they may be", []int{60, 40}, 0, "1 2"},
		{"too long together", []int{60, 41}, 0, "2"},
		{"one that takes the place of two", []int{40, 40, 20, 70}, 0, "3 4"},
		{"too long alone", []int{10, 10, 101}, 0, "1 2"},
		{"as long as all may be", []int{10, 10, 100}, 0, "3"},
	}
	for _, test := range tests {
		v := newVerified()
		v.max, v.maxBytes = 4, 100
		for i, size := range test.sizes {
			if i == len(test.sizes)-1 && test.used > 0 {
				v.get(digest{byte(test.used)})
			}
			v.put(entry(i+1, size))
		}
		var have []string
		bytes := 0
		for n := range len(test.sizes) {
			if e := v.get(digest{byte(n + 1)}); e != nil {
				have = append(have, fmt.Sprint(n+1))
				bytes += len(e.payload)
			}
		}
		if got := strings.Join(have, " "); got != test.want {
			t.Errorf("%s: %s are left, want %s", test.name, got, test.want)
		}
		if v.bytes != bytes || len(v.byToken) != len(have) || v.recent.Len() != len(have) {
			t.Errorf("%s: %d bytes, %d tokens, %d in order; want %d and %d", test.name, v.bytes, len(v.byToken), v.recent.Len(), bytes, len(have))
		}
	}
}

// A token that two requests bring at once, or that comes again with other keys,
// is there once.
func TestVerifiedTwice(t *testing.T) {
	t.Parallel()
	v := newVerified()
	first, second := &verifiedToken{payload: "0123456789"}, &verifiedToken{payload: "01234567890123456789"}
	v.put(first)
	v.put(second)
	if v.get(digest{}) != second || v.bytes != 20 || v.recent.Len() != 1 {
		t.Errorf("%d bytes, %d tokens", v.bytes, v.recent.Len())
	}
}

// Many requests at once, more tokens than there is room for, and keys that
// change: whoever is let through is who the token says.
func TestVerifiedConcurrently(t *testing.T) {
	t.Parallel()
	r := newRemembering(t)
	r.verified.max = 3
	keys := testKeys()
	tokens := make([]string, 8)
	for i := range tokens {
		tokens[i] = r.token(keys[i%2], fmt.Sprintf("key-%d", i%2), claims{"sub": fmt.Sprint(i)})
	}
	forged := r.token(keys[1], "key-0", nil)
	r.publish(jwk("key-0", keys[0]), jwk("key-1", keys[1]))

	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for n := range 200 {
				i := n * 5 % len(tokens)
				payload, err := r.Verify(t.Context(), tokens[i])
				if err == nil && !strings.Contains(payload, fmt.Sprintf(`"sub":"%d"`, i)) {
					t.Errorf("token %d is that of %s", i, payload)
				}
				if err != nil && i%2 == 0 {
					t.Errorf("token %d: %v", i, err)
				}
				if _, err := r.Verify(t.Context(), forged); err == nil {
					t.Error("a forged token was let through")
				}
			}
		})
	}
	running.Go(func() {
		for n := range 10 {
			if n%2 == 0 {
				r.publish(jwk("key-0", keys[0]))
			} else {
				r.publish(jwk("key-0", keys[0]), jwk("key-1", keys[1]))
			}
			r.advance(fetchInterval)
			_, _ = r.Verify(t.Context(), r.token(keys[0], "invented", nil))
		}
	})
	running.Wait()
	if n := r.verified.recent.Len(); n > 3 || n != len(r.verified.byToken) {
		t.Errorf("%d are remembered, %d by their digest", n, len(r.verified.byToken))
	}
}
