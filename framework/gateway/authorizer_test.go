package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

func invalidToken(description string) string {
	return gatewaySays(401, "Unauthorized", `Www-Authenticate: Bearer scope="" error="invalid_token" error_description="`+description+`"`)
}

var (
	noToken   = gatewaySays(401, "Unauthorized", "Www-Authenticate: Bearer")
	forbidden = gatewaySays(403, "Forbidden")
)

// Every refusal, to the byte. Sources: AWS's pages "Control access to HTTP APIs
// with JWT authorizers" (what is checked) and "Troubleshooting issues with HTTP
// API JWT authorizers" (the bytes, with the description for the audience).
//
// The number in front of a row is the section of the project's collection of
// facts about API Gateway that it comes from.
func TestRefusals(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	key, stranger := testKeys()[0], testKeys()[1]
	good := iss.claims(c)
	now := c.now().Unix()
	rs := func(changes claims) string { return sign(t, jose.RS256, key, "key-0", good.with(changes)) }
	publicDER, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	unsigned := func(header string) string { return b64([]byte(header)) + "." + b64(payload) + "." }
	tampered := func() string {
		parts := strings.Split(rs(nil), ".")
		other, err := json.Marshal(good.with(claims{"sub": "admin"}))
		if err != nil {
			t.Fatal(err)
		}
		return parts[0] + "." + b64(other) + "." + parts[2]
	}
	text := func(s string) string { return signPayload(t, jose.RS256, key, "key-0", []byte(s)) }

	l := serve(t, newTable(t, "GET /me", "GET /users scopes:users/read,users/admin", "GET /aws iam", "GET /open public"),
		says(`{"statusCode":200,"body":"ran"}`), Options{Authorizer: iss.authorizer(t, c)})
	const ran = "HTTP/1.1 200 OK\nApigw-Requestid: I\nContent-Length: 3\nContent-Type: text/plain; charset=utf-8\nDate: D\n\nran"

	tests := []struct {
		name  string
		path  string
		auth  string // the Authorization header; "-": none
		want  string
		about string // a part of the refusal
	}{
		// Let through.
		{"4.1 valid", "/me", "Bearer " + rs(nil), ran, ""},
		{"4.1 bare", "/me", rs(nil), ran, ""},
		{"4.1 bearer in another case", "/me", "bEARER  " + rs(nil), ran, ""},
		{"4.1 RS512, where the key names no algorithm", "/me", "Bearer " + sign(t, jose.RS512, stranger, "any-alg", good), ran, ""},
		{"4.1 PS256", "/me", "Bearer " + sign(t, jose.PS256, stranger, "any-alg", good), ran, ""},
		{"4.1 second audience", "/me", "Bearer " + rs(claims{"aud": "other-api"}), ran, ""},
		{"4.1 aud is a list", "/me", "Bearer " + rs(claims{"aud": []string{"x", "api"}}), ran, ""},
		{"4.1 client_id without aud", "/me", "Bearer " + rs(claims{"aud": nil, "client_id": "api"}), ran, ""},
		{"4.1 expires in a second", "/me", "Bearer " + rs(claims{"exp": now + 1}), ran, ""},
		{"4.1 expires in half a second", "/me", "Bearer " + rs(claims{"exp": float64(now) + .5}), ran, ""},
		{"4.1 valid from now on", "/me", "Bearer " + rs(claims{"nbf": now, "iat": now}), ran, ""},
		{"4.1 without iat", "/me", "Bearer " + rs(claims{"iat": nil}), ran, ""},
		{"4.1 one scope of two", "/users", "Bearer " + rs(nil), ran, ""},
		{"4.1 scp, a list", "/users", "Bearer " + rs(claims{"scope": nil, "scp": []string{"users/admin"}}), ran, ""},
		{"4.1 scp beside scope", "/users", "Bearer " + rs(claims{"scope": "x", "scp": "y users/admin"}), ran, ""},
		{"4.1 an ID token, without scopes", "/me", "Bearer " + rs(claims{"scope": nil, "token_use": "id"}), ran, ""},
		{"4.1 public", "/open", "-", ran, ""},
		{"4.1 public, with a bad token", "/open", "Bearer x", ran, ""},

		// No token.
		{"4.2 no header", "/me", "-", noToken, "no token"},
		{"4.2 empty header", "/me", "", noToken, "no token"},
		{"4.2 scheme alone", "/me", "Bearer", noToken, "no token"},
		{"4.2 scheme and spaces", "/me", "bearer   ", noToken, "no token"},

		// Form.
		{"4.1 another scheme", "/me", "Basic YWxpY2U6cHc=", invalidToken(badForm), "not a signed JWT"},
		{"4.1 no dots", "/me", "Bearer abc", invalidToken(badForm), "not a signed JWT"},
		{"4.1 four parts", "/me", "Bearer " + rs(nil) + ".x", invalidToken(badForm), "not a signed JWT"},
		{"4.1 space within", "/me", "Bearer " + strings.Replace(rs(nil), ".", " .", 1), invalidToken(badForm), "not a signed JWT"},
		{"4.1 twice", "/me", "Bearer " + rs(nil) + "\nAuthorization: Bearer " + rs(nil), invalidToken(badForm), "not a signed JWT"},
		{"4.1 quoted", "/me", `Bearer "` + rs(nil) + `"`, invalidToken(badForm), "not a signed JWT"},
		{"4.1 payload is no JSON", "/me", "Bearer " + text("hello"), invalidToken(badForm), "payload"},
		{"4.1 payload is null", "/me", "Bearer " + text("null"), invalidToken(badForm), "payload"},
		{"4.1 payload is a list", "/me", "Bearer " + text("[]"), invalidToken(badForm), "payload"},
		{"4.1 payload and more", "/me", "Bearer " + text(string(payload)+"{}"), invalidToken(badForm), "payload"},
		{"4.1 a claim twice", "/me", "Bearer " + text(`{"sub":"a",`+string(payload[1:])), invalidToken(badForm), "twice"},

		// Algorithm, key, signature.
		{"4.1 alg none", "/me", "Bearer " + unsigned(`{"alg":"none","kid":"key-0"}`), invalidToken(badAlgorithm), `"none"`},
		{"4.1 alg None", "/me", "Bearer " + unsigned(`{"alg":"None","kid":"key-0"}`), invalidToken(badAlgorithm), `"None"`},
		{"4.1 no alg", "/me", "Bearer " + unsigned(`{"kid":"key-0"}`), invalidToken(badAlgorithm), `""`},
		{"4.1 RS256 without a signature", "/me", "Bearer " + unsigned(`{"alg":"RS256","kid":"key-0"}`), invalidToken(badSignature), "signature"},
		{"4.1 HS256, the public key (PEM) as secret", "/me", "Bearer " + sign(t, jose.HS256, publicPEM, "key-0", good), invalidToken(badAlgorithm), `"HS256"`},
		{"4.1 HS256, the public key (DER) as secret", "/me", "Bearer " + sign(t, jose.HS256, publicDER, "key-0", good), invalidToken(badAlgorithm), `"HS256"`},
		{"4.1 ES256", "/me", "Bearer " + sign(t, jose.ES256, ecKey, "key-0", good), invalidToken(badAlgorithm), `"ES256"`},
		{"4.1 RS384 with a key for RS256", "/me", "Bearer " + sign(t, jose.RS384, key, "key-0", good), invalidToken(badSignature), "signature"},
		{"4.1 no kid", "/me", "Bearer " + sign(t, jose.RS256, key, "", good), invalidToken(badKey), "no kid"},
		{"4.1 unknown kid", "/me", "Bearer " + sign(t, jose.RS256, key, "key-9", good), invalidToken(badKey), "publishes no RSA key"},
		{"4.1 kid of an EC key", "/me", "Bearer " + sign(t, jose.RS256, key, "ec", good), invalidToken(badKey), "publishes no RSA key"},
		{"4.1 kid of an encryption key", "/me", "Bearer " + sign(t, jose.RS256, key, "enc", good), invalidToken(badKey), "publishes no RSA key"},
		{"4.1 a stranger's key", "/me", "Bearer " + sign(t, jose.RS256, stranger, "key-0", good), invalidToken(badSignature), "signature"},
		{"4.1 a key in the header", "/me", "Bearer " + embedded(t, good), invalidToken(badSignature), "signature"},
		{"4.1 tampered payload", "/me", "Bearer " + tampered(), invalidToken(badSignature), "signature"},

		// Issuer and audience.
		{"4.1 another issuer", "/me", "Bearer " + rs(claims{"iss": "https://evil.example.com"}), invalidToken(badIssuer), "to the letter"},
		{"4.1 trailing slash", "/me", "Bearer " + rs(claims{"iss": iss.name + "/"}), invalidToken(badIssuer), "to the letter"},
		{"4.1 no issuer", "/me", "Bearer " + rs(claims{"iss": nil}), invalidToken(badIssuer), "to the letter"},
		{"4.1 issuer in a list", "/me", "Bearer " + rs(claims{"iss": []string{iss.name}}), invalidToken(badIssuer), "to the letter"},
		{"4.1 another audience", "/me", "Bearer " + rs(claims{"aud": "web"}), invalidToken(badAudience), "aud"},
		{"4.1 a part of an audience", "/me", "Bearer " + rs(claims{"aud": "ap"}), invalidToken(badAudience), "aud"},
		{"4.1 an audience and more", "/me", "Bearer " + rs(claims{"aud": "api other-api"}), invalidToken(badAudience), "aud"},
		{"4.1 no audience", "/me", "Bearer " + rs(claims{"aud": nil}), invalidToken(badAudience), "client_id"},
		{"4.1 empty list", "/me", "Bearer " + rs(claims{"aud": []string{}}), invalidToken(badAudience), "aud"},
		{"4.1 list of others", "/me", "Bearer " + rs(claims{"aud": []any{"web", 1}}), invalidToken(badAudience), "aud"},
		{"4.1 client_id does not mend aud", "/me", "Bearer " + rs(claims{"aud": "web", "client_id": "api"}), invalidToken(badAudience), "aud"},
		{"4.1 aud null, client_id right", "/me", "Bearer " + text(strings.Replace(string(payload), `"aud":"api"`, `"aud":null,"client_id":"api"`, 1)), invalidToken(badAudience), "aud"},
		{"4.1 another client_id", "/me", "Bearer " + rs(claims{"aud": nil, "client_id": "web"}), invalidToken(badAudience), "client_id"},
		{"4.1 client_id is a list", "/me", "Bearer " + rs(claims{"aud": nil, "client_id": []string{"api"}}), invalidToken(badAudience), "client_id"},

		// Times.
		{"4.1 expires now", "/me", "Bearer " + rs(claims{"exp": now}), invalidToken(expired), "expired at 2023-11-14T22:13:20Z"},
		{"4.1 expired a second ago", "/me", "Bearer " + rs(claims{"exp": now - 1}), invalidToken(expired), "expired at 2023-11-14T22:13:19Z"},
		{"4.1 expired in 1969", "/me", "Bearer " + rs(claims{"exp": -1}), invalidToken(expired), "the token expired at a time that no calendar has"},
		{"4.1 no exp", "/me", "Bearer " + rs(claims{"exp": nil}), invalidToken(badExpiry), "the token has no exp"},
		{"4.1 exp null", "/me", "Bearer " + text(strings.Replace(string(payload), `"exp":`, `"exp":null,"x":`, 1)), invalidToken(badExpiry), "the token's exp is not a number"},
		{"4.1 exp is text", "/me", "Bearer " + rs(claims{"exp": strconv.FormatInt(now+60, 10)}), invalidToken(badExpiry), "the token's exp is not a number"},
		{"4.1 exp is 0", "/me", "Bearer " + rs(claims{"exp": 0}), invalidToken(expired), "the token's exp is 0, which is not a time: its issuer has set none"},
		{"4.1 exp is out of range", "/me", "Bearer " + rs(claims{"exp": json.Number("1e999")}), invalidToken(badForm), "payload"},
		{"4.1 valid in a second", "/me", "Bearer " + rs(claims{"nbf": now + 1}), invalidToken(notYet), "not valid before 2023-11-14T22:13:21Z"},
		{"4.1 nbf is text", "/me", "Bearer " + rs(claims{"nbf": "0"}), invalidToken(notYet), "the token's nbf is not a number"},
		{"4.1 issued in a second", "/me", "Bearer " + rs(claims{"iat": now + 1}), invalidToken(fromFuture), "issued in the future"},
		{"4.1 iat is text", "/me", "Bearer " + rs(claims{"iat": "0"}), invalidToken(fromFuture), "the token's iat is not a number"},

		// Scopes and IAM: status and body as other emulators measured them.
		{"4.1 no scope", "/users", "Bearer " + rs(claims{"scope": nil}), forbidden, "scope: the token has none of users/admin, users/read"},
		{"4.1 another scope", "/users", "Bearer " + rs(claims{"scope": "users/write"}), forbidden, "scope"},
		{"4.1 a part of a scope", "/users", "Bearer " + rs(claims{"scope": "users/rea users/read2 USERS/READ users/read,"}), forbidden, "scope"},
		{"4.1 scope is a number", "/users", "Bearer " + rs(claims{"scope": 1}), forbidden, "scope"},
		{"4.1 bad token before scope", "/users", "Bearer " + rs(claims{"scope": nil, "exp": now}), invalidToken(expired), "expired"},
		{"4.1 iam", "/aws", "Bearer " + rs(nil), forbidden, "cannot check the signatures"},
		{"4.1 iam, signed", "/aws", "AWS4-HMAC-SHA256 Credential=x", forbidden, "cannot check the signatures"},
	}
	enc := jwk("enc", key)
	enc.Use = "enc"
	iss.publish(jwk("key-0", key), jose.JSONWebKey{Key: &stranger.PublicKey, KeyID: "any-alg"},
		jose.JSONWebKey{Key: &ecKey.PublicKey, KeyID: "ec", Use: "sig", Algorithm: "ES256"}, enc)
	for _, test := range tests {
		var headers []string
		if test.auth != "-" {
			headers = append(headers, "Authorization: "+test.auth)
		}
		got, x := l.send(t, request("GET "+test.path, headers...))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if !strings.Contains(x.Refusal, test.about) || (test.about == "") != (x.Refusal == "") {
			t.Errorf("%s: refusal %q, want %q in it", test.name, x.Refusal, test.about)
		}
		if refused := x.Refusal != ""; refused == (x.By == "function") || refused != (x.Event == nil) {
			t.Errorf("%s: answered by %s, event %v", test.name, x.By, x.Event != nil)
		}
		if _, token, _ := strings.Cut(test.auth, "."); len(token) > 20 && strings.Contains(x.Refusal+strings.Join(x.Warnings, ""), token[:20]) {
			t.Errorf("%s: the token is in %+q", test.name, x.Refusal)
		}
	}
}

// embedded signs with a stranger's key and puts that into the header, under the
// id of a key that the issuer has.
func embedded(t *testing.T, c claims) string {
	t.Helper()
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	stranger := testKeys()[1]
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: stranger},
		(&jose.SignerOptions{EmbedJWK: true}).WithHeader("kid", "key-0").WithHeader("jku", "https://evil.example.com/keys"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Who signed is for Options.IAM to tell; a token is no signature.
func TestIAM(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	const arn = "arn:aws:iam::111122223333:user/Deploy"
	l := serve(t, newTable(t, "GET /aws iam", "GET /me"), says(`{"statusCode":200}`), Options{
		Authorizer: iss.authorizer(t, c),
		IAM: func(r *http.Request) string {
			if r.Header.Get("Authorization") == "AWS4-HMAC-SHA256 Credential=x" {
				return arn
			}
			return ""
		},
	})
	token := "Authorization: Bearer " + sign(t, jose.RS256, testKeys()[0], "key-0", iss.claims(c))
	for _, test := range []struct{ path, header, refusal, event string }{
		{"/aws", "Authorization: AWS4-HMAC-SHA256 Credential=x", "", arn},
		{"/aws", token, "nobody signed", ""},
		{"/aws", "Authorization: AWS4-HMAC-SHA256 Credential=y", "nobody signed", ""},
		{"/me", "Authorization: AWS4-HMAC-SHA256 Credential=x", "not a signed JWT", ""},
		{"/me", token, "", "alice"},
	} {
		_, x := l.send(t, request("GET "+test.path, test.header))
		if (x.Refusal == "") != (test.refusal == "") || !strings.Contains(x.Refusal, test.refusal) || !strings.Contains(string(x.Event), test.event) {
			t.Errorf("%s, %.40s: refusal %q, event %s", test.path, test.header, x.Refusal, x.Event)
		}
	}
}

// A gateway without an authorizer lets nobody use a route that asks for a token.
func TestNoAuthorizer(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	token := sign(t, jose.RS256, testKeys()[0], "key-0", iss.claims(c))
	l := serve(t, newTable(t, "GET /me", "GET /open public"), says(`{"statusCode":200}`), Options{})
	got, x := l.send(t, request("GET /me", "Authorization: Bearer "+token))
	if got != noToken || !strings.Contains(x.Refusal, "no issuer") {
		t.Errorf("got %q (%s)", got, x.Refusal)
	}
	if _, x := l.send(t, request("GET /open")); x.Status != 200 {
		t.Errorf("public route: %d %s", x.Status, x.Refusal)
	}
}

func TestVerifyReturnsPayload(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	token := sign(t, jose.RS256, testKeys()[0], "key-0", iss.claims(c).with(claims{"groups": []string{"a b", "c"}, "level": 3, "on": true, "exp": json.Number("1.7000000015e9")}))
	payload, err := iss.authorizer(t, c).Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"iss": iss.name, "sub": "alice", "aud": "api", "iat": json.Number("1700000000"), "exp": json.Number("1.7000000015e9"),
		"scope": "users/read users/write", "groups": []any{"a b", "c"}, "level": json.Number("3"), "on": true,
	}
	if diff := cmp.Diff(want, claimsOf(t, payload)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// claimsOf reads a payload, numbers as json.Number.
func claimsOf(t testing.TB, payload string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(payload))
	dec.UseNumber()
	var claims map[string]any
	if err := dec.Decode(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestScopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		claims map[string]any
		want   []string
	}{
		{nil, nil},
		{map[string]any{"scope": ""}, nil},
		{map[string]any{"scope": " a  b "}, []string{"a", "b"}},
		{map[string]any{"scp": []any{"a", 1, "b"}}, []string{"a", "b"}},
		{map[string]any{"scope": "a", "scp": "b"}, []string{"a", "b"}},
		{map[string]any{"scope": map[string]any{"a": true}, "scopes": "b"}, nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, Scopes(test.claims)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.claims, diff)
		}
	}
}

func TestNewAuthorizerRefuses(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]AuthorizerOptions{
		"nothing":         {},
		"no issuer":       {Audiences: []string{"api"}},
		"relative issuer": {Issuer: "issuer.example.com", Audiences: []string{"api"}},
		"file":            {Issuer: "file:///etc/passwd", Audiences: []string{"api"}},
		"no audience":     {Issuer: "https://issuer.example.com"},
		"empty audience":  {Issuer: "https://issuer.example.com", Audiences: []string{"api", ""}},
		"51 audiences":    {Issuer: "https://issuer.example.com", Audiences: slices.Repeat([]string{"api"}, 51)},
		"keys in a file":  {Issuer: "https://issuer.example.com", Audiences: []string{"api"}, KeysURI: "file:///etc/passwd"},
	} {
		if a, err := NewAuthorizer(opts); err == nil || a != nil {
			t.Errorf("%s: got %v, %v", name, a, err)
		}
	}
}

// Sources: "Control access to HTTP APIs with JWT authorizers" (discovery, keys
// for up to two hours) and "Quotas" (1,500 ms, 150,000 bytes). How often keys are
// asked for is a choice.
func TestKeys(t *testing.T) {
	t.Parallel()
	old, fresh := testKeys()[0], testKeys()[1]
	type state struct {
		*testing.T
		*issuer
		*fakeClock
		*Authorizer
	}
	verify := func(s state, kid string) error {
		key := old
		if kid == "key-1" {
			key = fresh
		}
		_, err := s.Verify(s.Context(), sign(s.T, jose.RS256, key, kid, s.claims(s.fakeClock)))
		return err
	}
	accepts := func(s state, kid string) {
		s.Helper()
		if err := verify(s, kid); err != nil {
			s.Errorf("%s: %v", kid, err)
		}
	}
	refuses := func(s state, kid, description, about string) {
		s.Helper()
		var refused *TokenError
		if err := verify(s, kid); !errors.As(err, &refused) || refused.Description != description || !strings.Contains(refused.Reason, about) {
			s.Errorf("%s: got %v, want %q, with %q", kid, err, description, about)
		}
	}
	fetched := func(s state, want int) {
		s.Helper()
		if discovers, fetches := s.counts(); discovers != want || fetches != want {
			s.Errorf("%d discoveries, %d fetches; want %d of each", discovers, fetches, want)
		}
	}
	down := func(s state) {
		s.set(func() {
			s.intercept = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) }
		})
	}

	tests := map[string]func(state){
		"cached": func(s state) {
			for range 3 {
				accepts(s, "key-0")
			}
			s.advance(keysLifetime - time.Second)
			accepts(s, "key-0")
			fetched(s, 1)
			s.advance(time.Second)
			accepts(s, "key-0")
			fetched(s, 2)
		},
		"rotation": func(s state) {
			accepts(s, "key-0")
			s.advance(fetchInterval)
			s.publish(jwk("key-0", old), jwk("key-1", fresh))
			accepts(s, "key-1")
			accepts(s, "key-0")
			fetched(s, 2)
			s.advance(keysLifetime)
			s.publish(jwk("key-1", fresh))
			refuses(s, "key-0", badKey, "publishes no RSA key")
			accepts(s, "key-1")
		},
		"unknown ids do not flood the issuer": func(s state) {
			for range 5 {
				refuses(s, "key-9", badKey, "asked at 22:13:20")
			}
			fetched(s, 1)
			s.publish(jwk("key-1", fresh))
			refuses(s, "key-1", badKey, "not again within 10s")
			s.advance(fetchInterval - 1)
			refuses(s, "key-1", badKey, "not again within 10s")
			fetched(s, 1)
			s.advance(1)
			accepts(s, "key-1")
			fetched(s, 2)
		},
		"issuer down with cached keys": func(s state) {
			accepts(s, "key-0")
			down(s)
			s.advance(time.Hour)
			accepts(s, "key-0")
			refuses(s, "key-1", badKeys, "status 502")
			accepts(s, "key-0")
			s.advance(keysLifetime)
			accepts(s, "key-0") // kept: nobody shall be turned away by disturbing the issuer
			s.set(func() { s.intercept = nil })
			s.advance(fetchInterval)
			accepts(s, "key-0")
		},
		"issuer down from the start": func(s state) {
			down(s)
			refuses(s, "key-0", badKeys, "status 502")
			s.set(func() { s.intercept = nil })
			refuses(s, "key-0", badKeys, "status 502")
			s.advance(fetchInterval)
			accepts(s, "key-0")
		},
		"issuer gone": func(s state) {
			s.Server.Close()
			refuses(s, "key-0", badKeys, "connect")
		},
		"hanging issuer": func(s state) {
			s.Authorizer.keys.timeout = 20 * time.Millisecond
			hang := make(chan struct{})
			defer close(hang)
			s.set(func() { s.intercept = func(http.ResponseWriter, *http.Request) { <-hang } })
			refuses(s, "key-0", badKeys, "deadline exceeded")
		},
		"hanging body": func(s state) {
			s.Authorizer.keys.timeout = 20 * time.Millisecond
			hang := make(chan struct{})
			defer close(hang)
			s.set(func() {
				s.intercept = func(w http.ResponseWriter, _ *http.Request) {
					_, _ = io.WriteString(w, "{")
					w.(http.Flusher).Flush()
					<-hang
				}
			})
			refuses(s, "key-0", badKeys, "deadline exceeded")
		},
		"10 MB of keys": func(s state) {
			s.set(func() { s.issuer.keys = strings.TrimSuffix(s.issuer.keys, "}") + strings.Repeat(" ", 10<<20) + "}" })
			refuses(s, "key-0", badKeys, "longer than 150000 bytes")
		},
		"150,000 bytes of keys": func(s state) {
			s.set(func() { s.issuer.keys += strings.Repeat(" ", maxJWKS-len(s.issuer.keys)) })
			accepts(s, "key-0")
			s.advance(keysLifetime)
			s.set(func() { s.issuer.keys += " " })
			accepts(s, "key-0") // by the old ones
			refuses(s, "key-1", badKeys, "longer than 150000 bytes")
		},
		"redirect to another host": func(s state) {
			evil := newIssuer(s.T)
			evil.publish(jwk("key-0", old))
			evil.name = s.name
			s.set(func() {
				s.intercept = func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, evil.URL+r.URL.Path, http.StatusFound)
				}
			})
			refuses(s, "key-0", badKeys, "redirected to another host")
			if discovers, fetches := evil.counts(); discovers+fetches > 0 {
				s.Errorf("the other host was asked")
			}
		},
		"redirect on the same host": func(s state) {
			s.set(func() {
				s.intercept = func(w http.ResponseWriter, r *http.Request) {
					s.set(func() { s.intercept = nil })
					http.Redirect(w, r, r.URL.Path, http.StatusFound)
				}
			})
			accepts(s, "key-0")
		},
		"redirect for ever": func(s state) {
			s.set(func() {
				s.intercept = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }
			})
			refuses(s, "key-0", badKeys, "more than 3 redirects")
		},
		"issuer with another name": func(s state) {
			s.set(func() { s.name += "/" })
			refuses2 := sign(s.T, jose.RS256, old, "key-0", s.claims(s.fakeClock))
			var refused *TokenError
			if _, err := s.Verify(s.Context(), refuses2); !errors.As(err, &refused) || refused.Description != badKeys || !strings.Contains(refused.Reason, "calls itself") {
				s.Errorf("got %v", err)
			}
		},
		"keys elsewhere": func(s state) {
			s.set(func() {
				s.intercept = func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(w, `{"issuer":"`+s.URL+`","jwks_uri":"file:///etc/passwd"}`)
				}
			})
			refuses(s, "key-0", badKeys, "jwks_uri")
		},
		"not JSON": func(s state) {
			s.set(func() { s.issuer.keys = "<html>" })
			refuses(s, "key-0", badKeys, "not a JSON Web Key Set")
		},
		"an error page in JSON leaves the keys": func(s state) {
			accepts(s, "key-0")
			s.set(func() { s.issuer.keys = `{"error":"x"}` })
			s.advance(keysLifetime)
			accepts(s, "key-0")
		},
		"an empty set takes them": func(s state) {
			accepts(s, "key-0")
			s.publish()
			s.advance(keysLifetime)
			refuses(s, "key-0", badKey, "publishes no RSA key")
		},
		"keys of other kinds are passed over": func(s state) {
			s.set(func() {
				s.issuer.keys = strings.Replace(s.issuer.keys, "[", `[{"kty":"new","kid":"a"},null,7,{"kty":"oct","kid":"key-9","k":"c2VjcmV0"},{"kty":"RSA","kid":"bad"},`, 1)
			})
			accepts(s, "key-0")
			refuses(s, "key-9", badKey, "publishes no RSA key")
		},
		"a published private key is none": func(s state) {
			s.publish(jose.JSONWebKey{Key: old, KeyID: "key-0", Use: "sig", Algorithm: "RS256"})
			refuses(s, "key-0", badKey, "publishes no RSA key")
		},
		"two keys of one id": func(s state) {
			s.publish(jwk("key-0", fresh), jwk("key-0", old))
			accepts(s, "key-0")
		},
		"many at once share one fetch": func(s state) {
			release := make(chan struct{})
			s.set(func() {
				s.intercept = func(w http.ResponseWriter, r *http.Request) {
					<-release
					s.set(func() { s.intercept = nil })
					s.issuer.ServeHTTP(w, r)
				}
			})
			var running sync.WaitGroup
			for range 50 {
				running.Go(func() { accepts(s, "key-0") })
			}
			close(release)
			running.Wait()
			if _, fetches := s.counts(); fetches != 1 {
				s.Errorf("%d fetches", fetches)
			}
		},
		"a client that goes away": func(s state) {
			release := make(chan struct{})
			s.set(func() {
				s.intercept = func(w http.ResponseWriter, r *http.Request) {
					<-release
					s.set(func() { s.intercept = nil })
					s.issuer.ServeHTTP(w, r)
				}
			})
			ctx, cancel := context.WithCancel(s.Context())
			cancel()
			if _, err := s.Verify(ctx, sign(s.T, jose.RS256, old, "key-0", s.claims(s.fakeClock))); err == nil {
				s.Error("verified without keys")
			}
			close(release)
			accepts(s, "key-0") // by the fetch that the client began
			if _, fetches := s.counts(); fetches != 1 {
				s.Errorf("%d fetches", fetches)
			}
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, iss := newClock(), newIssuer(t)
			test(state{t, iss, c, iss.authorizer(t, c)})
		})
	}
}

// Issuers are written with and without a slash at the end; both have their
// discovery document at the same place.
func TestIssuerWithSlash(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	iss.name += "/"
	a := iss.authorizer(t, c)
	if _, err := a.Verify(t.Context(), sign(t, jose.RS256, testKeys()[0], "key-0", iss.claims(c))); err != nil {
		t.Error(err)
	}
	if _, err := a.Verify(t.Context(), sign(t, jose.RS256, testKeys()[0], "key-0", iss.claims(c).with(claims{"iss": iss.URL}))); err == nil {
		t.Error("an issuer without the slash was taken for one with it")
	}
}

func TestKeysURI(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	a, err := NewAuthorizer(AuthorizerOptions{
		Issuer: "https://issuer.invalid", Audiences: []string{"api"}, KeysURI: iss.URL + "/keys", Now: c.now,
		Client: &http.Client{Transport: http.DefaultTransport},
	})
	if err != nil {
		t.Fatal(err)
	}
	token := sign(t, jose.RS256, testKeys()[0], "key-0", iss.claims(c).with(claims{"iss": "https://issuer.invalid"}))
	if _, err := a.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
	if discovers, fetches := iss.counts(); discovers != 0 || fetches != 1 {
		t.Errorf("%d discoveries, %d fetches", discovers, fetches)
	}
}

// An issuer that is reached by TLS must not hand out keys without it.
func TestKeysMustBeHTTPS(t *testing.T) {
	t.Parallel()
	plain := newIssuer(t)
	var secure *httptest.Server
	secure = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issuer":"`+secure.URL+`","jwks_uri":"`+plain.URL+`/keys"}`)
	}))
	defer secure.Close()
	c := newClock()
	a, err := NewAuthorizer(AuthorizerOptions{Issuer: secure.URL, Audiences: []string{"api"}, Client: secure.Client(), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	token := sign(t, jose.RS256, testKeys()[0], "key-0", plain.claims(c).with(claims{"iss": secure.URL}))
	if _, err := a.Verify(t.Context(), token); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Errorf("got %v", err)
	}
}

// Keys can be fetched before a token comes; an issuer that is down is asked again,
// and one that goes down later does not take them away.
func TestFetchKeys(t *testing.T) {
	t.Parallel()
	clock, i := newClock(), newIssuer(t)
	i.set(func() {
		i.intercept = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	})
	a := i.authorizer(t, clock)
	for range 2 {
		if err := a.FetchKeys(t.Context()); err == nil || !strings.Contains(err.Error(), "status 502") {
			t.Fatalf("error %v", err)
		}
	}
	i.set(func() { i.intercept = nil })
	if err := a.FetchKeys(t.Context()); err == nil {
		t.Fatal("asked again too soon")
	}
	clock.advance(fetchInterval)
	if err := a.FetchKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	i.set(func() {
		i.intercept = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	})
	clock.advance(2 * keysLifetime)
	if err := a.FetchKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Verify(t.Context(), sign(t, jose.RS256, testKeys()[0], "key-0", i.claims(clock))); err != nil {
		t.Errorf("the keys are lost: %v", err)
	}
	if discovers, fetches := i.counts(); discovers != 3 || fetches != 1 {
		t.Errorf("%d discoveries, %d fetches", discovers, fetches)
	}
}
