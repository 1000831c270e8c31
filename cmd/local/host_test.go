package main

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestParseHost(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"api.test": "api.test", "API.Test": "api.test", "192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1", "host": "host",
		"": "", "http://api.test": "", "api.test:8080": "", "*.test": "", "[2001:db8::1]": "", "a b": "", "user@api.test": "", "api.test/": "",
	} {
		if got, err := parseHost(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestHasHost(t *testing.T) {
	t.Parallel()
	c := config{hosts: []string{"api.test", "192.0.2.7"}}
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LocalHost:1": true, "app.localhost:8080": true,
		"127.0.0.1": true, "127.0.0.1:8080": true, "127.1.2.3:8080": true, "[::1]": true, "[::1]:8080": true, "[::ffff:127.0.0.1]:8080": true,
		"api.test": true, "api.test:8080": true, "API.TEST:1": true, "192.0.2.7:8080": true,

		"": false, ":8080": false, ".": false, "example.com": false, "example.com:8080": false, "localhost.": false,
		"localhost.example.com": false, "127.0.0.1.example.com": false, "evil-localhost": false, "evillocalhost:8080": false,
		"x.api.test": false, "evil-api.test": false, "192.168.0.1": false, "0.0.0.0:8080": false, "[::]:8080": false, "[::2]:80": false,
		"127.1": false, "2130706433": false, "0x7f.0.0.1": false, "localhost@example.com": false, "localhost:80:80": false, "[localhost": false, "localhost]": false,
	} {
		if got := c.hasHost(host); got != want {
			t.Errorf("%q: got %t, want %t", host, got, want)
		}
	}
}

// freeAddress returns an address on which nothing listens at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A host that is not this machine gets 421 from everything that is served.
func TestHosts(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *config) { c.hosts = []string{"api.test"} })
	for _, to := range []struct{ method, path string }{
		{"GET", "/v1/manage/hc"}, {"GET", "/v1/users/whoami"}, {"GET", "/v1/docs"}, {"GET", "/nothing"}, {"OPTIONS", "*"},
		{"POST", "/v1/auth/token"}, {"GET", "/_routegate"}, {"GET", "/_routegate/"}, {"GET", "/_routegate/page.js"}, {"GET", "/_routegate/state"}, {"GET", "/_routegate/requests/x"},
		{"POST", "/_routegate/decide"}, {"POST", "/_routegate/issuer/token"}, {"POST", "/_routegate/issuer/rotate"},
		{"GET", "/_routegate/issuer/keys"}, {"GET", "/_routegate/issuer/.well-known/openid-configuration"},
	} {
		for host, refused := range map[string]bool{"evil.example": true, "192.0.2.1:8080": true, "localhost": false, "api.test:8080": false} {
			req, err := http.NewRequest(to.method, r.url+strings.Replace(to.path, "*", "", 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			if to.path == "*" {
				req.URL.Opaque = "*"
			}
			req.Host = host
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := resp.StatusCode == http.StatusMisdirectedRequest; got != refused {
				t.Errorf("%s %s for the host %s: %s", to.method, to.path, host, resp.Status)
			}
		}
	}
	r.shows(`421 GET     /v1/manage/hc  0.0 ms  local: the host "evil.example" is not this machine`)
}
