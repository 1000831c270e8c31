package review

import (
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// A Cell says whether the callers of a column may call the route of a row. The
// zero Cell is No.
type Cell int

// The cells.
const (
	No    Cell = iota // whatever scopes the token holds
	Scope             // if the token also holds one of the route's scopes
	Yes               // and no scope is asked for
)

// String returns "no", "scope" or "yes".
func (c Cell) String() string {
	switch c {
	case Scope:
		return "scope"
	case Yes:
		return "yes"
	}
	return "no"
}

// MarshalText returns what String does.
func (c Cell) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Matrix is the access matrix of a table: who may call what. It depends on
// what the table means alone, so it is the same for every order of a manifest;
// that is why it has no lines.
type Matrix struct {
	Groups []Term // the columns that are groups, sorted
	Scopes []Term // sorted
	Rows   []MatrixRow
	Digest string // of the table
}

// A Term is a group or a scope, and what the manifest says it stands for.
type Term struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"` // "" where the manifest does not say
}

// A MatrixRow is a route and who may call it.
type MatrixRow struct {
	Method, Path           string
	Name, Handler, Summary string
	Deprecated             bool
	Scopes                 []string // one of which the token must hold; empty: not asked

	Anyone Cell   // a caller without a token
	Token  Cell   // any valid token, in no group
	IAM    Cell   // a caller with AWS credentials
	Groups []Cell // a token with this one group, for each of Matrix.Groups
}

// Public reports whether the route is for anyone.
func (r *MatrixRow) Public() bool { return r.Anyone == Yes }

// NewMatrix asks the production decision for every route of the table and every
// column. A caller with several groups may do what any of these groups may do,
// because a route asks for one of its groups. So the columns say everything.
func NewMatrix(t *route.Table) *Matrix {
	m := &Matrix{
		Groups: terms(t.Groups(), t.DeclaredGroups()),
		Scopes: terms(t.Scopes(), t.DeclaredScopes()),
		Rows:   make([]MatrixRow, 0, t.Len()),
		Digest: t.Digest(),
	}
	for r := range t.All() {
		m.Rows = append(m.Rows, m.row(r))
	}
	return m
}

// terms gives each name its meaning.
func terms(names []string, declared []route.Name) []Term {
	list := make([]Term, len(names))
	for i, name := range names {
		list[i].Name = name
		at, ok := slices.BinarySearchFunc(declared, name, func(n route.Name, name string) int { return strings.Compare(n.Name, name) })
		if ok {
			list[i].Meaning = declared[at].Meaning
		}
	}
	return list
}

func (m *Matrix) row(r *route.Route) MatrixRow {
	ask := func(c route.Caller) Cell {
		if r.Access.Decide(c).Allowed {
			return Yes
		}
		if c.Auth != route.JWT || len(r.Access.Scopes) == 0 {
			return No
		}
		c.Principal.Scopes = r.Access.Scopes
		if r.Access.Decide(c).Allowed {
			return Scope
		}
		return No
	}
	row := MatrixRow{
		Method: r.Method, Path: r.Pattern.String(),
		Name: r.Name, Handler: r.Handler, Summary: r.Summary, Deprecated: r.Deprecated,
		Scopes: r.Access.Scopes,
		Anyone: ask(route.Caller{}),
		Token:  ask(Token(nil, nil)),
		IAM:    ask(route.Caller{Auth: route.IAM}),
		Groups: make([]Cell, len(m.Groups)),
	}
	group := make([]string, 1)
	for i := range m.Groups {
		group[0] = m.Groups[i].Name
		row.Groups[i] = ask(Token(group, nil))
	}
	return row
}

// A matrixColumn is a column of cells as it is shown.
type matrixColumn struct {
	title   string
	isGroup bool
	cell    func(*MatrixRow) Cell
}

// columns returns the columns that are worth showing: the one for IAM callers
// only where some route is for them and not for everybody.
func (m *Matrix) columns() []matrixColumn {
	columns := []matrixColumn{
		{"anyone", false, func(r *MatrixRow) Cell { return r.Anyone }},
		{"any token", false, func(r *MatrixRow) Cell { return r.Token }},
	}
	if slices.ContainsFunc(m.Rows, func(r MatrixRow) bool { return r.IAM == Yes && !r.Public() }) {
		columns = append(columns, matrixColumn{"IAM caller", false, func(r *MatrixRow) Cell { return r.IAM }})
	}
	for i, g := range m.Groups {
		columns = append(columns, matrixColumn{graphic(g.Name), true, func(r *MatrixRow) Cell { return r.Groups[i] }})
	}
	return columns
}

// asksScopes reports whether any route asks for a scope.
func (m *Matrix) asksScopes() bool {
	return slices.ContainsFunc(m.Rows, func(r MatrixRow) bool { return len(r.Scopes) > 0 })
}
