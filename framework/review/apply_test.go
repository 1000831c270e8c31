package review

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		old, new string // name=METHOD PATH, and a "!" for a public route
		want     map[Module]string
	}{
		{"nothing", "a=GET /a b=GET /b", "a=GET /a b=GET /b", nil},
		{"another path", "a=GET /a b=GET /b", "a=GET /c b=GET /b", nil},
		{"other names", "a=GET /a b=GET /b", "c=GET /a d=GET /b", map[Module]string{Obytes: "GET /a GET /b"}},
		{"swapped paths", "a=GET /a b=GET /b", "a=GET /b b=GET /a", map[Module]string{
			RootModule: "GET /b! GET /a!", Obytes: "GET /b! GET /a!"}},
		{"a path that another route leaves", "a=GET /a b=GET /b", "a=GET /b b=GET /c", map[Module]string{
			RootModule: "GET /b", Obytes: "GET /b"}},
		{"a path that a route leaves with one that leads into a circle", "a=GET /a b=GET /b c=GET /c", "a=GET /b b=GET /a d=GET /a/x", map[Module]string{
			RootModule: "GET /b! GET /a!", Obytes: "GET /b! GET /a!"}},
		{"a name that belonged to a route that is gone", "a=GET /a b=GET /b", "b=GET /a", map[Module]string{
			RootModule: "GET /a", Obytes: "GET /a"}},
		{"another variable", "a=GET /a/{x}", "a=GET /a/{y}", map[Module]string{TerraformAWSModules: "GET /a/{y}"}},
		{"another variable and another name", "a=GET /a/{x}", "b=GET /a/{y}", map[Module]string{
			RootModule: "GET /a/{y}", Obytes: "GET /a/{y}", TerraformAWSModules: "GET /a/{y}"}},
		{"another greedy variable", "a=ANY /a/{x+}", "a=ANY /a/{y+}", map[Module]string{TerraformAWSModules: "ANY /a/{y+}"}},
		{"the variable of another method", "a=GET /a/{x}", "a=GET /a/{x} b=POST /a/{y}", nil},
		{"no token any more", "a=GET /a b=GET /b", "a=GET /a!", map[Module]string{RootModule: "GET /a"}},
		{"no route with a token any more", "a=GET /a b=GET /b!", "b=GET /b!", nil},
		{"a token from now on", "b=GET /b!", "b=GET /b", nil},
	}
	manifest := func(routes string) string {
		src := "version: 1\nroutes:\n"
		for _, r := range strings.Split(strings.ReplaceAll(routes, " b=", ";b="), ";") {
			for _, r := range strings.Split(strings.NewReplacer(" c=", ";c=", " d=", ";d=").Replace(r), ";") {
				name, key, _ := strings.Cut(r, "=")
				method, path, _ := strings.Cut(key, " ")
				access := "auth: jwt"
				if p, ok := strings.CutSuffix(path, "!"); ok {
					path, access = p, "public: true"
				}
				src += fmt.Sprintf("  - {path: '%s', method: %s, handler: h, name: %s, summary: s, %s}\n", path, method, name, access)
			}
		}
		return src
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			old, new := load(t, manifest(test.old)), load(t, manifest(test.new))
			for _, m := range Modules {
				var got []string
				for _, r := range m.Refusals(old, new) {
					key := r.RouteKey
					if r.Certain {
						key += "!"
					}
					got = append(got, key)
					if r.Line == 0 || r.Split == "" || !strings.HasPrefix(r.Message, r.RouteKey+": ") {
						t.Errorf("%s: %+v", m, r)
					}
				}
				if got := strings.Join(got, " "); got != test.want[m] {
					t.Errorf("%s: refused are %q, want %q", m, got, test.want[m])
				}
				rollout := PlanOrder(old, new, m)
				if rollout.Split() != (rollout.Order == NoOrder || len(got) > 0) || len(rollout.Refusals) != len(got) {
					t.Errorf("%s: the rollout has %d refusals, and splits: %v", m, len(rollout.Refusals), rollout.Split())
				}
			}
		})
	}
}

// A gateway is the same before and after its parts are applied one by one.
func TestApplyParts(t *testing.T) {
	t.Parallel()
	old := load(t, "version: 1\nroutes:\n  - {path: /a, method: GET, handler: h, name: a}\n  - {path: '/v/{x}', method: GET, handler: h, name: v}\n")
	new := load(t, "version: 1\nroutes:\n  - {path: /a, method: GET, handler: h, name: b, public: true}\n  - {path: '/v/{y}', method: GET, handler: h, name: v, public: true}\n")
	for _, m := range Modules {
		all, function, gateway := m.Apply(old, new, Everything), m.Apply(old, new, FunctionOnly), m.Apply(old, new, GatewayOnly)
		parts := slices.Concat(gateway, function)
		if len(parts) != len(all) || !slices.Equal(function, []Operation{{Action: "update", Type: "aws_lambda_function"}}) {
			t.Errorf("%s: %v is not %v and %v", m, all, function, gateway)
		}
		for _, o := range parts {
			if !slices.Contains(all, o) {
				t.Errorf("%s: only a part has %v", m, o)
			}
		}
		for _, a := range all {
			for _, b := range all {
				if a.Before(b) && b.Before(a) {
					t.Errorf("%s: %v and %v are before each other", m, a, b)
				}
			}
		}
	}
}
