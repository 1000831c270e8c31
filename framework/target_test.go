package framework_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
)

// Behind a stage a handler in a container sees the request as it would be without the
// stage, in RequestURI as in URL.
func TestContainerRequestURI(t *testing.T) {
	t.Parallel()
	type seen struct{ RequestURI, Path, RawPath, EscapedPath, Query string }
	const manifest = "{version: 1, routes: [{path: '/{p+}', method: GET, handler: show, public: true}, {path: /, method: GET, handler: show, name: root, public: true}]}"
	for _, test := range []struct {
		target string // behind the stage
		want   seen
	}{
		{"/any/x", seen{"/any/x", "/any/x", "", "/any/x", ""}},
		{"/any/a%2Fb", seen{"/any/a%2Fb", "/any/a/b", "/any/a%2Fb", "/any/a%2Fb", ""}},
		{"/any/a%20b", seen{"/any/a%20b", "/any/a b", "", "/any/a%20b", ""}},
		{"/any/x?q=/mvp/y", seen{"/any/x?q=/mvp/y", "/any/x", "", "/any/x", "q=/mvp/y"}},
		{"/any/x?", seen{"/any/x?", "/any/x", "", "/any/x", ""}},
		{"/mvp/x", seen{"/mvp/x", "/mvp/x", "", "/mvp/x", ""}},
		{"/any//x/", seen{"/any//x/", "/any//x/", "", "/any//x/", ""}},
		{"", seen{"/", "/", "", "/", ""}},
		{"/", seen{"/", "/", "", "/", ""}},
		{"?q=/y", seen{"/?q=/y", "/", "", "/", "q=/y"}},
	} {
		for _, front := range []struct{ host, prefix, stage string }{
			{"", "", ""},
			{"", "/mvp", "mvp"},
			{"", "/m%76p", "mvp"},
			{"http://api.example.com", "", ""}, // which net/http keeps in RequestURI
			{"http://api.example.com", "/mvp", "mvp"},
		} {
			target := front.host + front.prefix + test.target
			if !strings.HasPrefix(front.prefix+test.target, "/") {
				continue // only behind a stage can the rest of the path be empty
			}
			want := test.want
			want.RequestURI = front.host + want.RequestURI
			var got seen
			base, _ := newContainer(t, manifest, framework.Handlers{"show": func(_ http.ResponseWriter, r *http.Request) {
				got = seen{r.RequestURI, r.URL.Path, r.URL.RawPath, r.URL.EscapedPath(), r.URL.RawQuery}
			}}, framework.Options{Stage: front.stage}, framework.HandlerOptions{})
			exchange(t, base, "GET "+target+" HTTP/1.1\nHost: api.example.com\nConnection: close\n\n")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", target, diff)
			}
		}
	}
}

// A request that a program made itself may have any RequestURI, and none.
func TestContainerRequestURIByHand(t *testing.T) {
	t.Parallel()
	got := ""
	app, err := framework.New([]byte("{version: 1, routes: [{path: /x, method: GET, handler: show, public: true}]}"),
		framework.Handlers{"show": func(_ http.ResponseWriter, r *http.Request) { got = r.RequestURI }}, framework.Options{Stage: "mvp", Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{
		"": "", "*": "*", "?q": "?q", "x": "x", "/": "/", "/mvp": "/", "/mvp/x": "/x", "http://host": "http://host", "http://host?q=/": "http://host?q=/",
		"http://host/mvp?q=://": "http://host/?q=://", "/mvp?q=http://host/y": "/?q=http://host/y",
	} {
		r := httptest.NewRequest("GET", "/mvp/x", nil)
		r.RequestURI = uri
		got = "the handler did not run"
		app.Handler(framework.HandlerOptions{}).ServeHTTP(httptest.NewRecorder(), r)
		if got != want {
			t.Errorf("%q: %q, want %q", uri, got, want)
		}
	}
}
