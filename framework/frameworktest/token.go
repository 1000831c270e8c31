package frameworktest

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

// What tokens say, and the gateway wants. No such host exists (RFC 2606).
const (
	issuer   = "https://issuer.test"
	audience = "frameworktest"
)

// claimsOf returns what a token of p says. The times are those of the process,
// so that a principal has one token.
func claimsOf(p route.Principal, groupsClaim []string) map[string]any {
	claims := map[string]any{"iss": issuer, "aud": audience, "iat": started.Unix(), "exp": started.Add(24 * time.Hour).Unix()}
	maps.Copy(claims, p.Claims)
	if p.Subject != "" {
		claims["sub"] = p.Subject
	}
	if len(p.Scopes) > 0 {
		claims["scope"] = strings.Join(p.Scopes, " ")
	}
	if len(p.Groups) > 0 {
		inner := claims
		for _, key := range groupsClaim[:len(groupsClaim)-1] {
			next, _ := inner[key].(map[string]any)
			next = maps.Clone(next) // p's own stay as they are
			if next == nil {
				next = make(map[string]any)
			}
			inner[key] = next
			inner = next
		}
		inner[groupsClaim[len(groupsClaim)-1]] = p.Groups
	}
	return claims
}

var started = time.Now()

// key is the issuer's, made when the first token is asked for.
var key = sync.OnceValues(func() (*jose.JSONWebKey, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("cannot make a key: %w", err)
	}
	return &jose.JSONWebKey{Key: k, KeyID: "frameworktest", Algorithm: string(jose.RS256), Use: "sig"}, nil
})

// tokens has what was signed, by payload: a signature takes about as long as
// everything else that a request needs.
var tokens sync.Map

// sign returns the token with these claims.
func sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	if token, ok := tokens.Load(string(payload)); ok {
		return token.(string), nil
	}
	k, err := key()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: k}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		return "", err
	}
	tokens.Store(string(payload), token)
	return token, nil
}

// authorizer is the gateway's, for all the services of the process: it asks the
// issuer for its keys once.
var authorizer = sync.OnceValue(func() *gateway.Authorizer {
	a, err := gateway.NewAuthorizer(gateway.AuthorizerOptions{
		Issuer: issuer, Audiences: []string{audience}, KeysURI: issuer + "/keys", Client: &http.Client{Transport: keys{}},
	})
	if err != nil {
		panic(err) // the options are constants
	}
	return a
})

// keys is the issuer as far as the gateway sees it, which asks for its keys.
type keys struct{}

func (keys) RoundTrip(r *http.Request) (*http.Response, error) {
	k, err := key()
	if err != nil {
		return nil, err
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.Public()}})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(set)), ContentLength: int64(len(set)), Request: r,
	}, nil
}
