package review

import (
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const coverageManifest = `version: 1
groups:
  ADMINS: x
  USERS: x
  GUESTS: x
routes:
  - {path: /public, method: GET, handler: public, public: true}
  - {path: /any, method: GET, handler: any}
  - {path: /groups, method: GET, handler: groups, groups: [USERS, ADMINS]}
  - {path: /scopes, method: GET, handler: scopes, scopes: [w, r]}
  - {path: /both, method: GET, handler: both, groups: [ADMINS], scopes: [z]}
  - {path: /iam, method: GET, handler: iam, auth: iam}
`

// TestCover says for each test what it touches, beside nothing else.
func TestCover(t *testing.T) {
	t.Parallel()
	all := []string{
		"7 GET /public", "8 GET /any", "9 GET /groups", "10 GET /scopes", "11 GET /both", "12 GET /iam",
		"3 ADMINS", "4 USERS", "5 GUESTS", "10 r", "10 w", "11 z",
	}
	for _, test := range []struct {
		name, tests string
		touched     []string
		oneSided    []string
	}{
		{name: "no tests"},
		{
			name:    "a public route has one side only",
			tests:   "{name: t, allow: [GET /public]}",
			touched: []string{"7 GET /public"},
		},
		{
			name:     "a refusal for want of a token touches the route, and no name",
			tests:    "{name: t, deny: [GET /groups, GET /iam]}",
			touched:  []string{"9 GET /groups", "12 GET /iam"},
			oneSided: []string{"GET /groups false", "GET /iam false"},
		},
		{
			name:     "the group that was enough, and no other that the caller has",
			tests:    "{name: t, as: {groups: [GUESTS, USERS, ADMINS]}, allow: [GET /groups]}",
			touched:  []string{"9 GET /groups", "3 ADMINS"},
			oneSided: []string{"GET /groups true"},
		},
		{
			name:     "groups that were not enough",
			tests:    "{name: t, as: {groups: [GUESTS]}, deny: [GET /groups]}",
			touched:  []string{"9 GET /groups", "5 GUESTS"},
			oneSided: []string{"GET /groups false"},
		},
		{
			name:     "a scope that was enough",
			tests:    "{name: t, as: {scopes: [w]}, allow: [GET /scopes]}",
			touched:  []string{"10 GET /scopes", "10 w"},
			oneSided: []string{"GET /scopes true"},
		},
		{
			name:     "a scope that was not enough, and a group that was not looked at",
			tests:    "{name: t, as: {groups: [ADMINS], scopes: [r]}, deny: [GET /both]}",
			touched:  []string{"11 GET /both", "10 r"},
			oneSided: []string{"GET /both false"},
		},
		{
			name:     "a scope that let nobody in, since the group refused",
			tests:    "{name: t, as: {groups: [USERS], scopes: [z]}, deny: [GET /both]}",
			touched:  []string{"11 GET /both", "4 USERS"},
			oneSided: []string{"GET /both false"},
		},
		{
			name:     "a route that asks for neither",
			tests:    "{name: t, as: {groups: [USERS], scopes: [r]}, allow: [GET /any]}",
			touched:  []string{"8 GET /any"},
			oneSided: []string{"GET /any true"},
		},
		{
			name:    "both sides",
			tests:   "{name: t, as: {auth: iam}, allow: [GET /iam], deny: [GET /any]}\n  - {name: u, as: {}, allow: [GET /any], deny: [GET /iam]}",
			touched: []string{"8 GET /any", "12 GET /iam"},
		},
		{
			name:     "a failing test touches what it reaches",
			tests:    "{name: t, as: {groups: [USERS]}, deny: [GET /groups]}",
			touched:  []string{"9 GET /groups", "4 USERS"},
			oneSided: []string{"GET /groups true"},
		},
		{
			name:  "no route answers",
			tests: "{name: t, as: {groups: [USERS]}, deny: [GET /nowhere]}",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			src := coverageManifest
			if test.tests != "" {
				src += "tests:\n  - " + test.tests + "\n"
			}
			table := matrixTable(t, []byte(src))
			c := Cover(table, table.RunTests())
			left := make(map[string]bool)
			for _, kind := range []Covered{c.Routes, c.Groups, c.Scopes} {
				if kind.Touched+len(kind.Untouched) != kind.Total {
					t.Errorf("%+v does not add up", kind)
				}
				for _, u := range kind.Untouched {
					left[big.NewInt(int64(u.Line)).String()+" "+u.Name] = true
				}
			}
			var touched []string
			for _, name := range all {
				if !left[name] {
					touched = append(touched, name)
				}
				delete(left, name)
			}
			if len(left) > 0 {
				t.Errorf("untouched, and not known here: %v", left)
			}
			// In the order of all.
			want := make(map[string]bool)
			for _, name := range test.touched {
				want[name] = true
			}
			var wanted []string
			for _, name := range all {
				if want[name] {
					wanted = append(wanted, name)
				}
			}
			if d := cmp.Diff(wanted, touched); d != "" {
				t.Errorf("touched (-want +got):\n%s", d)
			}
			if c.Touched() != len(touched) || c.Total() != len(all) {
				t.Errorf("%d of %d, want %d of %d", c.Touched(), c.Total(), len(touched), len(all))
			}
			var oneSided []string
			for _, one := range c.OneSided {
				side := " false"
				if one.Allowed {
					side = " true"
				}
				oneSided = append(oneSided, one.Route.Key()+side)
			}
			if d := cmp.Diff(test.oneSided, oneSided); d != "" {
				t.Errorf("one-sided (-want +got):\n%s", d)
			}
		})
	}
}

// A name that is not declared has its place where a route first asks for it,
// and what is untouched is in the order of the file.
func TestCoverPlaces(t *testing.T) {
	t.Parallel()
	table := matrixTable(t, []byte(`version: 1
routes:
  - path: /z
    method: GET
    handler: z
    groups: [B, C]
  - path: /a
    method: GET
    handler: a
    groups:
      - A
      - B
    scopes: [s]
`))
	c := Cover(table, nil)
	want := []Untouched{{"B", 6}, {"C", 6}, {"A", 10}}
	if d := cmp.Diff(want, c.Groups.Untouched); d != "" {
		t.Errorf("groups (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]Untouched{{"GET /z", 3}, {"GET /a", 7}}, c.Routes.Untouched); d != "" {
		t.Errorf("routes (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]Untouched{{"s", 13}}, c.Scopes.Untouched); d != "" {
		t.Errorf("scopes (-want +got):\n%s", d)
	}
}

// Only everything is 100.
func TestCoverageTenths(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		touched, total int
		want           float64
	}{{0, 1, 0}, {1, 1, 100}, {7, 8, 87.5}, {2, 3, 66.6}, {9999, 10000, 99.9}, {1, 10000, 0}} {
		c := &Coverage{Routes: Covered{Touched: test.touched, Total: test.total}}
		if got := c.Tenths(); got != test.want {
			t.Errorf("%d of %d is %v, want %v", test.touched, test.total, got, test.want)
		}
	}
}
