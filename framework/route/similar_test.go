package route

import (
	"fmt"
	"strings"
	"testing"
)

// Whether a name is a misspelling of another does not depend on their order.
func TestMisspelt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"ADMINS", "ADMIN", true},
		{"ADMINS", "DMINS", true},
		{"ADMINS", "ADMNIS", true},
		{"ADMINS", "ADNINS", true},
		{"ADMINS", "admins", true},
		{"hr", "HR", true},
		{"ix", "İX", true},
		{"users:read", "user:read", true},
		{"users:read", "users.read", true},
		{"super-admin", "superadmin", true},
		{"ops", "opps", true},
		{"ADMINS", "\u0410DMINS", true},
		{"ADMINS", "ADMIN\u0405", true},
		{"größe", "grösse", false},
		{"größe", "gröse", true},
		{"ADMINS", "ADMI", false},
		{"ADMINS", "STAFF", false},
		{"ROLE1", "ROLE2", false},
		{"ROLE", "ROLE2", false},
		{"v12", "v21", false},
		{"HR", "PR", false},
		{"rw", "wr", false},
		{"orders:r", "orders:rw", false},
		{"orders:get", "orders:set", false},
		{"teamA", "teamB", false},
		{"GROUPX", "GROUPY", false},
		{"READER", "LEADER", false},
		{"営業一部", "営業二部", false},
		{"a", "", false},
	} {
		if got := misspelt(test.a, test.b); got != test.want {
			t.Errorf("misspelt(%q, %q) = %t", test.a, test.b, got)
		}
		if got := misspelt(test.b, test.a); got != test.want {
			t.Errorf("misspelt(%q, %q) = %t", test.b, test.a, got)
		}
	}
}

// Only so many names are compared with each other as an API has.
func TestSimilarNamesAreFew(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{maxCompared - 2: 1, maxCompared - 1: 0} {
		names := []string{"ADMINS", "ADMIN"}
		for i := range n {
			names = append(names, fmt.Sprintf("g%06d", i))
		}
		src := "version: 1\nroutes:\n  - {path: /a, method: GET, handler: a, groups: [" + strings.Join(names, ", ") + "]}\n"
		if _, report := Load("routes.yaml", []byte(src), nil); len(report.Diagnostics) != want {
			t.Errorf("%d names: %d diagnostics, want %d", n+2, len(report.Diagnostics), want)
		}
	}
}
