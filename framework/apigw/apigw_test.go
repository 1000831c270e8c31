package apigw

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the want sections in testdata/events")

// TestEvents decodes one event of every shape and compares what a handler gets
// with the want section of the same file.
func TestEvents(t *testing.T) {
	files, err := filepath.Glob("testdata/events/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) != 2 || archive.Files[1].Name != "want" {
				t.Fatalf("%s: want the sections event.json and want", file)
			}
			got := describe(t, decode(t, archive.Files[0].Data))
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// describe writes an event and its request as text.
func describe(t *testing.T, e *Event) string {
	t.Helper()
	req := request(t, e)
	var b strings.Builder
	line := func(name string, v any) { fmt.Fprintf(&b, "%s: %v\n", name, v) }
	line("source", e.Source)
	line("method", e.Method)
	line("path", e.Path)
	line("route key", e.RouteKey)
	for _, name := range slices.Sorted(maps.Keys(e.PathParameters)) {
		line("path parameter "+name, e.PathParameters[name])
	}
	line("stage", e.Stage)
	line("request id", e.RequestID)
	line("source ip", e.SourceIP)
	kinds := []string{"none", "jwt", "iam", "lambda"}
	line("authorizer", kinds[e.Authorizer.Kind])
	if e.Authorizer.Kind != NoAuthorizer {
		claims := e.Authorizer.Claims()
		for _, name := range slices.Sorted(maps.Keys(claims)) {
			line("claim "+name, fmt.Sprintf("%#v", claims[name]))
		}
		line("scopes", fmt.Sprintf("%#v", e.Authorizer.Scopes))
		line("style", []string{"HTTP API", "Cognito"}[e.Authorizer.Style])
	}
	token, present := e.BearerToken()
	line("bearer token", fmt.Sprintf("%q %v", token, present))
	line("escaped path", req.URL.EscapedPath())
	line("remote addr", req.RemoteAddr)
	if req.TLS != nil {
		line("tls", req.TLS.ServerName)
	}
	fmt.Fprintf(&b, "\n%s %s %s\nHost: %s\n", req.Method, req.RequestURI, req.Proto, req.Host)
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		for _, value := range req.Header[name] {
			line(name, value)
		}
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(body)) != req.ContentLength {
		t.Errorf("ContentLength %d, body of %d bytes", req.ContentLength, len(body))
	}
	fmt.Fprintf(&b, "\n%s\n", body)
	return b.String()
}

// edit returns the event of a testdata file with some of its values replaced:
// pairs of a dotted key and a value. A value of drop removes the key.
func edit(t testing.TB, name string, pairs ...any) []byte {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "events", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var event map[string]any
	if err := json.Unmarshal(archive.Files[0].Data, &event); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		keys := strings.Split(pairs[i].(string), ".")
		in := event
		for _, key := range keys[:len(keys)-1] {
			next, ok := in[key].(map[string]any)
			if !ok {
				next = map[string]any{}
				in[key] = next
			}
			in = next
		}
		in[keys[len(keys)-1]] = pairs[i+1]
		if pairs[i+1] == drop {
			delete(in, keys[len(keys)-1])
		}
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

type dropped struct{}

var drop = dropped{}

func decode(t testing.TB, payload []byte) *Event {
	t.Helper()
	e, err := Decode(payload)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	return e
}

func request(t testing.TB, e *Event) *http.Request {
	t.Helper()
	req, err := e.Request(t.Context())
	if err != nil {
		t.Fatalf("Request: %v", err)
	}
	return req
}
