package gateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// A token is found the same whether its header is known or not: each attack, and
// what a header that is known only because a good token had it could let in.
func TestKnownHeader(t *testing.T) {
	t.Parallel()
	f := newForgery(t)
	known := 0
	for _, attack := range f.attacks(t) {
		header, _, _ := strings.Cut(attack.token, ".")
		good := header + "." + b64(f.payload)
		good += "." + b64(byRSA(f.key)(good))
		f.compare(t, attack.name, attack.token, good)
		f.compare(t, attack.name, attack.token, f.signed(f.payload))
		if _, ok := f.header.Load().read(attack.token); ok {
			known++
		}
	}
	if known < 20 {
		t.Errorf("%d attacks have a known header", known)
	}
	good := f.signed(f.payload)
	for at := range len(good) + 1 {
		for _, more := range []string{"\n", "\r", ".", "=", " ", "A"} {
			f.compare(t, fmt.Sprintf("%q at %d", more, at), good[:at]+more+good[at:], good)
		}
		f.compare(t, fmt.Sprintf("cut at %d", at), good[:at], good)
	}
	for n := range 8 {
		long := f.signed(f.with(claims{"x": strings.Repeat("x", maxHeader*3/4-len(good)*3/4+n)}))
		f.compare(t, fmt.Sprint(len(long), " bytes"), long, good)
	}
}

// compare verifies a token by package jose, and then with the header of another
// one known, if that is a good one.
func (f *forgery) compare(t *testing.T, name, token, good string) {
	t.Helper()
	f.header.Store(nil)
	want, wantRefusal := f.verifySignature(t.Context(), token)
	f.header.Store(nil)
	_, _ = f.verifySignature(t.Context(), good)
	got, refusal := f.verifySignature(t.Context(), token)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(verifiedToken{})); diff != "" {
		t.Errorf("%s: with a known header (-by package jose +ours):\n%s", name, diff)
	}
	if diff := cmp.Diff(wantRefusal, refusal); diff != "" {
		t.Errorf("%s: refused with a known header (-by package jose +ours):\n%s", name, diff)
	}
}

// A header is known once a token was found good that is signed with RS256, and
// then until there is another.
func TestHeaderBecomesKnown(t *testing.T) {
	t.Parallel()
	f := newForgery(t)
	f.publish(jwk("key-0", f.key), jose.JSONWebKey{Key: &f.key.PublicKey, KeyID: "key-1", Use: "sig"})
	isKnown := func(token string) bool { _, ok := f.header.Load().read(token); return ok }
	verify := func(token string, want bool) {
		t.Helper()
		if _, err := f.Verify(t.Context(), token); (err == nil) != want {
			t.Fatal(err)
		}
	}
	first, second := f.signed(f.payload), f.signed(f.with(claims{"sub": "bob"}))
	verify(forge(rs256, f.payload, byRSA(f.stranger)), false)
	if isKnown(first) {
		t.Error("the header of a forged token is known")
	}
	verify(signPayload(t, jose.RS512, f.key, "key-1", []byte(f.payload)), true)
	if f.header.Load() != nil {
		t.Error("a header that names RS512 is known")
	}
	verify(first, true)
	if !isKnown(first) || !isKnown(second) {
		t.Error("the header of a good token is not known")
	}
	verify(second, true)
	other := sign(t, jose.RS256, f.key, "key-1", f.good)
	if isKnown(other) {
		t.Error("the header of another key is known")
	}
	verify(other, true)
	if isKnown(first) || !isKnown(other) {
		t.Error("the header that came last is not the one that is known")
	}

	// The key is asked for each time.
	f.publish(jwk("key-1", f.stranger))
	f.advance(keysLifetime)
	verify(sign(t, jose.RS256, f.key, "key-1", f.good.with(claims{"sub": "carol", "exp": f.fakeClock.now().Unix() + 100})), false)
	verify(sign(t, jose.RS256, f.stranger, "key-1", f.good.with(claims{"sub": "carol", "exp": f.fakeClock.now().Unix() + 100})), true)
	// A key that names an algorithm is for no other.
	f.publish(jose.JSONWebKey{Key: &f.stranger.PublicKey, KeyID: "key-1", Use: "sig", Algorithm: "PS256"})
	f.advance(keysLifetime)
	verify(sign(t, jose.RS256, f.stranger, "key-1", f.good.with(claims{"sub": "dave", "exp": f.fakeClock.now().Unix() + 100})), false)
}

// FuzzKnownHeader compares the two ways to verify a token.
func FuzzKnownHeader(f *testing.F) {
	forgery := newForgery(f)
	good := forgery.signed(forgery.payload)
	f.Add(good)
	for _, attack := range forgery.attacks(f) {
		f.Add(attack.token)
		_, rest, _ := strings.Cut(attack.token, ".")
		f.Add(b64(rs256) + "." + rest)
	}
	f.Fuzz(func(t *testing.T, token string) { forgery.compare(t, "it", token, good) })
}
