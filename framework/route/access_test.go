package route

import "testing"

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
