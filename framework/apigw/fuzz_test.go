package apigw

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/txtar"
)

// FuzzDecode feeds any bytes as an event, and any bytes as the handler's answer.
// Nothing may panic, and what decodes must hold together.
func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/events/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data, []byte("<p>hello"), "X-Test", "a, b\r\n")
	}
	f.Add([]byte(`{"version":"2.0","requestContext":{"http":{"method":"GET"}}}`), []byte{0xff}, "Set-Cookie", "a=1")
	f.Add([]byte(`{"version":"2.0","rawPath":"/a?b","requestContext":{"stage":"a?b","http":{"method":"GET"}}}`), []byte{}, "content-encoding", "gzip")
	f.Add([]byte(`{"version":"2.0","rawPath":"//%2f%","requestContext":{"domainName":".lambda-url.","http":{"method":"HEAD"}}}`), []byte{}, "", "")
	f.Add([]byte(`{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/%zz"}`), []byte("x"), "Trailer:X", "\x00")
	f.Add([]byte(`{"requestContext":{"resourceId":"x"},"httpMethod":"GET","path":"/a","resource":"/{a+}","pathParameters":{"a":"%"}}`), []byte("x"), "É", "é")
	f.Add([]byte(`{"a":1,"a":2}`), []byte{}, "", "")
	f.Add([]byte("null"), []byte{}, "", "")

	f.Fuzz(checkEvent)
}

// FuzzParts puts the same through events that are well-formed, so that it reaches
// what lies behind the JSON.
func FuzzParts(f *testing.F) {
	f.Add(uint8(0), "/mvp/a?b#c%41", "mvp", "api.example.com", "a%2Fb", "Cookie", "a=1, b=2")
	f.Add(uint8(1), "/a%2Fb%", "$default", "x.lambda-url.eu-central-1.on.aws", "", "Content-Length", "7")
	f.Add(uint8(2), "/key/users/a b/", "", "api.example.com", "a b", "X-Forwarded-For", "[::1]:1")
	f.Add(uint8(3), "/key/users/a%2Fb//", "live", "api.example.com", "a%2Fb", "host", "x:1")
	f.Add(uint8(4), "/%zz//", "", "", "a&b", "x-forwarded-for", "1, 2:3")
	f.Fuzz(func(t *testing.T, kind uint8, path, stage, domain, param, name, value string) {
		context := obj{"stage": stage, "domainName": domain, "path": path, "resourceId": "x", "http": obj{"method": "GET", "path": path}}
		event := obj{
			"rawPath": path, "path": path, "rawQueryString": param, "cookies": []string{value},
			"httpMethod": "GET", "resource": "/users/{id+}", "pathParameters": obj{"id": param},
			"headers": obj{name: value}, "queryStringParameters": obj{name: param}, "body": value, "requestContext": context,
		}
		source := Source(kind%5) + HTTPAPI
		switch source {
		case HTTPAPI, FunctionURL:
			event["version"] = "2.0"
		case HTTPAPIv1:
			event["version"] = "1.0"
		case ALB:
			context["elb"] = obj{}
		}
		payload, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		checkEvent(t, payload, []byte(value), name, value)

		e, err := Decode(payload)
		if err != nil || !utf8.ValidString(path) {
			return
		}
		// Where the path is encoded, net/http agrees on what it means.
		if e.Source == FunctionURL || e.Source == ALB {
			u, err := url.ParseRequestURI(path)
			if err != nil || strings.Contains(path, "?") {
				return
			}
			if got := request(t, e).URL; got.Path != u.Path || got.EscapedPath() != u.EscapedPath() {
				t.Errorf("path %q: got %q, %q, net/url has %q, %q", path, got.Path, got.EscapedPath(), u.Path, u.EscapedPath())
			}
		}
	})
}

func checkEvent(t *testing.T, payload, body []byte, name, value string) {
	e, err := Decode(payload)
	if err != nil {
		if e != nil {
			t.Errorf("both an event and the error %v", err)
		}
		return
	}
	if e.Source < HTTPAPI || e.Source > ALB || !validToken(e.Method) || !strings.HasPrefix(e.Path, "/") {
		t.Errorf("source %v, method %q, path %q", e.Source, e.Method, e.Path)
	}
	if e.Source == ALB && (e.Authorizer.Kind != NoAuthorizer || e.RouteKey != "") {
		t.Errorf("a load balancer authorizes: %+v", e.Authorizer)
	}
	if (e.Authorizer.Kind == NoAuthorizer) != (e.Authorizer.Claims() == nil) && e.Authorizer.Kind != LambdaAuthorizer {
		t.Errorf("authorizer %+v", e.Authorizer)
	}
	for claim, v := range e.Authorizer.Claims() {
		if _, ok := e.Authorizer.Style.Text(claim, v); ok != (v != nil) {
			t.Errorf("claim %q: %#v has text: %v", claim, v, ok)
		}
	}
	if e.Source == HTTPAPI {
		// The path is what the gateway wrote, less the stage.
		var top map[string]json.RawMessage
		var rawPath string
		json.Unmarshal(payload, &top)
		json.Unmarshal(top["rawPath"], &rawPath)
		stage := "/" + e.Stage
		if e.Stage == "" || e.Stage == "$default" {
			stage = ""
		}
		if e.Path != rawPath && stage+e.Path != rawPath && !(e.Path == "/" && rawPath == stage) && !(e.Path == "/" && rawPath == "") {
			t.Errorf("rawPath %q, stage %q: path %q", rawPath, e.Stage, e.Path)
		}
	}
	checkRequest(t, e)

	resp := NewResponse(e.Method)
	resp.Header().Add(name, value)
	n, err := resp.Write(body)
	if n != len(body) || err != nil {
		t.Errorf("Write gives %d, %v", n, err)
	}
	answer, err := e.Encode(resp)
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	if !json.Valid(answer) || !utf8.Valid(answer) {
		t.Fatalf("not JSON: %q", answer)
	}
	got := client(t, e.Source, answer)
	want := string(body)
	if e.Method == http.MethodHead {
		want = ""
	}
	if got.Status != 200 || got.Body != want {
		t.Errorf("sent %+v, want status 200 and body %q", got, want)
	}
	for name, values := range got.Header {
		for _, v := range values {
			if !validToken(name) || strings.ContainsAny(v, "\r\n\x00") {
				t.Errorf("header %q: %q", name, v)
			}
		}
	}
}

func checkRequest(t *testing.T, e *Event) {
	t.Helper()
	req, err := e.Request(t.Context())
	if err != nil {
		if _, bad := base64.StdEncoding.DecodeString(e.body); !e.base64 || bad == nil {
			t.Errorf("Request: %v", err)
		}
		return
	}
	if req.URL.Path != e.Path || unescape(req.URL.EscapedPath()) != e.Path || !strings.HasPrefix(req.RequestURI, "/") {
		t.Errorf("path %q, URL %#v, RequestURI %q", e.Path, req.URL, req.RequestURI)
	}
	for name, values := range req.Header {
		for _, v := range values {
			if name != http.CanonicalHeaderKey(name) || !validToken(name) || name == "Host" || strings.ContainsAny(v, "\r\n\x00") {
				t.Errorf("header %q: %q", name, v)
			}
		}
	}
	data, err := io.ReadAll(req.Body)
	if err != nil || int64(len(data)) != req.ContentLength {
		t.Errorf("body of %d bytes, %v, ContentLength %d", len(data), err, req.ContentLength)
	}
	if got, ok := EventFrom(req.Context()); !ok || got != e {
		t.Errorf("EventFrom: %v, %v", got, ok)
	}
	if !strings.ContainsAny(e.SourceIP, "[]%") {
		if ip, _, err := net.SplitHostPort(req.RemoteAddr); err != nil || ip != e.SourceIP {
			t.Errorf("RemoteAddr %q of %q: %v", req.RemoteAddr, e.SourceIP, err)
		}
	}
	e.BearerToken()
}
