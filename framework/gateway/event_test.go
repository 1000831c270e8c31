package gateway

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/routegate/routegate/framework/apigw"
)

var update = flag.Bool("update", false, "write the events of testdata/events anew")

// The events in testdata/events are what requests become. Each file says in its
// comment which source it follows.
func TestEvents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/events/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := func(name string) string {
				for _, f := range archive.Files {
					if f.Name == name {
						return strings.TrimSuffix(string(f.Data), "\n")
					}
				}
				return ""
			}
			c, iss := newClock(), newIssuer(t)
			opts := Options{Authorizer: iss.authorizer(t, c)}
			for _, o := range strings.Fields(part("options")) {
				switch name, value, _ := strings.Cut(o, "="); name {
				case "stage":
					opts.Stage = value
				case "iam":
					opts.IAM = func(*http.Request) string { return value }
				case "v1":
					opts.PayloadV1 = true
				case "base64":
					opts.Base64 = true
				default:
					t.Fatalf("option %q", o)
				}
			}
			sent, body, _ := strings.Cut(part("request"), "\n\n")
			sent += "\n"
			token := ""
			if text := part("claims.json"); text != "" {
				token = signPayload(t, jose.RS256, testKeys()[0], "key-0", []byte(strings.ReplaceAll(text, "ISSUER", iss.name)))
				sent = strings.ReplaceAll(sent, "TOKEN", token)
			}
			if body != "" {
				body = strings.ReplaceAll(strings.ReplaceAll(body, `\xff`, "\xff"), `\n`, "\n")
				sent += "Content-Length: " + itoa(len(body)) + "\n"
			}
			l := serve(t, newTable(t, strings.Split(part("routes"), "\n")...), says(`{"statusCode":200}`), opts)
			_, x := l.send(t, sent+"\n"+body)
			if x.Event == nil {
				t.Fatalf("no event: %s", x.Refusal)
			}
			if _, err := apigw.Decode(x.Event); err != nil {
				t.Errorf("the function does not understand it: %v", err)
			}
			event := normalize(t, x)
			event = strings.ReplaceAll(event, iss.name, "ISSUER")
			if token != "" {
				event = strings.ReplaceAll(event, token, "TOKEN")
			}
			got := []txtar.File{{Name: "event.json", Data: []byte(event)}}
			if w := strings.Join(x.Warnings, "\n"); w != "" {
				got = append(got, txtar.File{Name: "warnings", Data: []byte(w + "\n")})
			}
			want := part("event.json") + "\n" + part("warnings")
			if diff := cmp.Diff(want, strings.TrimSuffix(event, "\n")+"\n"+strings.Join(x.Warnings, "\n")); diff != "" && !*update {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if *update {
				kept := archive.Files[:0]
				for _, f := range archive.Files {
					if f.Name != "event.json" && f.Name != "warnings" {
						kept = append(kept, f)
					}
				}
				archive.Files = append(kept, got...)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// The events have the keys that those in the form of live traffic have, the cases
// of package apigw: no more, no fewer.
func TestEventsHaveTheKeysOfLiveOnes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, routes, request string
		opts                  Options
	}{
		{"httpapi-nothing-optional", "GET / public", request("GET /"), Options{}},
		{"httpapi-no-body-but-a-length-of-zero", "POST /x public", request("POST /x"), Options{}},
		{"httpapi-query-repeated-key", "GET /search public", request("GET /search?tag=1&list=2"), Options{}},
		{"httpapi-cookies-apart-from-the-headers", "GET /x public", request("GET /x", "Cookie: a=1"), Options{}},
		{"httpapi-path-is-decoded-already", "POST /products/{name}/reviews/{title} public", request("POST /products/a/reviews/b"), Options{}},
		{"httpapiv1-path-encoded-context-path-decoded", "POST /users/{name}/orders/{order} public", request("POST /users/a/orders/b"), Options{PayloadV1: true}},
		{"httpapiv1-query-of-the-repeated-map", "GET /search public", request("GET /search?empty&plus=1&q=2&tag=3"), Options{PayloadV1: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			archive, err := txtar.ParseFile("../apigw/testdata/events/" + test.name + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			l := serve(t, newTable(t, test.routes), says(`{"statusCode":200}`), test.opts)
			sent := strings.Replace(test.request, "\nHost:", "\nUser-Agent: curl/8.7.1\nHost:", 1)
			if !test.opts.PayloadV1 {
				sent = strings.Replace(sent, "\nHost:", "\nAccept: */*\nHost:", 1)
			}
			_, x := l.send(t, sent)
			if diff := cmp.Diff(keysOf(t, archive.Files[0].Data), keysOf(t, x.Event)); diff != "" {
				t.Errorf("(-live +here):\n%s", diff)
			}
		})
	}
}

// keysOf lists the keys of an object with those of the objects in it, each with
// the kind of its value. Path parameters and the like have the names that they
// were given.
func keysOf(t *testing.T, payload []byte) []string {
	t.Helper()
	var keys []string
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		if o, ok := v.(map[string]any); ok {
			for key, v := range o {
				walk(prefix+"."+key, v)
			}
			return
		}
		keys = append(keys, fmt.Sprintf("%s %T", prefix, v))
	}
	var event any
	if err := json.Unmarshal(payload, &event); err != nil {
		t.Fatal(err)
	}
	walk("", event)
	slices.Sort(keys)
	return keys
}

var moving = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"Root=1-[0-9a-f]{8}-[0-9a-f]{24}"`), `"TRACE"`},
	{regexp.MustCompile(`"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000"`), `"TIME"`},
	{regexp.MustCompile(`(imeEpoch"): \d{13}\b`), `$1: 0`},
}

// normalize takes away what differs from run to run, where it has its form.
func normalize(t *testing.T, x Exchange) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, x.Event, "", "  "); err != nil {
		t.Fatal(err)
	}
	s := strings.ReplaceAll(b.String(), x.ID, "ID") + "\n"
	for _, m := range moving {
		s = m.form.ReplaceAllString(s, m.with)
	}
	return s
}

// Nobody can tell two runs apart by the order of the keys.
func TestEventIsStable(t *testing.T) {
	t.Parallel()
	l := serve(t, newTable(t, "GET /{a}/{b}/{c} public"), says(`{"statusCode":200}`), Options{})
	first := ""
	for range 20 {
		_, x := l.send(t, request("GET /1/2/3?c=1&b=2&a=3&d=4", "X-A: 1", "X-C: 2", "X-B: 3", "Cookie: b=1; a=2"))
		if got := normalize(t, x); first == "" {
			first = got
		} else if got != first {
			t.Fatal(cmp.Diff(first, got))
		}
	}
}

// The rule for text is the wider of two that were found by trying; that forms and
// bodies without a type are encoded is in both.
func TestBase64(t *testing.T) {
	t.Parallel()
	tests := []struct {
		contentType, body string
		want              bool // text
	}{
		{"text/plain", "a", true},
		{"text/markdown; charset=utf-8", "a", true},
		{"TEXT/HTML", "a", true},
		{"application/json", "{}", true},
		{"Application/JSON ; charset=utf-8", "{}", true},
		{"application/xml", "<a/>", true},
		{"application/javascript", "a", true},
		{"", "a", false},
		{"application/x-www-form-urlencoded", "a=1", false},
		{"multipart/form-data; boundary=x", "--x", false},
		{"application/problem+json", "{}", false},
		{"application/jsonl", "{}", false},
		{"application/octet-stream", "a", false},
		{"image/svg+xml", "<svg/>", false},
		{"textual", "a", false},
		{"application/json", "\xff", false}, // JSON cannot hold it
	}
	for _, test := range tests {
		if got := isText(test.contentType, []byte(test.body)); got != test.want {
			t.Errorf("%q: text: %v, want %v", test.contentType, got, test.want)
		}
	}
}
