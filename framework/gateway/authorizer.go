package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// maxAudiences is AWS's quota of audiences per authorizer.
const maxAudiences = 50

// AuthorizerOptions say which tokens an Authorizer lets through.
type AuthorizerOptions struct {
	// Issuer is what a token's iss must be, to the letter, trailing slash
	// included. Its keys are found by OpenID Connect discovery.
	Issuer string

	// Audiences are the values of which a token's aud, or its client_id where it
	// has no aud, must have one.
	Audiences []string

	// Client fetches the keys. nil is a client of its own. Redirects to another
	// host are not followed, whatever the client says.
	Client *http.Client

	// KeysURI is the URI of the keys, instead of discovery: of a JSON Web Key Set,
	// or of a JSON object of X.509 certificates by key id, as Firebase has it.
	KeysURI string

	// Now tells the time. nil is time.Now.
	Now func() time.Time
}

// An Authorizer checks tokens as the JWT authorizer of an HTTP API does
// (developer guide, "Control access to HTTP APIs with JWT authorizers"). It is
// safe for concurrent use.
type Authorizer struct {
	issuer    string
	audiences []string
	now       func() time.Time
	keys      *keys
	verified  *verified
	header    atomic.Pointer[knownHeader] // the one used last
}

// NewAuthorizer makes an Authorizer. It fetches nothing: the first token does.
func NewAuthorizer(opts AuthorizerOptions) (*Authorizer, error) {
	if _, err := parseHTTPURL(opts.Issuer); err != nil {
		return nil, fmt.Errorf("issuer %w", err)
	}
	if opts.KeysURI != "" {
		if _, err := parseHTTPURL(opts.KeysURI); err != nil {
			return nil, fmt.Errorf("keys URI %w", err)
		}
	}
	switch n := len(opts.Audiences); {
	case n == 0:
		return nil, errors.New("no audience: a token for any other service would do")
	case n > maxAudiences:
		return nil, fmt.Errorf("%d audiences: API Gateway takes %d", n, maxAudiences)
	case slices.Contains(opts.Audiences, ""):
		return nil, errors.New("an audience is empty")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Authorizer{
		issuer:    opts.Issuer,
		audiences: slices.Clone(opts.Audiences),
		now:       opts.Now,
		keys: &keys{
			issuer: opts.Issuer, uri: opts.KeysURI,
			client: keyClient(opts.Client), now: opts.Now, timeout: fetchTimeout,
		},
		verified: newVerified(),
	}, nil
}

// FetchKeys fetches the issuer's keys unless they are there, which need not be
// before the first token comes. It is for servers that say whether they are ready.
// Called again after an error it asks again, at most every ten seconds.
func (a *Authorizer) FetchKeys(ctx context.Context) error { return a.keys.have(ctx) }

// A TokenError says why a token was refused. It holds nothing of the token but
// its algorithm and its times.
type TokenError struct {
	// Description is the error_description of the www-authenticate header.
	Description string
	// Reason says it to whoever runs the gateway.
	Reason string
}

func (e *TokenError) Error() string { return e.Reason }

// The descriptions. AWS publishes the one for the audience (developer guide,
// "Troubleshooting issues with HTTP API JWT authorizers"); that for the issuer
// is what operators report of access logs. The others are plausible, and no
// client should depend on them.
const (
	badAudience  = "the token does not have a valid audience"
	badIssuer    = "issuer does not match"
	badForm      = "the token is malformed"
	badAlgorithm = "the token does not have a valid signing method"
	badKey       = "the token does not have a valid key id"
	badKeys      = "OIDC discovery endpoint communication error"
	badSignature = "the token does not have a valid signature"
	badExpiry    = "the token does not have a valid expiration"
	expired      = "the token has expired"
	notYet       = "the token is not valid yet"
	fromFuture   = "the token was issued in the future"
)

// Verify checks a token as the JWT authorizer of an HTTP API does, in its order:
// form, key and signature, then issuer, audience and times. It returns the token's
// payload, which is a JSON object of claims. The error is a *TokenError. Scopes are
// the route's matter.
//
// A token is at most as long as API Gateway takes headers, 10,240 bytes, and keys
// have 2,048 to 4,096 bits. What AWS does with others, and with a header that has
// crit or b64, is not documented; they are refused here.
//
// The clock is not given any leeway, since AWS documents none. exp must be there
// and after now, nbf and iat must not be after now. What kind of token it is
// (token_use, typ) is not looked at: an ID token passes, as it does in AWS.
func (a *Authorizer) Verify(ctx context.Context, token string) (payload string, err error) {
	d := digest(sha256.Sum256([]byte(token)))
	t := a.known(ctx, d)
	isNew := t == nil
	if isNew {
		var refusal *TokenError
		if t, refusal = a.verifySignature(ctx, token); refusal != nil {
			return "", refusal
		}
		t.digest = d
	}
	claims, err := parseClaims(t.payload)
	if err != nil {
		return "", &TokenError{badForm, err.Error()}
	}
	defer claims.Free()
	if refusal := a.check(claims.Root()); refusal != nil {
		return "", refusal
	}
	if isNew {
		a.verified.put(t)
	}
	return t.payload, nil
}

// known returns what is remembered of a token if the key that signed it is still
// one of the issuer's. That it is only if no keys were fetched since: other ones,
// be they the same, are reason to look again.
func (a *Authorizer) known(ctx context.Context, d digest) *verifiedToken {
	t := a.verified.get(d)
	if t == nil {
		return nil
	}
	found, err := a.keys.find(ctx, t.kid)
	if err != nil || !slices.ContainsFunc(found, func(k jose.JSONWebKey) bool { return k.Key == t.key }) {
		return nil
	}
	return t
}

func (a *Authorizer) check(claims rawjson.Value) *TokenError {
	if claims.Get("iss").Text() != a.issuer {
		return &TokenError{badIssuer, fmt.Sprintf("the token's iss is not %q, to the letter", a.issuer)}
	}
	// aud decides where it is there, be it null.
	name := "aud"
	audience := claims.Get("aud")
	if audience.Kind() == rawjson.None {
		name, audience = "client_id", claims.Get("client_id")
	}
	if !a.hasAudience(audience, name == "aud") {
		return &TokenError{badAudience, fmt.Sprintf("the token's %s has none of the audiences %q", name, a.audiences)}
	}

	return checkTimes(claims, a.now())
}

// checkTimes gives the clock no leeway; see Verify.
func checkTimes(claims rawjson.Value, now time.Time) *TokenError {
	exp := claims.Get("exp")
	switch at, ok := seconds(exp); {
	case exp.Kind() == rawjson.None:
		return &TokenError{badExpiry, "the token has no exp"}
	case !ok:
		return &TokenError{badExpiry, "the token's exp is not a number"}
	case at == 0:
		return &TokenError{expired, "the token's exp is 0, which is not a time: its issuer has set none"}
	case at <= unix(now):
		return &TokenError{expired, "the token expired at " + clock(at)}
	}
	for _, c := range []struct{ name, description, reason string }{
		{"nbf", notYet, "the token is not valid before "},
		{"iat", fromFuture, "the token was issued in the future, at "},
	} {
		claim := claims.Get(c.name)
		if claim.Kind() == rawjson.None {
			continue
		}
		switch at, ok := seconds(claim); {
		case !ok:
			return &TokenError{c.description, "the token's " + c.name + " is not a number"}
		case at > unix(now):
			return &TokenError{c.description, c.reason + clock(at)}
		}
	}
	return nil
}

// Inspect returns the claims of a token, typed as in the token, numbers as
// json.Number, and why every JWT authorizer refuses it, nil where none must: for
// programs that explain what becomes of a token, and have no keys. Who signed it,
// and whether issuer and audience are the right ones, it does not look at, so the
// claims prove nothing. The error, a *TokenError, is for what is no token at all.
func Inspect(token string, now time.Time) (claims map[string]any, refused *TokenError, err error) {
	_, refused = parseToken(token)
	if refused != nil && refused.Description == badForm {
		return nil, nil, refused
	}
	_, rest, _ := strings.Cut(token, ".")
	encoded, _, _ := strings.Cut(rest, ".")
	payload, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, nil, &TokenError{badForm, "not a signed JWT"}
	}
	doc, err := parseClaims(string(payload))
	if err != nil {
		return nil, nil, &TokenError{badForm, err.Error()}
	}
	defer doc.Free()
	root := doc.Root()
	switch {
	case refused != nil:
	case root.Get("iss").Text() == "":
		refused = &TokenError{badIssuer, "the token has no iss"}
	case root.Get("aud").Kind() == rawjson.None && root.Get("client_id").Kind() == rawjson.None:
		refused = &TokenError{badAudience, "the token has no aud, and no client_id"}
	default:
		refused = checkTimes(root, now)
	}
	return root.Map(), refused, nil
}

// hasAudience takes a list as any of its members: AWS does not say, other
// emulators agree, and RFC 7519, section 4.1.3, has it so.
func (a *Authorizer) hasAudience(v rawjson.Value, listAllowed bool) bool {
	if v.Kind() == rawjson.String {
		return slices.Contains(a.audiences, v.Text())
	}
	if !listAllowed {
		return false
	}
	for item := range v.Items() {
		if item.Kind() == rawjson.String && slices.Contains(a.audiences, item.Text()) {
			return true
		}
	}
	return false
}

func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// clock writes a NumericDate for people.
func clock(at float64) string {
	const year10000 = 253402300800
	if at < 0 || at >= year10000 {
		return "a time that no calendar has"
	}
	return time.Unix(int64(at), 0).UTC().Format(time.RFC3339)
}

// Scopes returns the scopes of a token: those of scope and those of scp, each a
// list separated by spaces (RFC 8693, section 4.2) or an array. AWS names both
// claims and not which of them counts where a token has both.
func Scopes(claims map[string]any) []string {
	var scopes []string
	for _, name := range []string{"scope", "scp"} {
		switch v := claims[name].(type) {
		case string:
			scopes = append(scopes, strings.Fields(v)...)
		case []any:
			for _, item := range v {
				if s, ok := item.(string); ok {
					scopes = append(scopes, s)
				}
			}
		}
	}
	return scopes
}
