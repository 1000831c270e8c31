package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// An issuer is an identity provider of people who do not exist, for development:
// OpenID Connect Discovery, keys, and a token endpoint (RFC 6749) that takes the
// password grant, whose password is the user's name, and the client credentials
// grant, for a client whose secret is its name.
//
// Its keys are made at start and are lost with it. It is served on loopback only.
type issuer struct {
	url         string // of the issuer, without a slash at the end
	audience    string
	groupsClaim []string // the path of the groups claim
	now         func() time.Time
	closed      func() bool // reports whether programs get no token now; nil is never

	mu     sync.Mutex
	people []person
	scopes []string           // that exist
	keys   []*jose.JSONWebKey // the newest first; the older ones only verify
}

// tokenLifetime is how long a token is valid.
const tokenLifetime = time.Hour

// keptKeys is how many keys the issuer shows: those that signed tokens that may
// still be valid, and more after rotations in quick succession.
const keptKeys = 3

func newIssuer(url, audience string, groupsClaim []string, people []person, scopes []string) (*issuer, error) {
	i := &issuer{url: url, audience: audience, groupsClaim: groupsClaim, now: time.Now}
	i.setPeople(people, scopes)
	return i, i.rotate()
}

// setPeople replaces the people and the scopes that there are.
func (i *issuer) setPeople(people []person, scopes []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.people, i.scopes = people, scopes
}

// everyone returns the people, and allScopes the scopes.
func (i *issuer) everyone() []person {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.people
}

func (i *issuer) allScopes() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string{}, i.scopes...)
}

// rotate makes a new key, with which tokens are signed from now on.
func (i *issuer) rotate() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	id := make([]byte, 8)
	if _, err := rand.Read(id); err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = slices.Insert(i.keys, 0, &jose.JSONWebKey{Key: key, KeyID: hex.EncodeToString(id), Algorithm: string(jose.RS256), Use: "sig"})
	if len(i.keys) > keptKeys {
		i.keys = i.keys[:keptKeys]
	}
	return nil
}

// find returns the person of that name.
func (i *issuer) find(name string) (person, bool) {
	people := i.everyone()
	at := slices.IndexFunc(people, func(p person) bool { return p.Name == name })
	if at < 0 {
		return person{}, false
	}
	return people[at], true
}

// token signs a token for a person, in the given groups and with the given
// scopes, which need not be the person's own.
func (i *issuer) token(p person) (string, error) {
	now := i.now()
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", err
	}
	claims := map[string]any{
		"iss":   i.url,
		"sub":   p.Name,
		"aud":   i.audience,
		"iat":   now.Unix(),
		"exp":   now.Add(tokenLifetime).Unix(),
		"jti":   hex.EncodeToString(id),
		"scope": strings.Join(p.Scopes, " "),
	}
	if len(p.Groups) > 0 {
		inner := claims
		for _, key := range i.groupsClaim[:len(i.groupsClaim)-1] {
			next := make(map[string]any)
			inner[key] = next
			inner = next
		}
		inner[i.groupsClaim[len(i.groupsClaim)-1]] = p.Groups
	}
	i.mu.Lock()
	key := i.keys[0]
	i.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// handler serves the issuer at the path of its URL.
func (i *issuer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.serveDiscovery)
	mux.HandleFunc("GET /keys", i.serveKeys)
	mux.HandleFunc("POST /token", i.serveToken)
	mux.HandleFunc("POST /rotate", func(w http.ResponseWriter, _ *http.Request) {
		if err := i.rotate(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// serveDiscovery answers as OpenID Connect Discovery 1.0, section 3, wants.
func (i *issuer) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, map[string]any{
		"issuer":                                i.url,
		"jwks_uri":                              i.url + "/keys",
		"token_endpoint":                        i.url + "/token",
		"grant_types_supported":                 []string{"password", "client_credentials"},
		"response_types_supported":              []string{"token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(jose.RS256)},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "none"},
		"scopes_supported":                      i.allScopes(),
	})
}

func (i *issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	set := jose.JSONWebKeySet{}
	for _, key := range i.keys {
		set.Keys = append(set.Keys, key.Public())
	}
	answerJSON(w, http.StatusOK, set)
}

// serveToken is the token endpoint. Beside what RFC 6749 has, a request may name
// groups, separated by spaces, in place of the person's own: that is what lets a
// developer try any caller.
func (i *issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	// The program may be the function; see tokenGate.
	if isProgram := r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == ""; isProgram && i.closed != nil && i.closed() {
		oauthError(w, http.StatusBadRequest, "unauthorized_client", "no token while the function runs a request from another site: try again")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		oauthError(w, http.StatusBadRequest, "invalid_request", "the body is no form")
		return
	}
	var p person
	switch grant := r.PostForm.Get("grant_type"); grant {
	case "password":
		var names []string
		for _, p := range i.everyone() {
			names = append(names, p.Name)
		}
		people := strings.Join(names, ", ")
		name, password := r.PostForm.Get("username"), r.PostForm.Get("password")
		var ok bool
		p, ok = i.find(name)
		switch {
		case name == "":
			oauthError(w, http.StatusBadRequest, "invalid_request", "username is missing: it is one of "+people)
			return
		case !ok:
			oauthError(w, http.StatusBadRequest, "invalid_grant", "the user is none of "+people)
			return
		case password == "":
			oauthError(w, http.StatusBadRequest, "invalid_request", "password is missing: it is the user's name")
			return
		case password != p.Name:
			oauthError(w, http.StatusBadRequest, "invalid_grant", "the password is not the user's name")
			return
		}
	case "client_credentials":
		id, secret, ok := r.BasicAuth()
		if !ok {
			id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
		}
		if id == "" || secret != id {
			description := "the client's secret is not its name"
			switch {
			case id == "":
				description = "client_id is missing: it is any name"
			case secret == "":
				description = "client_secret is missing: it is the client's name"
			}
			w.Header().Set("WWW-Authenticate", "Basic")
			oauthError(w, http.StatusUnauthorized, "invalid_client", description)
			return
		}
		p = person{Name: id, Scopes: i.allScopes()}
	case "":
		oauthError(w, http.StatusBadRequest, "invalid_request", "grant_type is missing")
		return
	default:
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type", "password and client_credentials are taken")
		return
	}
	if r.PostForm.Has("groups") {
		p.Groups = strings.Fields(r.PostForm.Get("groups"))
	}
	if r.PostForm.Has("scope") {
		p.Scopes = strings.Fields(r.PostForm.Get("scope"))
	}
	token, err := i.token(p)
	if err != nil {
		oauthError(w, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answerJSON(w, http.StatusOK, map[string]any{
		"access_token": token,
		"token_type":   "Bearer",
		"expires_in":   int(tokenLifetime / time.Second),
		"scope":        strings.Join(p.Scopes, " "),
	})
}

// oauthError answers in the form of RFC 6749, section 5.2.
func oauthError(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Cache-Control", "no-store")
	answerJSON(w, status, map[string]string{"error": code, "error_description": description})
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // a client that went away
}
