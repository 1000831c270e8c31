package framework_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/internal/growth"
)

// written is an event as text, with something put in place of the number 4711.
func written(e value, in string) string {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	if strings.Count(string(text), "4711") != 1 {
		panic("the event has not one 4711")
	}
	return strings.Replace(string(text), "4711", in, 1)
}

func plain(e value) string {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func lists(n int) string   { return strings.Repeat("[", n) + strings.Repeat("]", n) }
func objects(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }

// Events that nest deeper than a stack is long are errors, wherever they do, and
// those that nest as deep as encoding/json goes have no caller who was not there.
func TestDeepEvents(t *testing.T) {
	t.Parallel()
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	places := map[string]string{ // with the number of brackets around the place
		"anywhere":               "x",
		"context":                "requestContext.x",
		"authorizer":             "requestContext.authorizer",
		"claims":                 "requestContext.authorizer.jwt.claims",
		"a claim":                "requestContext.authorizer.jwt.claims.groups",
		"Lambda authorizer":      "requestContext.authorizer.lambda",
		"headers":                "headers",
		"a header":               "headers.x",
		"cookies":                "cookies",
		"variables of the path":  "pathParameters",
		"body":                   "body",
		"parameters":             "queryStringParameters",
		"variables of the stage": "stageVariables",
	}
	for name, place := range places {
		for _, deep := range []func(int) string{lists, objects} {
			for _, n := range []int{9_990, 10_001, 1_000_000} {
				s.ran = ""
				out, err := s.app.Invoke(context.Background(), []byte(written(get("/admins", nobody, at(place, 4711)), deep(n))))
				if s.ran != "" || n > 10_000 && err == nil {
					t.Errorf("%s, %d deep: %s", name, n, out)
				}
				if err != nil && len(err.Error()) > 500 {
					t.Errorf("%s, %d deep: an error of %d bytes", name, n, len(err.Error()))
				}
			}
		}
	}
	for name, payload := range map[string]string{
		"lists": lists(1_000_000), "objects": objects(1_000_000), "open lists": strings.Repeat("[", 5_000_000), "open objects": strings.Repeat(`{"a":`, 1_000_000),
		"nothing": "", "spaces": strings.Repeat(" ", 5_000_000), "a long string": `"` + strings.Repeat("a", 5_000_000), "backslashes": `"` + strings.Repeat(`\`, 5_000_000),
		"a long number": strings.Repeat("1", 5_000_000), "a long key": `{"` + strings.Repeat("k", 5_000_000) + `":1}`, "commas": "[" + strings.Repeat(",", 1_000_000),
	} {
		if out, err := s.app.Invoke(context.Background(), []byte(payload)); err == nil || len(err.Error()) > 3000 {
			t.Errorf("%s: %s, an error of %d bytes", name, out, len(fmt.Sprint(err)))
		}
	}
	s.log.Reset()

	// A token that the gateway verified can be as deep; the function does not
	// believe one that is deeper than any provider's.
	for _, n := range []int{33, 9_000, 1_000_000} {
		for _, deep := range []func(int) string{lists, objects} {
			payload := `{"iss":"https://issuer.example.com/","sub":"alice","exp":1900000000,"groups":["admin"],"x":` + deep(n) + `}`
			e := get("/admins", vouched(alice(value{"groups": []string{"admin"}})), header("authorization", "Bearer "+rawToken(payload)))
			if got := s.invoke(t, e); got != refused(401, "token_mismatch") {
				t.Errorf("a token %d deep: %+v", n, got)
			}
		}
	}
}

// numbered returns members of a JSON object, each with its own key.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// alike returns members whose keys are as long as each other, and begin, end and
// have in their middle the same: a hash that looks at no more is the same for all.
func alike(n int, v string) string {
	return strings.ReplaceAll(numbered(n, `"kkkk%08dmmmmmmmmmmmmmmmmmmmmmmmm":`+strings.ReplaceAll(v, "%", "%%")), "\n", "")
}

// What a client can send much of takes time in proportion to how much it is.
func TestManyOfEverything(t *testing.T) {
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	nested := newService(t, accessManifest, framework.Options{GroupsClaim: []string{"realm", "groups"}}, accessHandlers...)
	admin := alice(value{"groups": []string{"admin"}})
	object := func(place string, members func(n int) string) func(n int) string {
		return func(n int) string { return written(get("/open", nobody, at(place, 4711)), "{"+members(n)+"}") }
	}
	texts := func(n int) string { return numbered(n, `"key%d":"x"`) }
	rest := func(n int) string { return strings.Repeat("x", n) }
	groups := func(n int) []string {
		list := make([]string, n+1)
		for i := range list {
			list[i] = fmt.Sprintf("group%d", i)
		}
		list[n] = "admin"
		return list
	}
	tests := []struct {
		name string
		n    int // of the smaller of two
		make func(n int) string
		s    *service
		path string
	}{
		{"headers", 2000, object("headers", texts), s, "open"},
		{"headers that are alike", 2000, object("headers", func(n int) string { return alike(n, `"x"`) }), s, "open"},
		{"headers in all cases", 500, object("headers", func(n int) string {
			var b strings.Builder
			for i := range n {
				name := []byte("x-abcdefghijklmnop")
				for bit := range 16 {
					if i>>bit&1 == 1 {
						name[2+bit] -= 'a' - 'A'
					}
				}
				fmt.Fprintf(&b, `%q:"x",`, name)
			}
			return strings.TrimSuffix(b.String(), ",")
		}), s, "open"},
		{"variables of the path", 2000, object("pathParameters", texts), s, "open"},
		{"keys that nobody reads", 2000, object("x", texts), s, "open"},
		{"keys that nobody reads, alike", 2000, object("x", func(n int) string { return alike(n, "1") }), s, "open"},
		{"keys of the context", 2000, func(n int) string {
			return strings.Replace(written(get("/open", nobody, at("requestContext.x", 4711)), "1"), `"requestContext":{`, `"requestContext":{`+alike(n, "1")+",", 1)
		}, s, "open"},
		{"cookies", 2000, func(n int) string {
			return written(get("/open", nobody, at("cookies", 4711)), `[`+strings.TrimSuffix(strings.Repeat(`"a=b",`, n), ",")+`]`)
		}, s, "open"},
		{"parameters of a REST API", 2000, func(n int) string {
			return written(edit(sources()[2].event("/open"), []func(value){at("multiValueQueryStringParameters", 4711)}), "{"+numbered(n, `"key%d":["x","y"]`)+"}")
		}, s, "open"},
		{"headers of a REST API", 2000, func(n int) string {
			return written(edit(sources()[2].event("/open"), []func(value){at("multiValueHeaders", 4711), at("headers", value{"X-A": "x"})}), "{"+numbered(n, `"key%d":["x","y"]`)+"}")
		}, s, "open"},
		{"parameters of a load balancer", 2000, func(n int) string {
			return written(edit(sources()[4].event("/open"), []func(value){at("queryStringParameters", 4711)}), "{"+texts(n)+"}")
		}, s, "open"},
		{"path", 20_000, func(n int) string { return plain(httpAPI("GET", "/public/"+rest(n), "$default")) }, s, "public"},
		{"segments", 5_000, func(n int) string {
			return plain(httpAPI("GET", "/public"+strings.Repeat("/x", n), "$default"))
		}, s, "public"},
		{"slashes", 20_000, func(n int) string {
			return plain(httpAPI("GET", "/public"+strings.Repeat("/", n)+"x", "$default"))
		}, s, "public"},
		{"escapes", 10_000, func(n int) string {
			return plain(edit(sources()[3].event("/public/"+strings.Repeat("%2F", n)+"x"), nil))
		}, s, "public"},
		{"query", 20_000, func(n int) string {
			return plain(get("/open", nobody, at("rawQueryString", strings.Repeat("a=b&", n))))
		}, s, "open"},
		{"claims", 2000, func(n int) string {
			claims := alice(value{"groups": []string{"admin"}})
			for i := range n {
				claims[fmt.Sprintf("claim%d", i)] = "x"
			}
			return plain(get("/admins", bearer(claims)))
		}, s, "admins"},
		{"groups", 2000, func(n int) string { return plain(get("/admins", bearer(alice(value{"groups": groups(n)})))) }, s, "admins"},
		{"groups as text", 2000, func(n int) string { return plain(get("/admins", vouched(alice(value{"groups": groups(n)})))) }, s, "admins"},
		{"groups of a nested claim", 1000, func(n int) string {
			return plain(get("/admins", bearer(alice(value{"realm": value{"groups": groups(n)}}))))
		}, nested, "admins"},
		{"scopes", 2000, func(n int) string {
			return plain(get("/read", bearer(alice(value{"scope": strings.Repeat("x ", n) + "users/read"}))))
		}, s, "read"},
		{"dots of a token", 20_000, func(n int) string {
			return plain(get("/open", vouched(admin), header("authorization", "Bearer "+strings.Repeat(".", n))))
		}, s, "open"},
		{"digits of a time", 50_000, func(n int) string {
			return plain(get("/open", vouched(alice(value{"exp": json.Number("1" + strings.Repeat("0", n))})), header("authorization", "Bearer "+rawToken(`{"iss":"https://issuer.example.com/","sub":"alice","exp":1`+strings.Repeat("0", n)+`.0}`))))
		}, s, "open"},
	}
	for _, test := range tests {
		growth.Check(t, test.name, test.n, func(n int) func() {
			payload := []byte(test.make(n))
			return func() {
				test.s.ran = ""
				if _, err := test.s.app.Invoke(context.Background(), payload); err != nil || test.s.ran != test.path {
					t.Fatalf("%s: ran %q, error %v", test.name, test.s.ran, err)
				}
			}
		})
	}
}

// Errors that name a place take no longer for one that lies deep.
func TestDeepKeyTwice(t *testing.T) {
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	key := strings.Repeat("k", 500)
	growth.Check(t, "depth", 500, func(n int) func() {
		payload := []byte(written(get("/open", nobody, at("x", 4711)), strings.Repeat(`{"`+key+`":`, n)+`{"a":1,"a":2}`+strings.Repeat("}", n)))
		return func() {
			if _, err := s.app.Invoke(context.Background(), payload); err == nil || !strings.Contains(err.Error(), "comes twice") {
				t.Fatalf("error %.300v", err)
			} else if len(err.Error()) > 2000 {
				t.Fatalf("an error of %d bytes", len(err.Error()))
			}
		}
	})
}

// An answer that is too large becomes one that says so, whatever makes it large.
func TestHugeAnswers(t *testing.T) {
	t.Parallel()
	const manifest = "{version: 1, routes: [{path: /open, method: GET, handler: open, public: true}]}"
	huge := func(n int) string { return strings.Repeat("x", n) }
	tests := map[string]http.HandlerFunc{
		"body":                func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, huge(7<<20)) },
		"body that is binary": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "\xff", huge(5<<20)) },
		"body of quotes":      func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat(`"`, 5<<20)) },
		"body of controls":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("\x01", 5<<20)) },
		"a header":            func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-A", huge(7<<20)) },
		"a header's name":     func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(huge(7<<20), "a") },
		"values of a header": func(w http.ResponseWriter, _ *http.Request) {
			for range 70_000 {
				w.Header().Add("X-A", huge(100))
			}
		},
		"cookies": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 500 {
				w.Header().Add("Set-Cookie", fmt.Sprint("c", i, "=", huge(20_000)))
			}
		},
		"a cookie": func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("Set-Cookie", "a="+huge(7<<20)) },
	}
	for name, handler := range tests {
		app, err := framework.New([]byte(manifest), framework.Handlers{"open": handler}, framework.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range sources() {
			payload, _ := json.Marshal(source.event("/open"))
			out, err := app.Invoke(context.Background(), payload)
			var answer struct{ StatusCode int }
			if err != nil || json.Unmarshal(out, &answer) != nil || answer.StatusCode != 500 || len(out) > 2000 {
				t.Errorf("%s, %s: %d bytes, status %d, error %v", name, source.name, len(out), answer.StatusCode, err)
			}
		}
	}
}
