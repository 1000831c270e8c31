package gateway

import (
	"context"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// Inspect refuses what every Authorizer refuses, in its words, and lets through
// what only the issuer's keys, its name or the audience can tell.
func TestInspect(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	key, stranger := testKeys()[0], testKeys()[1]
	good := iss.claims(c)
	now := c.now().Unix()
	authorizer := iss.authorizer(t, c)
	for name, test := range map[string]struct {
		token          string
		refused, error bool
	}{
		"good":              {token: sign(t, jose.RS256, key, "key-0", good)},
		"expired":           {token: sign(t, jose.RS256, key, "key-0", good.with(claims{"exp": now})), refused: true},
		"no exp":            {token: sign(t, jose.RS256, key, "key-0", good.with(claims{"exp": nil})), refused: true},
		"not yet":           {token: sign(t, jose.RS256, key, "key-0", good.with(claims{"nbf": now + 1})), refused: true},
		"from the future":   {token: sign(t, jose.RS256, key, "key-0", good.with(claims{"iat": now + 1})), refused: true},
		"no iss":            {token: sign(t, jose.RS256, key, "key-0", good.with(claims{"iss": nil})), refused: true},
		"no aud":            {token: sign(t, jose.RS256, key, "key-0", good.with(claims{"aud": nil, "client_id": nil})), refused: true},
		"no kid":            {token: sign(t, jose.RS256, key, "", good), refused: true},
		"HMAC":              {token: sign(t, jose.HS256, []byte("a key of thirty-two bytes or more"), "key-0", good), refused: true},
		"another signature": {token: sign(t, jose.RS256, stranger, "key-0", good)},
		"another issuer":    {token: sign(t, jose.RS256, key, "key-0", good.with(claims{"iss": "https://other.example"}))},
		"another audience":  {token: sign(t, jose.RS256, key, "key-0", good.with(claims{"aud": "else"}))},
		"a claim twice":     {token: signPayload(t, jose.RS256, key, "key-0", []byte(`{"sub":"a","sub":"b"}`)), error: true},
		"a list":            {token: signPayload(t, jose.RS256, key, "key-0", []byte(`[]`)), error: true},
		"two parts":         {token: "eyJhbGciOiJSUzI1NiJ9.e30", error: true},
		"nothing":           {token: "", error: true},
		"a newline":         {token: "eyJhbGciOiJSUzI1NiJ9.e3\n0.c2ln", error: true},
	} {
		got, refused, err := Inspect(test.token, c.now())
		if (err != nil) != test.error || (refused != nil) != test.refused {
			t.Errorf("%s: refused %v, error %v", name, refused, err)
			continue
		}
		verified, verr := authorizer.Verify(context.Background(), test.token)
		switch {
		case verr == nil:
			if diff := cmp.Diff(claimsOf(t, verified), got); diff != "" || refused != nil || err != nil {
				t.Errorf("%s: verified, and refused %v, error %v, claims (-verified +inspected):\n%s", name, refused, err, diff)
			}
		case err == nil && got == nil:
			t.Errorf("%s: no claims", name)
		case refused != nil && name != "no iss" && name != "no aud" && refused.Reason != verr.Error():
			t.Errorf("%s: %q, and Verify says %q", name, refused.Reason, verr)
		}
	}
}
