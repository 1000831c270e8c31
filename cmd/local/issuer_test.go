package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/gateway"
)

var testPeople = []person{
	{Name: "alice", Groups: []string{"ADMINS", "USERS"}, Scopes: []string{"users/read"}},
	{Name: "mallory"},
}

// startIssuer serves an issuer, and returns it with an authorizer that knows it
// by discovery only.
func startIssuer(t *testing.T, groupsClaim ...string) (*issuer, *gateway.Authorizer) {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	i, err := newIssuer(server.URL, "routegate", groupsClaim, testPeople, []string{"users/read", "users/write"})
	if err != nil {
		t.Fatal(err)
	}
	handler = i.handler()
	a, err := gateway.NewAuthorizer(gateway.AuthorizerOptions{Issuer: server.URL, Audiences: []string{"routegate"}})
	if err != nil {
		t.Fatal(err)
	}
	return i, a
}

// The gateway's own authorizer takes the issuer's tokens, found by discovery.
func TestIssuerTokens(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		groupsClaim []string
		form        url.Values
		want        map[string]any // beside iss, aud, iat, exp and jti
	}{
		{"password", []string{"groups"}, url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"alice"}},
			map[string]any{"sub": "alice", "scope": "users/read", "groups": []any{"ADMINS", "USERS"}}},
		{"nested groups", []string{"realm_access", "roles"}, url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"alice"}},
			map[string]any{"sub": "alice", "scope": "users/read", "realm_access": map[string]any{"roles": []any{"ADMINS", "USERS"}}}},
		{"no groups", []string{"groups"}, url.Values{"grant_type": {"password"}, "username": {"mallory"}, "password": {"mallory"}},
			map[string]any{"sub": "mallory", "scope": ""}},
		{"other groups and scopes", []string{"groups"}, url.Values{"grant_type": {"password"}, "username": {"mallory"}, "password": {"mallory"}, "groups": {"A B"}, "scope": {"x y"}},
			map[string]any{"sub": "mallory", "scope": "x y", "groups": []any{"A", "B"}}},
		{"client credentials", []string{"groups"}, url.Values{"grant_type": {"client_credentials"}, "client_id": {"job"}, "client_secret": {"job"}},
			map[string]any{"sub": "job", "scope": "users/read users/write"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i, a := startIssuer(t, test.groupsClaim...)
			token, err := fetchToken(t.Context(), i.url+"/token", test.form)
			if err != nil {
				t.Fatal(err)
			}
			payload, err := a.Verify(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(payload), &got); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"iss", "aud", "iat", "exp", "jti"} {
				if got[name] == nil {
					t.Errorf("the token has no %s", name)
				}
				delete(got, name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

// Tokens from before a rotation stay good, and so do those after it.
func TestIssuerRotation(t *testing.T) {
	t.Parallel()
	i, _ := startIssuer(t, "groups")
	verify := func(token string) error {
		// A new authorizer: how often one asks for keys again is its own matter.
		a, err := gateway.NewAuthorizer(gateway.AuthorizerOptions{Issuer: i.url, Audiences: []string{"routegate"}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Verify(t.Context(), token)
		return err
	}
	old, err := i.token(testPeople[0])
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(i.url+"/rotate", "", nil)
	if err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
	young, err := i.token(testPeople[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(old); err != nil {
		t.Errorf("the token from before: %v", err)
	}
	if err := verify(young); err != nil {
		t.Errorf("the token from after: %v", err)
	}
	for range keptKeys {
		if err := i.rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if err := verify(old); err == nil {
		t.Error("a token of a key that is gone is taken")
	}
}

func TestIssuerTokensExpire(t *testing.T) {
	t.Parallel()
	i, a := startIssuer(t, "groups")
	i.now = func() time.Time { return time.Now().Add(-tokenLifetime - time.Second) }
	token, err := i.token(testPeople[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Verify(context.Background(), token); err == nil {
		t.Error("an expired token is taken")
	}
}

func TestIssuerRefuses(t *testing.T) {
	t.Parallel()
	i, _ := startIssuer(t, "groups")
	var names []string
	for _, p := range testPeople {
		names = append(names, p.Name)
	}
	people := strings.Join(names, ", ")
	tests := []struct {
		name, body  string
		status      int
		code        string
		description string
	}{
		{"nothing", "", 400, "invalid_request", "grant_type is missing"},
		{"no form", "%zz", 400, "invalid_request", "the body is no form"},
		{"grant", "grant_type=authorization_code", 400, "unsupported_grant_type", "password and client_credentials are taken"},
		{"user", "grant_type=password&username=eve&password=eve", 400, "invalid_grant", "the user is none of " + people},
		{"no user", "grant_type=password&password=alice", 400, "invalid_request", "username is missing: it is one of " + people},
		{"password", "grant_type=password&username=alice&password=bob", 400, "invalid_grant", "the password is not the user's name"},
		{"no password", "grant_type=password&username=alice", 400, "invalid_request", "password is missing: it is the user's name"},
		{"client", "grant_type=client_credentials&client_id=a&client_secret=b", 401, "invalid_client", "the client's secret is not its name"},
		{"no secret", "grant_type=client_credentials&client_id=a", 401, "invalid_client", "client_secret is missing: it is the client's name"},
		{"no client", "grant_type=client_credentials", 401, "invalid_client", "client_id is missing: it is any name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resp, err := http.Post(i.url+"/token", "application/x-www-form-urlencoded", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var answer map[string]string
			if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != test.status || answer["error"] != test.code || answer["error_description"] != test.description || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%d %v, want %d %s: %s", resp.StatusCode, answer, test.status, test.code, test.description)
			}
		})
	}
}

// The keys that are shown are public, and the discovery document names where
// everything is.
func TestIssuerDocuments(t *testing.T) {
	t.Parallel()
	i, _ := startIssuer(t, "groups")
	get := func(path string) string {
		resp, err := http.Get(i.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var body json.RawMessage
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	keys := get("/keys")
	for _, private := range []string{`"d":`, `"p":`, `"q":`, `"dp":`, `"qi":`} {
		if strings.Contains(keys, private) {
			t.Errorf("the keys hold the private %s", private)
		}
	}
	for _, want := range []string{`"kty":"RSA"`, `"use":"sig"`, `"alg":"RS256"`, `"kid":"`} {
		if !strings.Contains(keys, want) {
			t.Errorf("the keys lack %s: %s", want, keys)
		}
	}
	discovery := get("/.well-known/openid-configuration")
	for _, want := range []string{`"issuer":"` + i.url + `"`, i.url + "/keys", i.url + "/token", `"scopes_supported":["users/read","users/write"]`} {
		if !strings.Contains(discovery, want) {
			t.Errorf("the discovery document lacks %s: %s", want, discovery)
		}
	}
}
