package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// What a server writes to standard output and standard error has nothing in it of a
// token, a header, a cookie, a query, a path or a body, of which each is planted,
// whatever becomes of the request, be it one that net/http itself refuses.
func TestSecrets(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	p := startProcess(t, "test", []string{"JWT_ISSUER=" + i.URL, "JWT_AUTHORIZED_AUDIENCES=api", "CORS_ALLOW_ORIGINS=https://app.example.com", "ROUTEGATE_METRICS_NAMESPACE=Test"},
		"-drain", "0s", "-timeout", "3s", "-max-body", "1000")
	p.addresses(t)
	await(t, "http://"+p.health+"/readyz", 200)

	planted := map[string]string{}
	plant := func(name string) string {
		text := rand.Text()
		planted[text] = name
		return text
	}
	claims := func(changes object) object {
		c := i.claims(object{"sub": plant("sub"), "email": plant("email"), "groups": []string{plant("a group")}, "scope": plant("a scope")})
		for name, v := range changes {
			c[name] = v
		}
		return c
	}
	signed := func(alg jose.SignatureAlgorithm, key any, kid string, changes object) string {
		return "Bearer " + sign(t, alg, key, kid, claims(changes))
	}
	good := signed(jose.RS256, testKeys()[0], "key-0", nil)
	requests := []struct{ line, authorization, body, status string }{
		{"GET /ok", good, "", "200"},
		{"GET /who", good, "", "200"},
		{"GET /who", "", "", "401"},
		{"GET /admins", good, "", "403"},
		{"GET /signed", good, "", "401"},
		{"GET /" + plant("the path"), good, "", "404"},
		{"POST /takes", good, plant("the body"), "200"},
		{"POST /takes", good, strings.Repeat(plant("a long body"), 100), "413"},
		{"GET /stuck", good, "", "503"},
		{"GET /who", "Basic " + plant("a password"), "", "401"},
		{"GET /who", "Bearer " + plant("an opaque token"), "", "401"},
		{"GET /who", good[:len(good)/2], "", "401"},
		{"GET /who", good + plant("a signature"), "", "401"},
		{"GET /who", signed(jose.RS256, testKeys()[1], "key-0", nil), "", "401"},
		{"GET /who", signed(jose.RS256, testKeys()[0], plant("kid"), nil), "", "401"},
		{"GET /who", signed(jose.HS256, []byte(plant("a shared secret")+strings.Repeat("x", 32)), "key-0", nil), "", "401"},
		{"GET /who", signed(jose.RS256, testKeys()[0], "key-0", object{"iss": "https://" + plant("iss")}), "", "401"},
		{"GET /who", signed(jose.RS256, testKeys()[0], "key-0", object{"aud": plant("aud")}), "", "401"},
		{"GET /who", signed(jose.RS256, testKeys()[0], "key-0", object{"exp": plant("exp")}), "", "401"},
		{"GET /who", signed(jose.RS256, testKeys()[0], "key-0", object{"exp": 1}), "", "401"},
		{"OPTIONS /who", good, "", "204"},
		{"GET /who HTTP/1.1\r\nX: " + strings.Repeat(plant("a long header"), 1000) + "\r\nY:", good, "", "431"},
		{"GET /who HTTP/1.1\r\n" + plant("no header"), good, "", "400"},
		{"GET  " + plant("no line"), good, "", "400"},
		{"GET /who HTTP/1.1\r\nTransfer-Encoding: " + plant("an encoding") + "\r\nY:", good, "", "501"},
		{"GET /%zz" + plant("no URL"), good, "", "400"},
	}
	sent := 0
	for _, r := range requests {
		conn := connect(t, p.api)
		method, target, _ := strings.Cut(r.line, " ")
		path, rest, _ := strings.Cut(target, " ")
		if rest == "" {
			rest = "HTTP/1.1"
		}
		fmt.Fprintf(conn, "%s %s?token=%s %s\r\nHost: x\r\nConnection: close\r\n", method, path, plant("the query"), rest)
		fmt.Fprintf(conn, "Cookie: session=%s\r\nX-Api-Key: %s\r\nUser-Agent: %s\r\nOrigin: https://%s\r\nAccess-Control-Request-Method: GET\r\n",
			plant("a cookie"), plant("a header"), plant("the user agent"), plant("the origin"))
		fmt.Fprintf(conn, "X-Amzn-Trace-Id: Root=%s\r\nX-Request-Id: %s\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s",
			plant("the trace"), plant("x-request-id"), r.authorization, len(r.body), r.body)
		answer, err := io.ReadAll(conn)
		if status := string(answer); err != nil && status == "" || !strings.HasPrefix(status, "HTTP/1.1 "+r.status) {
			t.Errorf("%.60q: %.60q, error %v, want %s", r.line, answer, err, r.status)
		}
		sent++
	}
	// What is no HTTP at all.
	conn := connect(t, p.api)
	fmt.Fprintf(conn, "\x16\x03\x01%s\r\n\r\n", plant("what is no HTTP"))
	_, _ = io.ReadAll(conn)

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.exitCode(t) // by when all is written
	log := p.String()
	if n := strings.Count(log, `"msg":"request"`); n < sent-8 {
		t.Errorf("%d requests, and the log has %d", sent, n)
	}
	if !strings.Contains(log, `"token_refused"`) || !strings.Contains(log, `"_aws"`) {
		t.Error("the log has no word on the tokens, or no metrics")
	}
	for text, name := range planted {
		for _, form := range forms(text) {
			if strings.Contains(strings.ToLower(log), strings.ToLower(form)) {
				t.Errorf("the log has %s, as %s:\n%s", name, form, log)
			}
		}
	}
}

// forms returns the first half of a text, as it stands, in hexadecimal, and in base64,
// where it looks in three ways.
func forms(text string) []string {
	list := []string{text[:13], fmt.Sprintf("%x", text[:13])}
	for before := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + text[:15]))
		list = append(list, encoded[4:16])
	}
	return list
}
