package route

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadAs checks paths that read as two routes: the one that was chosen, and
// the one that the decoded path belongs to. The caller needs the permission of
// both. The file server behind the public route resolves dots and cannot tell an
// escaped slash from another one.
func TestReadAs(t *testing.T) {
	t.Parallel()
	loaded, report := Load("routes.yaml", []byte(`
version: 1
routes:
  - {path: '/files/{path+}', method: GET, handler: files, name: files, public: true}
  - {path: '/files/secret/{id}', method: GET, handler: files, name: secret, groups: [ADMINS]}
  - {path: '/files/open/{id}', method: GET, handler: files, name: open, public: true}
  - {path: '/users/{id}', method: GET, handler: user, name: user}
  - {path: '/users/me', method: GET, handler: me, name: me, groups: [ADMINS]}
  - {path: '/both/{x}', method: ANY, handler: any, name: any, public: true}
  - {path: '/both/{x}', method: GET, handler: get, name: get, scopes: [read]}
  - {path: '/jobs/{x}', method: GET, handler: job, name: job}
  - {path: '/jobs/{x}/log', method: GET, handler: log, name: log, auth: iam}
`), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	token := Caller{Auth: JWT}
	admin := Caller{Auth: JWT, Principal: Principal{Groups: []string{"ADMINS"}}}
	key := func(name string) string {
		for r := range loaded.All() {
			if r.Name == name {
				return r.Key()
			}
		}
		return name
	}
	named := func(name, path, variable, value string) Request {
		return Request{Method: "GET", Path: path, RouteKey: key(name), PathParameters: map[string]string{variable: value}}
	}
	type result struct {
		Reason                Reason
		Route, ReadAs, Asking string
	}
	tests := []struct {
		request Request // EncodedPath without the stage
		caller  Caller
		want    result
	}{
		// The router finds the route by the encoded path.
		{Request{EncodedPath: "/files/a"}, Caller{}, result{Allowed, "files", "", "files"}},
		{Request{EncodedPath: "/files/a%2Fb"}, Caller{}, result{Allowed, "files", "", "files"}},
		{Request{EncodedPath: "/files/open%2F1"}, Caller{}, result{Allowed, "files", "open", "open"}},
		{Request{EncodedPath: "/files/secret%2F1"}, Caller{}, result{NoPrincipal, "files", "secret", "secret"}},
		{Request{EncodedPath: "/files/secret%2F1"}, token, result{MissingGroup, "files", "secret", "secret"}},
		{Request{EncodedPath: "/files/secret%2f1"}, admin, result{Allowed, "files", "secret", "secret"}},
		{Request{EncodedPath: "/files/%2Fsecret//1/"}, token, result{MissingGroup, "files", "secret", "secret"}},
		{Request{EncodedPath: "/files//secret%2F1"}, token, result{MissingGroup, "files", "secret", "secret"}},
		{Request{EncodedPath: "/files/secret/1"}, token, result{MissingGroup, "secret", "", "secret"}},
		{Request{EncodedPath: "/files/%73ecret/1"}, token, result{MissingGroup, "secret", "", "secret"}},
		{Request{EncodedPath: "/jobs/1%2Flog"}, token, result{WrongAuth, "job", "log", "log"}},
		{Request{EncodedPath: "/jobs/1%2Flog"}, Caller{}, result{NoPrincipal, "job", "log", "job"}},
		{Request{EncodedPath: "/jobs/1%252Flog"}, token, result{Allowed, "job", "", "job"}},

		// Dots, raw and encoded, are refused before a route is found.
		{Request{EncodedPath: "/files/./secret/1"}, admin, result{Reason: DotSegment}},
		{Request{EncodedPath: "/files/x/../secret/1"}, admin, result{Reason: DotSegment}},
		{Request{EncodedPath: "/files/secret/./1"}, admin, result{Reason: DotSegment}},
		{Request{EncodedPath: "/files/%2e/secret/1"}, admin, result{Reason: DotSegment}},
		{Request{EncodedPath: "/files/x%2F%2E.%2Fsecret/1"}, admin, result{Reason: DotSegment}},
		{Request{EncodedPath: "/files/.."}, admin, result{Reason: DotSegment}},
		{Request{EncodedPath: "/nowhere/."}, admin, result{Reason: DotSegment}},
		{Request{EncodedPath: "/files/.../.a/..b/c./d.."}, admin, result{Allowed, "files", "", "files"}},
		{Request{EncodedPath: "/files/%252e%252e/a"}, admin, result{Allowed, "files", "", "files"}},
		{Request{Path: "/files/../x"}, admin, result{Reason: DotSegment}},

		// The gateway names the route, and its path is decoded.
		{named("files", "/files/a/b", "path", "a/b"), Caller{}, result{Allowed, "files", "", "files"}},
		{named("files", "/files/secret/1", "path", "secret/1"), Caller{}, result{NoPrincipal, "files", "secret", "secret"}},
		{named("files", "/files/secret/1", "path", "secret/1"), admin, result{Allowed, "files", "secret", "secret"}},
		{named("files", "/files//secret/1/", "path", "/secret/1/"), token, result{MissingGroup, "files", "secret", "secret"}},
		{named("files", "/files/./secret/1", "path", "./secret/1"), admin, result{Reason: DotSegment}},
		{named("files", "/files/x/../secret/1", "path", "x/../secret/1"), admin, result{Reason: DotSegment}},
		{named("secret", "/files/secret/1", "id", "1"), token, result{MissingGroup, "secret", "", "secret"}},
		{named("user", "/users/1", "id", "1"), token, result{Allowed, "user", "", "user"}},
		{named("user", "/users/me", "id", "me"), token, result{MissingGroup, "user", "me", "me"}},
		{named("any", "/both/1", "x", "1"), token, result{MissingScope, "any", "get", "get"}},
		{named("job", "/jobs/1/log", "x", "1/log"), token, result{WrongAuth, "job", "log", "log"}},
	}
	name := func(r *Route) string {
		if r == nil {
			return ""
		}
		return r.Name
	}
	for _, stage := range []string{"", "mvp"} {
		router := NewRouter(loaded, stage)
		for _, test := range tests {
			req := test.request
			req.Method, req.Caller = "GET", test.caller
			if req.EncodedPath != "" && stage != "" {
				req.EncodedPath = "/mv%70" + req.EncodedPath
			}
			d := router.Decide(req)
			got := result{d.Reason, name(d.Route), name(d.ReadAs), name(d.Asking())}
			if diff := cmp.Diff(test.want, got); diff != "" || d.Allowed != (test.want.Reason == Allowed) {
				t.Errorf("stage %q, %+v: allowed %v (-want +got):\n%s", stage, req, d.Allowed, diff)
			}
			// The decision for nobody, asked again for the caller, is the same.
			req.Caller = Caller{}
			if diff := cmp.Diff(d.Steps, router.Decide(req).For(test.caller).Steps); diff != "" {
				t.Errorf("%+v: For takes other steps (-Decide +For):\n%s", req, diff)
			}
		}
	}
}
