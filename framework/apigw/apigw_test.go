package apigw

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite what comes of the events in testdata/events")

// TestEvents runs the cases in testdata/events. A case is a rule of one of the
// sources, which names the file, on an event in the form of live traffic. It has
// these sections:
//
//	event.json      the payload
//	want            what comes of it: the Event, and the request that a handler gets
//	error           what Decode says, where there is no want
//	handler         what a handler then writes: the status, the headers and the body;
//	                or "nothing"
//	handler.base64  its body, where that is not text
//	answer.json     the payload that goes back, to the byte
//
// The comment of a case says what the rule is and where it is from.
func TestEvents(t *testing.T) {
	for _, file := range eventFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(archive.Comment), "\nSource: ") {
				t.Error("the comment does not say where the rule is from")
			}
			given := map[string][]byte{}
			for _, f := range archive.Files {
				if _, twice := given[f.Name]; twice {
					t.Errorf("section %s comes twice", f.Name)
				}
				given[f.Name] = f.Data
			}
			var got []txtar.File
			add := func(name, text string) {
				got = append(got, txtar.File{Name: name, Data: []byte(strings.TrimSuffix(text, "\n") + "\n")})
			}
			add("event.json", string(given["event.json"]))
			e, err := Decode(given["event.json"])
			if err != nil {
				add("error", err.Error())
			} else {
				add("want", describe(t, e))
			}
			if text, ok := given["handler"]; ok && err == nil {
				add("handler", string(text))
				if data, ok := given["handler.base64"]; ok {
					add("handler.base64", string(data))
				}
				add("answer.json", string(encode(t, e, written(t, e.Method, text, given["handler.base64"]))))
			}
			if *update {
				archive.Files = got
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			// The whole list, so that a section which is not read differs as well.
			if diff := cmp.Diff(texts(archive.Files), texts(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func eventFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/events/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	return files
}

// texts makes sections readable in a difference.
func texts(files []txtar.File) []string {
	var list []string
	for _, f := range files {
		list = append(list, "-- "+f.Name+" --\n"+string(f.Data))
	}
	return list
}

// written returns what a handler has written that writes the section handler.
func written(t testing.TB, method string, text, data []byte) *Response {
	t.Helper()
	r := NewResponse(method)
	if string(text) == "nothing\n" {
		return r
	}
	head, body, _ := strings.Cut(string(text), "\n\n")
	lines := strings.Split(strings.TrimSuffix(head, "\n"), "\n")
	status, err := strconv.Atoi(lines[0])
	if err != nil {
		t.Fatalf("status of the handler: %v", err)
	}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("header of the handler: %q", line)
		}
		r.Header().Add(name, value)
	}
	r.WriteHeader(status)
	body = strings.TrimSuffix(body, "\n")
	if data != nil {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(data)))
		if err != nil {
			t.Fatalf("body of the handler: %v", err)
		}
		body = string(decoded)
	}
	if body != "" {
		if _, err := io.WriteString(r, body); err != nil {
			t.Fatalf("body of the handler: %v", err)
		}
	}
	return r
}

// Every file is a case: what lies beside them would never be read.
func TestEveryEventIsRun(t *testing.T) {
	run := eventFiles(t)
	err := filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !slices.Contains(run, filepath.ToSlash(path)) && !strings.HasPrefix(filepath.ToSlash(path), "testdata/fuzz/") {
			t.Errorf("%s is read by no test", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// AWS's own sample events are cases, all of them: a new version of the module
// that has more makes this fail.
func TestEverySampleIsACase(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]bool{}
	for _, file := range eventFiles(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cases[strings.TrimSpace(string(archive.Files[0].Data))] = true
	}
	var samples []string
	for _, name := range []string{"apigw-*request*.json", "alb-*request*.json", "lambda-urls-*request*.json"} {
		found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "events", "testdata", name))
		if err != nil || len(found) == 0 {
			t.Fatalf("no samples %s: %v", name, err)
		}
		samples = append(samples, found...)
	}
	for _, file := range samples {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !cases[strings.TrimSpace(string(data))] {
			t.Errorf("%s is no case", filepath.Base(file))
		}
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
	query := req.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		line("query "+name, fmt.Sprintf("%q", query[name]))
	}
	for _, cookie := range req.Cookies() {
		line("cookie "+cookie.Name, cookie.Value)
	}
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
	if !utf8.Valid(body) || bytes.ContainsRune(body, '\r') {
		body = []byte("as a Go string: " + strconv.Quote(string(body)))
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
