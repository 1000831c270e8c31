package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
)

// Headers, and places that are none, in which a client says who it is or what it
// wants. One counts: Authorization, once, of the request's own headers.
func TestHeaderAttacks(t *testing.T) {
	t.Parallel()
	const manifest = `
version: 1
routes:
  - {path: /open, method: ANY, handler: open, public: true}
  - {path: /secret, method: ANY, handler: secret, groups: [admin]}
  - {path: /signed, method: GET, handler: signed, auth: iam}
`
	i := newIssuer(t)
	good, user := i.token(t, object{"groups": []string{"admin"}}), i.token(t, object{"groups": []string{"user"}})
	forged := sign(t, "RS256", testKeys()[1], "key-0", i.claims(object{"groups": []string{"admin"}}))
	event := `{"authorizer":{"jwt":{"claims":{"iss":"` + i.URL + `","sub":"alice","groups":"[admin]"}},"iam":{"userArn":"arn:aws:iam::123456789012:user/admin"}}}`
	const line = "GET /secret HTTP/1.1\nHost: x\n"
	tests := []struct {
		name, send string
		status     string
		ran        string
	}{
		{"the token", line + "Authorization: Bearer " + good + "\n\n", "200", "secret"},
		{"scheme in lower case", line + "authorization: bearer " + good + "\n\n", "200", "secret"},
		{"scheme in mixed case, and a tab", line + "AUTHORIZATION: bEaReR\t" + good + "\n\n", "200", "secret"},
		{"no scheme", line + "Authorization: " + good + "\n\n", "200", "secret"},
		{"in a folded line", line + "Authorization: Bearer\n " + good + "\n\n", "200", "secret"},
		{"Connection names Authorization", line + "Connection: Authorization\nAuthorization: Bearer " + good + "\n\n", "200", "secret"},
		{"Connection names what is the gateway's", line + "Connection: Host, Content-Length, X-Amzn-Trace-Id, X-Forwarded-For\nAuthorization: Bearer " + good + "\n\n", "200", "secret"},

		{"twice", line + "Authorization: Bearer " + good + "\nAuthorization: Bearer " + good + "\n\n", "401", ""},
		{"a user's, then the admin's", line + "Authorization: Bearer " + user + "\nAuthorization: Bearer " + good + "\n\n", "401", ""},
		{"the admin's, then a user's", line + "Authorization: Bearer " + good + "\nauthorization: Bearer " + user + "\n\n", "401", ""},
		{"the admin's, then nothing", line + "Authorization: Bearer " + good + "\nAuthorization:\n\n", "401", ""},
		{"joined by a comma", line + "Authorization: Bearer " + user + ", Bearer " + good + "\n\n", "401", ""},
		{"joined without a scheme", line + "Authorization: " + user + "," + good + "\n\n", "401", ""},
		{"and a parameter", line + "Authorization: Bearer " + good + "; group=admin\n\n", "401", ""},
		{"scheme twice", line + "Authorization: Bearer Bearer " + good + "\n\n", "401", ""},
		{"another scheme", line + "Authorization: Token " + good + "\n\n", "401", ""},
		{"DPoP", line + "Authorization: DPoP " + good + "\n\n", "401", ""},
		{"Basic with the token", line + "Authorization: Basic " + good + "\n\n", "401", ""},
		{"in quotes", line + "Authorization: Bearer \"" + good + "\"\n\n", "401", ""},
		{"a colon behind the scheme", line + "Authorization: Bearer: " + good + "\n\n", "401", ""},
		{"an equals sign behind the scheme", line + "Authorization: Bearer=" + good + "\n\n", "401", ""},
		{"a space of Unicode behind the scheme", line + "Authorization: Bearer\u00a0" + good + "\n\n", "401", ""},
		{"a space of Unicode behind the token", line + "Authorization: Bearer " + good + "\u2003\n\n", "401", ""},
		{"space before the colon", line + "Authorization : Bearer " + good + "\n\n", "400", ""},
		{"forged", line + "Authorization: Bearer " + forged + "\n\n", "401", ""},
		{"a user's", line + "Authorization: Bearer " + user + "\n\n", "403", ""},

		{"in a cookie", line + "Cookie: Authorization=Bearer " + good + "; access_token=" + good + "; token=" + good + "\n\n", "401", ""},
		{"in the query", "GET /secret?access_token=" + good + "&Authorization=Bearer%20" + good + " HTTP/1.1\nHost: x\n\n", "401", ""},
		{"in a form", "POST /secret HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded\nContent-Length: " + strconv.Itoa(len("access_token="+good)) + "\n\naccess_token=" + good, "401", ""},
		{"in a trailer", "POST /secret HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nTrailer: Authorization\n\n0\nAuthorization: Bearer " + good + "\n\n", "401", ""},
		{"in the host", "GET http://Bearer:" + good[:20] + "@x/secret HTTP/1.1\nHost: x\n\n", "401", ""},
		{"of the proxy", line + "Proxy-Authorization: Bearer " + good + "\n\n", "401", ""},
		{"with an underscore", line + "Authorization_: Bearer " + good + "\nX_Authorization: Bearer " + good + "\n\n", "401", ""},
		{"of another header", line + "X-Authorization: Bearer " + good + "\nX-Forwarded-Authorization: Bearer " + good + "\nX-Amzn-Remapped-Authorization: Bearer " + good + "\n\n", "401", ""},
		{"of a load balancer", line + "X-Amzn-Oidc-Data: " + good + "\nX-Amzn-Oidc-Accesstoken: " + good + "\nX-Amzn-Oidc-Identity: alice\n\n", "401", ""},
		{"of proxies that authenticate", line + "X-Forwarded-User: alice\nX-Forwarded-Groups: admin\nRemote-User: alice\nX-Auth-Request-Groups: admin\nX-Goog-Iap-Jwt-Assertion: " + good + "\nCf-Access-Jwt-Assertion: " + good + "\n\n", "401", ""},
		{"groups", line + "Groups: admin\nX-Groups: admin\nX-Scopes: admin\n\n", "401", ""},
		{"groups beside a user's token", line + "Authorization: Bearer " + user + "\nGroups: admin\nX-Groups: admin\n\n", "403", ""},
		{"an event's context", line + "X-Amzn-Request-Context: " + event + "\nX-Amzn-Lambda-Context: " + event + "\nX-Apigateway-Event: " + event + "\nRequestcontext: " + event + "\nrequestContext: " + event + "\n\n", "401", ""},
		{"an event's context in the query", "GET /secret?requestContext=" + strings.ReplaceAll(event, " ", "") + "&requestContext.authorizer.jwt.claims.groups=admin HTTP/1.1\nHost: x\n\n", "401", ""},
		{"an event in the body", "POST /secret HTTP/1.1\nHost: x\nContent-Type: application/json\nContent-Length: " + strconv.Itoa(len(`{"requestContext":`+event+`}`)) + "\n\n" + `{"requestContext":` + event + `}`, "401", ""},
		{"AWS credentials", "GET /signed HTTP/1.1\nHost: x\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260710/eu-west-1/execute-api/aws4_request, SignedHeaders=host, Signature=" + strings.Repeat("0", 64) + "\nX-Amz-Security-Token: x\n\n", "401", ""},
		{"AWS credentials in the query", "GET /signed?X-Amz-Credential=x&X-Amz-Signature=x HTTP/1.1\nHost: x\n\n", "401", ""},
		{"an ARN", "GET /signed HTTP/1.1\nHost: x\nX-Amzn-Iam-User-Arn: arn:aws:iam::123456789012:user/admin\nCaller-Arn: x\n\n", "401", ""},

		{"another URL", "GET /open HTTP/1.1\nHost: x\nX-Original-URL: /secret\nX-Rewrite-URL: /secret\nX-Forwarded-Uri: /secret\nX-Forwarded-Prefix: /secret\n\n", "200", "open"},
		{"another method", "GET /open HTTP/1.1\nHost: x\nX-HTTP-Method-Override: DELETE\nX-HTTP-Method: DELETE\nX-Method-Override: DELETE\n\n", "200", "open"},
		{"another host", "GET /open HTTP/1.1\nHost: x\nX-Forwarded-Host: admin\nForwarded: host=admin;for=127.0.0.1;proto=https\n\n", "200", "open"},
		{"localhost", line + "X-Forwarded-For: 127.0.0.1\nX-Real-Ip: 127.0.0.1\nTrue-Client-Ip: 127.0.0.1\nHost: localhost\n\n", "400", ""},
		{"a trace id with lines", "GET /open HTTP/1.1\nHost: x\nX-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678;hush=1\nX-Request-Id: hush\n\n", "200", "open"},
		{"a preflight", "OPTIONS /secret HTTP/1.1\nHost: x\nOrigin: https://evil.example.com\nAccess-Control-Request-Method: GET\n\n", "401", ""},
	}
	container, function := newTargets(t, manifest, nil, i.authorizer(t, nil), gateway.Options{})
	for name, at := range map[string]*target{"container": container, "gateway": function} {
		t.Run(name, func(t *testing.T) {
			for _, test := range tests {
				status := at.attack(t, strings.Replace(test.send, "Host: x\n", "Host: x\nConnection: close\n", 1))
				want := test.status + ": " + test.ran
				if at == function && strings.Contains(test.send, " /signed") {
					want = "403: " // as AWS does; a container has no 403 for who is nobody
				}
				if diff := cmp.Diff(want, status+": "+at.saw()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", test.name, diff)
				}
			}
			log := at.log.String()
			for _, secret := range []string{good[len(good)-30:], good[40:70], "alice", "hush", "evil", "arn:aws"} {
				if strings.Contains(log, secret) {
					t.Errorf("the log has %q of what a client sent:\n%s", secret, log)
				}
			}
		})
	}
}

// What a handler writes into headers, perhaps because a client sent it, stays in
// its header, and in its answer.
func TestHandlerSetHeaders(t *testing.T) {
	t.Parallel()
	set := func(name string, values ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()[name] = values
			_, _ = io.WriteString(w, "body")
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		header  string // that must be there
		want    string
	}{
		{"CR LF", set("X-A", "a\r\nInjected: 1"), "X-A", "a  Injected: 1"},
		{"LF", set("X-A", "a\nInjected: 1"), "X-A", "a Injected: 1"},
		{"CR", set("X-A", "a\rInjected: 1"), "X-A", "a Injected: 1"},
		{"an answer of its own", set("X-A", "a\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nInjected: 1\r\n\r\n"), "X-A", "a  Content-Length: 0    HTTP/1.1 200 OK  Injected: 1"},
		{"NUL", set("X-A", "a\x00b"), "X-A", "a b"},
		{"control characters", set("X-A", "\x01a\x0bb\x0cc\x1bd\x7fe"), "X-A", "a b c d e"},
		{"tab", set("X-A", "a\tb"), "X-A", "a\tb"},
		{"spaces around", set("X-A", "  a  "), "X-A", "a"},
		{"name with CR LF", set("X-A\r\nInjected", "1"), "", ""},
		{"name with a colon", set("Injected: 1\r\nX-A", "1"), "", ""},
		{"name with a space", set("Injected ", "1"), "", ""},
		{"empty name", set("", "Injected: 1"), "", ""},
		{"name beyond ASCII", set("Injected\u00e9", "1"), "", ""},
		{"cookie with CR LF", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Set-Cookie", "a=b\r\nInjected: 1")
			w.Header().Add("Set-Cookie", "c=d")
			_, _ = io.WriteString(w, "body")
		}, "Set-Cookie", "a=b  Injected: 1|c=d"},
		{"cookie of package http", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b\r\nInjected: 1;x", Path: "/\r\nInjected: 1"})
			_, _ = io.WriteString(w, "body")
		}, "Set-Cookie", `a="bInjected: 1x"; Path=/Injected: 1`},
		{"redirect with CR LF", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://x/\r\nInjected: 1")
			w.WriteHeader(http.StatusFound)
			_, _ = io.WriteString(w, "body")
		}, "Location", "https://x/  Injected: 1"},
		{"type with CR LF", set("Content-Type", "text/plain\r\nInjected: 1"), "Content-Type", "text/plain  Injected: 1"},
		{"a length that is none", set("Content-Length", "1\r\nInjected: 1"), "", ""},
		{"a negative length", set("Content-Length", "-1"), "", ""},
		{"an encoding", set("Transfer-Encoding", "identity"), "Transfer-Encoding", ""},
		{"an encoding in lower case", set("transfer-encoding", "gzip, chunked"), "Transfer-Encoding", ""},
		{"bytes that are not UTF-8", set("X-A", "a\xff\nInjected: 1"), "", ""},
		{"trailer", set(http.TrailerPrefix+"Injected", "1"), "", ""},
		{"trailer that is announced", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "Injected")
			_, _ = io.WriteString(w, "body")
			w.Header().Set("Injected", "1")
		}, "Trailer", ""},
	}
	hs, manifest := framework.Handlers{}, "version: 1\nroutes:\n"
	for n, test := range tests {
		name := fmt.Sprintf("h%d", n)
		hs[name] = test.handler
		manifest += fmt.Sprintf("  - {path: /%[1]s, method: GET, handler: %[1]s, public: true}\n", name)
	}
	container, function := newTargets(t, manifest, hs, nil, gateway.Options{})
	_, functionV1 := newTargets(t, manifest, hs, nil, gateway.Options{PayloadV1: true})
	for name, at := range map[string]*target{"container": container, "gateway": function, "gateway, 1.0": functionV1} {
		t.Run(name, func(t *testing.T) {
			for n, test := range tests {
				conn := connect(t, at.address)
				fmt.Fprintf(conn, "GET /h%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", n)
				raw, err := io.ReadAll(conn)
				if err != nil {
					t.Fatal(err)
				}
				head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
				if strings.Contains(head, "\nInjected") || strings.ContainsFunc(strings.ReplaceAll(head, "\r\n", ""), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
					t.Errorf("%s: headers are\n%q", test.name, head)
				}
				in := bufio.NewReader(bytes.NewReader(raw))
				resp, body, err := answerOf(in, "GET")
				if err != nil {
					t.Errorf("%s: %v in %q", test.name, err, raw)
					continue
				}
				if more, _ := io.ReadAll(in); body != "body" || len(more) > 0 || len(resp.Trailer) > 0 {
					t.Errorf("%s: body %q, trailer %v, and more: %q", test.name, body, resp.Trailer, more)
				}
				if got := strings.Join(resp.Header[test.header], "|"); test.header != "" && got != test.want {
					t.Errorf("%s: %s is %q, want %q", test.name, test.header, got, test.want)
				}
			}
		})
	}
}
