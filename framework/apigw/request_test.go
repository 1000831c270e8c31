package apigw

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequestHeaders(t *testing.T) {
	const cookie = "a=1; b=2"
	tests := []struct {
		name  string
		event string
		edit  []any
		key   string
		want  []string
	}{
		{"user agent", "httpapi-form", []any{"headers.user-agent", "Mozilla/5.0 (KHTML, like Gecko)"}, "User-Agent", []string{"Mozilla/5.0 (KHTML, like Gecko)"}},
		{"date", "httpapi-form", []any{"headers.date", "Tue, 15 Nov 1994 08:12:31 GMT"}, "Date", []string{"Tue, 15 Nov 1994 08:12:31 GMT"}},
		{"joined by the gateway", "httpapi-form", []any{"headers.x-a", "1,2"}, "X-A", []string{"1,2"}},
		{"repeated", "rest-cognito", []any{"multiValueHeaders.x-a", []string{"1,2", "3"}}, "X-A", []string{"1,2", "3"}},
		{"only once", "rest-cognito", []any{"headers.x-once", "1"}, "X-Once", []string{"1"}},
		{"two cases", "rest-cognito", []any{"multiValueHeaders.x-a", []string{"1"}, "multiValueHeaders.X-A", []string{"2"}}, "X-A", []string{"2", "1"}},
		{"no multi map", "rest-cognito", []any{"multiValueHeaders", nil}, "X-Probe", []string{"second"}},
		{"host moves", "httpapi-form", nil, "Host", nil},
		{"bad name", "httpapi-form", []any{"headers.x a", "1", "headers.x:b", "1", "headers.é", "1"}, "X a", nil},
		{"line break", "httpapi-form", []any{"headers.x-a", "1\r\nX-Admin: 1\x00\x7f\t2 "}, "X-A", []string{"1  X-Admin: 1  \t2"}},
		{"null", "httpapi-form", []any{"headers.x-a", nil}, "X-A", nil},
		{"cookies in order", "httpapi-form", []any{"cookies", []string{"b=2", "a=1", "b=3"}}, "Cookie", []string{"b=2; a=1; b=3"}},
		{"cookies in both places", "functionurl", []any{"cookies", []string{"a=1", "b=2"}, "headers.cookie", cookie}, "Cookie", []string{cookie}},
		{"cookies in the header", "functionurl", []any{"cookies", nil, "headers.cookie", cookie}, "Cookie", []string{cookie}},
		{"cookies with a line break", "httpapi-form", []any{"cookies", []string{"a=1\r\nX: y"}}, "Cookie", []string{"a=1  X: y"}},
		{"no length without a body", "httpapi-lambda", []any{"headers.content-length", "12"}, "Content-Length", nil},
		{"zero length", "httpapi-lambda", []any{"headers.content-length", "0"}, "Content-Length", []string{"0"}},
		{"wrong length", "httpapi-lambda", []any{"headers.content-length", "12", "body", "abc"}, "Content-Length", []string{"3"}},
		{"length of the decoded body", "httpapi-form", nil, "Content-Length", []string{"8"}},
		{"nothing added", "alb-single", nil, "Content-Length", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := request(t, decode(t, edit(t, tt.event, tt.edit...)))
			if diff := cmp.Diff(tt.want, req.Header[tt.key]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for name := range req.Header {
				if name != http.CanonicalHeaderKey(name) || !validToken(name) {
					t.Errorf("header %q", name)
				}
			}
		})
	}
}

func TestRequestHost(t *testing.T) {
	tests := []struct {
		event      string
		edit       []any
		host, name string
	}{
		{"httpapi-form", []any{"headers.host", "api.example.com"}, "api.example.com", "api.example.com"},
		{"httpapi-form", []any{"headers.host", "api.example.com:443"}, "api.example.com:443", "api.example.com"},
		{"httpapi-form", []any{"headers.host", drop, "requestContext.domainName", "d.example.com"}, "d.example.com", "d.example.com"},
		{"rest-iam", []any{"headers", nil, "multiValueHeaders", nil, "requestContext.domainName", "d.example.com"}, "d.example.com", "d.example.com"},
	}
	for _, tt := range tests {
		req := request(t, decode(t, edit(t, tt.event, tt.edit...)))
		if req.Host != tt.host || req.TLS.ServerName != tt.name || !req.TLS.HandshakeComplete {
			t.Errorf("%v: Host %q, TLS %+v", tt.edit, req.Host, req.TLS)
		}
	}
	if tls := request(t, decode(t, edit(t, "alb-single"))).TLS; tls != nil {
		t.Errorf("TLS over plain HTTP: %+v", tls)
	}
}

func TestRequestRemoteAddr(t *testing.T) {
	for ip, want := range map[string]string{"203.0.113.7": "203.0.113.7:0", "2001:db8::7": "[2001:db8::7]:0", "": ":0"} {
		req := request(t, decode(t, edit(t, "httpapi-form", "requestContext.http.sourceIp", ip)))
		host, port, err := net.SplitHostPort(req.RemoteAddr)
		if req.RemoteAddr != want || host != ip || port != "0" || err != nil {
			t.Errorf("%q: RemoteAddr %q, split into %q, %q, %v", ip, req.RemoteAddr, host, port, err)
		}
	}
}

func TestRequestQuery(t *testing.T) {
	tests := []struct {
		name  string
		event string
		edit  []any
		want  string
	}{
		{"as sent", "httpapi-jwt", []any{"rawQueryString", "b=%2F&a=+&flag&&x=1;2"}, "b=%2F&a=+&flag&&x=1;2"},
		{"decoded", "rest-cognito", []any{"multiValueQueryStringParameters", obj{"b c": []string{"a&b=c", "#"}, "a": []string{"é"}}}, "a=%C3%A9&b+c=a%26b%3Dc&b+c=%23"},
		{"decoded, single", "rest-cognito", []any{"multiValueQueryStringParameters", nil, "queryStringParameters", obj{"b": "a+b", "a": "1"}}, "a=1&b=a%2Bb"},
		{"encoded", "alb-single", []any{"queryStringParameters", obj{"b": "a%26b+c", "a%20": "1"}}, "a%20=1&b=a%26b+c"},
		{"none", "alb-single", []any{"queryStringParameters", nil}, ""},
	}
	for _, tt := range tests {
		req := request(t, decode(t, edit(t, tt.event, tt.edit...)))
		if req.URL.RawQuery != tt.want {
			t.Errorf("%s: RawQuery %q, want %q", tt.name, req.URL.RawQuery, tt.want)
		}
	}
}

func TestRequestBody(t *testing.T) {
	binary := "\x89PNG\r\n\x1a\n\x00\xff"
	tests := []struct {
		body   any
		base64 any
		want   string
	}{
		{"text λ", false, "text λ"},
		{"aGk=", false, "aGk="}, // the flag decides
		{base64.StdEncoding.EncodeToString([]byte(binary)), true, binary},
		{"", true, ""},
		{nil, true, ""},
		{nil, nil, ""},
	}
	for _, tt := range tests {
		e := decode(t, edit(t, "httpapi-form", "body", tt.body, "isBase64Encoded", tt.base64))
		for range 2 { // a second request has a body of its own
			req := request(t, e)
			body, err := io.ReadAll(req.Body)
			if string(body) != tt.want || err != nil || req.ContentLength != int64(len(tt.want)) {
				t.Errorf("%v: body %q, %v, ContentLength %d", tt, body, err, req.ContentLength)
			}
			if tt.want == "" && req.Body != http.NoBody {
				t.Errorf("%v: Body is not NoBody", tt)
			}
		}
	}
	e := decode(t, edit(t, "httpapi-form", "body", "not base64"))
	if _, err := e.Request(t.Context()); err == nil || !strings.Contains(err.Error(), "body is not base64") {
		t.Errorf("bad base64: %v", err)
	}
}

func TestRequestForm(t *testing.T) {
	req := request(t, decode(t, edit(t, "httpapi-form")))
	if got := req.PostFormValue("b"); got != "ä" {
		t.Errorf("form value %q", got)
	}
}

// A handler that changes its request changes nothing for the next.
func TestRequestIsFresh(t *testing.T) {
	e := decode(t, edit(t, "httpapi-jwt"))
	want := describe(t, e)
	req := request(t, e)
	req.Header.Set("X-Probe", "changed")
	req.Header.Del("Cookie")
	req.URL.Path = "/changed"
	if diff := cmp.Diff(want, describe(t, e)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// aws-lambda-go reads every event into the same memory: nothing of an event may
// turn into a part of the next.
func TestPayloadIsNotKept(t *testing.T) {
	for _, name := range []string{"httpapi-jwt", "functionurl", "httpapiv1-jwt", "rest-cognito", "alb-multi"} {
		payload := edit(t, name, "body", `{"a":"b"}`)
		before := string(payload)
		e := decode(t, payload)
		want := describe(t, e)
		for i := range payload {
			payload[i] = 'x'
		}
		if diff := cmp.Diff(want, describe(t, e)); diff != "" {
			t.Errorf("%s (-before +after):\n%s", name, diff)
		}
		own := e.Payload()
		if string(own) != before {
			t.Errorf("%s: the payload became %.100s", name, own)
		}
		own[0] = 'x'
		if string(e.Payload()) != before {
			t.Errorf("%s: who has the payload can change it", name)
		}
	}
}

func TestRequestContext(t *testing.T) {
	type key struct{}
	e := decode(t, edit(t, "httpapi-jwt"))
	req, err := e.Request(context.WithValue(t.Context(), key{}, "outer"))
	if err != nil {
		t.Fatal(err)
	}
	if got := req.Context().Value(key{}); got != "outer" {
		t.Errorf("outer value %v", got)
	}
	if _, ok := EventFrom(t.Context()); ok {
		t.Error("an event in a context without one")
	}
}
