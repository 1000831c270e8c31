package review_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	randv2 "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/routegate/routegate/framework/gateway"
)

// A provider is an OpenID provider that signs whatever it is asked to, and the
// authorizer that believes it.
type provider struct {
	url           string
	key, stranger *rsa.PrivateKey // the stranger's key is not published
	now           time.Time       // which stands still
	authorizer    *gateway.Authorizer
	tokens        sync.Map // those that were signed, by what is in them
}

const (
	keyID    = "key-1"
	audience = "api"
)

func newProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{key: newKey(t), stranger: newKey(t), now: time.Unix(1_800_000_000, 0)}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	var err error
	p.authorizer, err = gateway.NewAuthorizer(gateway.AuthorizerOptions{
		Issuer: p.url, Audiences: []string{"another-api", audience}, Now: func() time.Time { return p.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	// Now, while nothing else runs: the keys are waited for a second and a half.
	if _, err := p.authorizer.Verify(context.Background(), p.sign(p.key, p.claims(nil))); err != nil {
		t.Fatal(err)
	}
	return p
}

func newKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// ServeHTTP publishes the key.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var document any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		document = map[string]string{"issuer": p.url, "jwks_uri": p.url + "/keys"}
	case "/keys":
		document = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: keyID, Use: "sig", Algorithm: "RS256"}}}
	}
	_ = json.NewEncoder(w).Encode(document)
}

type claims map[string]any

// claims returns those of a valid token, and more in place of them.
func (p *provider) claims(more claims) claims {
	now := p.now.Unix()
	c := claims{"iss": p.url, "sub": "alice", "aud": audience, "iat": now, "exp": now + 1}
	maps.Copy(c, more)
	return c
}

func (p *provider) sign(key *rsa.PrivateKey, c claims) string {
	return signWith(jose.SigningKey{Algorithm: jose.RS256, Key: key}, keyID, c)
}

func signWith(key jose.SigningKey, kid string, c claims) string {
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		opts.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(key, opts)
	if err != nil {
		panic(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

// A sender is a principal and the Authorization headers that make it one.
type sender struct {
	name          string
	authorization []string
	principal
}

// Where a token says which groups its holder is in: framework.Options has one
// of these.
var (
	flatClaim   []string // the default, "groups"
	nestedClaim = []string{"realm_access", "roles"}
)

// withGroups returns the groups claims, flat and nested.
func withGroups(flat, nested any) claims {
	return claims{"groups": flat, "realm_access": map[string]any{"roles": nested}}
}

// A cast is everybody who may call the routes of a manifest.
type cast struct {
	*provider
	nested         bool     // whether the groups that count are in nestedClaim
	groups, scopes []string // what tokens may hold
}

// newCast returns the cast for a manifest that has these names, to which it adds
// others that the manifest cannot have: a group's name with a space or a comma,
// of which a careless reader makes two.
func (p *provider) newCast(nested bool, groups, scopes []string) *cast {
	c := &cast{provider: p, nested: nested, groups: slices.Clone(groups), scopes: slices.Clone(scopes)}
	for _, g := range groups[:min(1, len(groups))] {
		last := groups[len(groups)-1]
		c.groups = append(c.groups, "x "+last, g+","+last)
	}
	return c
}

// holder returns the holder of a valid token with these groups and scopes. The
// groups claim that does not count has all the groups that the other has not.
func (c *cast) holder(groups, scopes []string, lists bool) sender {
	flat, nested := groups, without(c.groups, groups)
	if c.nested {
		flat, nested = nested, flat
	}
	name := fmt.Sprintf("a token with the groups %q, nested %q, and the scopes %q, as a list: %t", flat, nested, scopes, lists)
	token, ok := c.tokens.Load(name)
	if !ok {
		more := withGroups(flat, nested)
		if lists {
			more["scp"] = scopes
		} else {
			more["scope"] = strings.Join(scopes, " ")
		}
		token, _ = c.tokens.LoadOrStore(name, c.sign(c.key, c.claims(more)))
	}
	return sender{name, []string{"Bearer " + token.(string)}, principal{true, groups, scopes}}
}

func without(names, others []string) []string {
	list := []string{}
	for _, n := range names {
		if !slices.Contains(others, n) {
			list = append(list, n)
		}
	}
	return list
}

// holders returns a token for each class of tokens that a rule can tell apart: a
// class for what of its groups and of its scopes the token has. What else the
// token has is left to chance.
func (c *cast) holders(rng *randv2.Rand, r *rule) []sender {
	var list []sender
	var groups, scopes []string
	if r != nil {
		groups, scopes = r.Groups, r.Scopes
	}
	for _, g := range subsets(groups) {
		for _, s := range subsets(scopes) {
			list = append(list, c.holder(filled(rng, g, groups, c.groups), filled(rng, s, scopes, c.scopes), rng.IntN(2) == 0))
		}
	}
	return list
}

// filled adds to a part of some names other names at random.
func filled(rng *randv2.Rand, part, of, all []string) []string {
	list := []string{}
	for _, name := range all {
		if slices.Contains(part, name) || !slices.Contains(of, name) && rng.IntN(2) == 0 {
			list = append(list, name)
		}
	}
	return list
}

// subsets returns all subsets, or those without, with one and with all of the
// names where the names are many.
func subsets(names []string) [][]string {
	if len(names) > 2 {
		list := [][]string{nil, names}
		for _, n := range names {
			list = append(list, []string{n})
		}
		return list
	}
	list := [][]string{nil}
	for _, n := range names {
		for _, s := range list {
			list = append(list, append(slices.Clip(s), n))
		}
	}
	return list
}

// odd returns tokens that are valid and write their groups or scopes in some
// way from which more could be read than is there.
func (c *cast) odd() []sender {
	var list []sender
	add := func(name string, groups any, in []string, scopes claims, held []string) {
		more := withGroups(groups, groups)
		maps.Copy(more, scopes)
		token := c.sign(c.key, c.claims(more))
		list = append(list, sender{name, []string{"Bearer " + token}, principal{true, in, held}})
	}
	allScopes := claims{"scope": strings.Join(c.scopes, " ")}
	for _, g := range c.groups {
		add("a text as the groups", g, []string{g}, allScopes, c.scopes)
		add("a text with a space as the groups", "x "+g, []string{"x " + g}, allScopes, c.scopes)
		add("a list in a text as the groups", "["+g+"]", nil, allScopes, c.scopes)
		add("JSON in a text as the groups", `["`+g+`"]`, nil, allScopes, c.scopes)
		add("an object as the groups", map[string]any{g: g}, nil, allScopes, c.scopes)
		add("a list in the groups", []any{[]string{g}, map[string]any{g: true}, nil, 1, true}, nil, allScopes, c.scopes)
		add("a group with a line break", []string{"x\n" + g, g + "\t"}, nil, allScopes, c.scopes)
	}
	all := slices.Clone(c.groups)
	for _, s := range c.scopes {
		add("no scope", all, all, claims{"scope": nil, "scp": nil}, nil)
		add("scopes with commas", all, all, claims{"scope": "x," + s + ",y"}, nil)
		add("two scopes in one of a list", all, all, claims{"scp": []string{s + " x"}}, nil)
		add("an object as the scopes", all, all, claims{"scope": map[string]any{s: s}}, nil)
		add("a scope in capitals", all, all, claims{"scope": strings.ToUpper(s)}, nil)
		add("a scope in another claim", all, all, claims{"scopes": s, "permissions": []string{s}}, nil)
		add("scopes as a list in scope", all, all, claims{"scope": []string{"x", s}}, []string{s})
		add("scopes as a text in scp", all, all, claims{"scp": "x " + s}, []string{s})
	}
	return list
}

// bare returns a sender whose header is the token alone, which API Gateway takes.
func (s sender) bare() sender {
	s.name += ", without Bearer"
	s.authorization = []string{strings.TrimPrefix(s.authorization[0], "Bearer ")}
	return s
}

// strangers returns all who have no valid token, and would have every group and
// scope if it were valid.
func (c *cast) strangers() []sender {
	now := c.now.Unix()
	more := withGroups(c.groups, c.groups)
	more["scope"] = strings.Join(c.scopes, " ")
	all := c.claims(more)
	good := c.sign(c.key, all)
	poor := strings.Split(c.sign(c.key, c.claims(nil)), ".")
	with := func(change claims) string {
		changed := maps.Clone(all)
		maps.Copy(changed, change)
		return "Bearer " + c.sign(c.key, changed)
	}
	der := x509.MarshalPKCS1PublicKey(&c.key.PublicKey)
	public := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der})
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + keyID + `"}`))
	payload := strings.Split(good, ".")[1]

	list := []sender{{name: "nobody"}}
	for name, authorization := range map[string]string{
		"no token":                    "Bearer ",
		"no JWT":                      "Bearer opaque",
		"another scheme":              "Basic YWxpY2U6c2VjcmV0",
		"a forged signature":          "Bearer " + c.sign(c.stranger, all),
		"a forged payload":            "Bearer " + poor[0] + "." + payload + "." + poor[2],
		"no signature":                "Bearer " + poor[0] + "." + payload + ".",
		"the algorithm none":          "Bearer " + header + "." + payload + ".",
		"the public key as a secret":  "Bearer " + signWith(jose.SigningKey{Algorithm: jose.HS256, Key: public}, keyID, all),
		"an unknown key":              "Bearer " + signWith(jose.SigningKey{Algorithm: jose.RS256, Key: c.stranger}, "key-2", all),
		"no key id":                   "Bearer " + signWith(jose.SigningKey{Algorithm: jose.RS256, Key: c.key}, "", all),
		"an expired token":            with(claims{"exp": now}),
		"a token that never expires":  with(claims{"exp": nil}),
		"a token of tomorrow":         with(claims{"nbf": now + 1}),
		"a token issued tomorrow":     with(claims{"iat": now + 1}),
		"a token for another":         with(claims{"aud": "api.example.com"}),
		"a token for another client":  with(claims{"aud": "api.example.com", "client_id": audience}),
		"a token for nobody":          with(claims{"aud": nil}),
		"a token of another issuer":   with(claims{"iss": c.url + "/"}),
		"two tokens in one header":    "Bearer " + good + ",Bearer " + good,
		"two tokens, a space between": "Bearer " + good + " " + good,
	} {
		list = append(list, sender{name: name, authorization: []string{authorization}})
	}
	slices.SortFunc(list[1:], func(a, b sender) int { return strings.Compare(a.name, b.name) })
	return append(list, sender{name: "two headers", authorization: []string{"Bearer " + good, "Bearer " + good}})
}

// iamEvent is the event of a call that the IAM authorizer let through: the part
// of a capture of live traffic that tells who calls.
func iamEvent(stage string, c call, r *rule) []byte {
	path := c.path(func(s string) string { return s })
	if stage == "" {
		stage = "$default"
	} else {
		path = "/" + stage + path
	}
	event := map[string]any{
		"version": "2.0", "routeKey": r.key(), "rawPath": path, "rawQueryString": "", "isBase64Encoded": false,
		"headers":        map[string]string{"authorization": "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260710/eu-west-1/execute-api/aws4_request"},
		"pathParameters": r.values(c),
		"requestContext": map[string]any{
			"accountId": "123456789012", "apiId": "abcdefghij", "routeKey": r.key(), "stage": stage, "requestId": "ATfSdF7nPHcErRA=",
			"authorizer": map[string]any{"iam": map[string]any{
				"accessKey": "AKIAEXAMPLE", "accountId": "123456789012", "callerId": "AIDAEXAMPLE", "cognitoIdentity": nil,
				"principalOrgId": "o-example", "userArn": "arn:aws:iam::123456789012:user/job", "userId": "AIDAEXAMPLE",
			}},
			"http": map[string]string{"method": c.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
		},
	}
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(event); err != nil {
		panic(err)
	}
	return b.Bytes()
}
