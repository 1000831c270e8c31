package swaggerui_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/swaggerui"
)

func get(accept string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/v1/docs", nil)
	if accept != "" {
		r.Header.Set("Accept-Encoding", accept)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	swaggerui.Page(w, r)
	return w
}

// The page is what make.go makes of the files beside it, and nothing in it is
// loaded from elsewhere.
func TestPage(t *testing.T) {
	t.Parallel()
	w := get("")
	text := w.Body.String()
	if got := w.Header().Get("Content-Type"); w.Code != 200 || got != "text/html; charset=utf-8" {
		t.Fatalf("status %d, content type %q", w.Code, got)
	}
	// The parts of the page, in their order.
	template, err := os.ReadFile("page.html")
	if err != nil {
		t.Fatal(err)
	}
	rest := text
	parts := regexp.MustCompile(`\{\{\w+\}\}`).Split(string(template), -1)
	var between []string
	for i, part := range parts {
		before, after, ok := strings.Cut(rest, part)
		if i == len(parts)-1 {
			before, ok = strings.CutSuffix(rest, part)
		}
		if !ok {
			t.Fatalf("page.html was changed without go generate: the page lacks\n%s", part)
		}
		if i > 0 {
			between = append(between, before)
		}
		rest = after
	}
	style, script := between[0], between[1]
	for name, made := range map[string]string{"page.css": style, "page.js": script} {
		own, err := os.ReadFile(name)
		if err != nil || !strings.HasSuffix(made, string(own)) {
			t.Errorf("%s was changed without go generate (%v)", name, err)
		}
	}

	// A browser hashes the texts between the tags, of which there must be no others.
	policy := w.Header().Get("Content-Security-Policy")
	for directive, text := range map[string]string{"script-src": script, "style-src": style} {
		sum := sha256.Sum256([]byte(text))
		if want := directive + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s\n%s", want, policy)
		}
	}
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %q", want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the policy is %s", policy)
	}
	lower := strings.ToLower(text)
	for tag, want := range map[string]int{"<script": 1, "</script": 1, "<style": 1, "</style": 1} {
		// Swagger UI's own texts have some tags of styles, which end no script.
		if n := strings.Count(lower, tag); n < want || strings.Contains(tag, "script") && n != want {
			t.Errorf("%d times %s", n, tag)
		}
	}
	if strings.Contains(text, "\r") || strings.Contains(text, "\x00") {
		t.Error("a browser changes a character before it hashes")
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding", "Cache-Control": "no-cache"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	plain := get("").Body.Bytes()
	tags := make(map[string]bool)
	for accept, zipped := range map[string]bool{
		"": false, "gzip": true, "gzip, deflate, br, zstd": true, "br;q=1.0, GZIP;q=0.5": true, "deflate": false,
		"gzip;q=0": false, "gzip; q=0.0": false, "identity": false, "x-gzip": false, "gzip;q=x": false, "*": false,
	} {
		w := get(accept)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: gzip is %v", accept, got)
			continue
		}
		var body io.Reader = w.Body
		if zipped {
			var err error
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		if data, err := io.ReadAll(body); err != nil || !bytes.Equal(data, plain) {
			t.Errorf("%q: another page (%v)", accept, err)
		}
		etag := w.Header().Get("ETag")
		tags[etag] = true
		again := get(accept, "If-None-Match", `"x", W/`+etag)
		if again.Code != 304 || again.Body.Len() > 0 || again.Header().Get("ETag") != etag || again.Header().Get("Content-Encoding") != "" {
			t.Errorf("%q: status %d and %d bytes for a page that the client has", accept, again.Code, again.Body.Len())
		}
	}
	if len(tags) != 2 {
		t.Errorf("tags of two encodings: %v", tags)
	}
	if w := get("", "If-None-Match", `"x"`); w.Code != 200 {
		t.Errorf("another tag: status %d", w.Code)
	}
}

// The licence goes where Swagger UI goes.
func TestLicense(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"LICENSE": "Apache License", "NOTICE": "SmartBear", "swagger-ui-bundle.js.LICENSE.txt": "MIT",
	} {
		if data, err := os.ReadFile("dist/" + name); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !strings.Contains(get("").Body.String()[:500], "Apache License 2.0") {
		t.Error("the page does not say whose it is")
	}
}
