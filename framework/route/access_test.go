package route

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccessString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		access Access
		want   string
	}{
		{Access{}, "nobody"},
		{Access{Groups: []string{"A"}, Scopes: []string{"s"}}, "nobody"},
		{Access{Auth: Public}, "anyone"},
		{Access{Auth: IAM}, "any IAM caller"},
		{Access{Auth: JWT}, "any valid token"},
		{Access{Auth: JWT, Groups: []string{"A"}}, "group A"},
		{Access{Auth: JWT, Groups: []string{"A", "B"}}, "group A or B"},
		{Access{Auth: JWT, Scopes: []string{"s", "t"}}, "scope s or t"},
		{Access{Auth: JWT, Groups: []string{"A"}, Scopes: []string{"s"}}, "group A, and scope s"},
	}
	for _, test := range tests {
		if got := test.access.String(); got != test.want {
			t.Errorf("%+v is %q, want %q", test.access, got, test.want)
		}
	}
}

// Accesses that differ in one thing are not equal.
func TestAccessEqual(t *testing.T) {
	t.Parallel()
	all := []Access{
		{},
		{Auth: Public},
		{Auth: IAM},
		{Auth: JWT},
		{Auth: JWT, Groups: []string{"A"}},
		{Auth: JWT, Groups: []string{"A", "B"}},
		{Auth: JWT, Scopes: []string{"A"}},
		{Auth: JWT, Groups: []string{"A"}, Scopes: []string{"A"}},
		{Auth: NoAuth, Groups: []string{"A"}, Scopes: []string{"A"}},
	}
	for i, a := range all {
		for j, b := range all {
			if got, want := a.Equal(b), i == j; got != want {
				t.Errorf("%v and %v: equal is %v", a, b, got)
			}
		}
	}
}

// A gateway vouches for a caller only on a route that asks for such a one.
func TestCallerBehind(t *testing.T) {
	t.Parallel()
	for _, proof := range []Auth{NoAuth, JWT, IAM} {
		for _, asked := range []Auth{NoAuth, Public, JWT, IAM} {
			c := Caller{Auth: proof, Principal: Principal{Subject: "s"}}
			got, want := c.Behind(Access{Auth: asked}), Caller{}
			if proof == asked {
				want = c
			}
			if got.Auth != want.Auth || got.Principal.Subject != want.Principal.Subject {
				t.Errorf("a caller with %v behind a route that asks for %v is %+v", proof, asked, got)
			}
		}
	}
}

// A decision for another caller is the one that the router makes for it, and leaves
// the first as it is.
func TestDecisionFor(t *testing.T) {
	t.Parallel()
	table, report := Load("routes.yaml", []byte(`
version: 1
routes:
  - {path: /public, method: GET, handler: h, name: a, public: true}
  - {path: "/token/{id}", method: GET, handler: h, name: b}
  - {path: /signed, method: GET, handler: h, name: c, auth: iam}
  - {path: /both, method: GET, handler: h, name: d, scopes: [s, t], groups: [A, B]}
`), []string{"h"})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	router := NewRouter(table, "")
	callers := []Caller{
		{}, {Mismatch: true}, {Auth: IAM}, {Auth: JWT},
		{Auth: JWT, Principal: Principal{Scopes: []string{"t"}}},
		{Auth: JWT, Principal: Principal{Scopes: []string{"t"}, Groups: []string{"B"}}},
	}
	for _, req := range []Request{
		{Method: "GET", Path: "/public"}, {Method: "GET", Path: "/token/1"}, {Method: "GET", Path: "/signed"}, {Method: "GET", EncodedPath: "/both"},
		{Method: "GET", Path: "/nowhere"}, {Method: "GET", Path: "/token/2", RouteKey: "GET /token/{id}", PathParameters: map[string]string{"id": "1"}},
	} {
		for _, first := range callers {
			req.Caller = first
			d := router.Decide(req)
			for _, c := range callers {
				req.Caller = c
				if diff := cmp.Diff(router.Decide(req), d.For(c), cmp.AllowUnexported(Route{}, Pattern{})); diff != "" {
					t.Errorf("%s for %+v after %+v (-router +For):\n%s", req.Path, c, first, diff)
				}
			}
			req.Caller = first
			if diff := cmp.Diff(router.Decide(req), d, cmp.AllowUnexported(Route{}, Pattern{})); diff != "" {
				t.Errorf("%s for %+v is not what it was (-before +after):\n%s", req.Path, first, diff)
			}
		}
	}
}
