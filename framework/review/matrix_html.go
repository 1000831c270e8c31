package review

import (
	"bytes"
	_ "embed"
	"html/template"
	"slices"
	"strings"
)

//go:embed matrix.html
var matrixPage string

var matrixTemplate = template.Must(template.New("matrix").Parse(matrixPage))

// HTML returns the matrix as one page that needs nothing else, neither a script
// nor another file, to be read on a screen and printed on A4.
func (m *Matrix) HTML() []byte {
	var b bytes.Buffer
	if err := matrixTemplate.Execute(&b, m.page()); err != nil {
		panic("review: " + err.Error()) // the template fits its data, and memory takes all
	}
	return b.Bytes()
}

// A matrixView is what the page shows.
type matrixView struct {
	Callers, Groups []string // headings of columns
	HasScopes       bool
	Rows            []matrixViewRow
	Counts          []matrixCount
	GroupTerms      []Term
	ScopeTerms      []Term
	Digest          string
}

type matrixViewRow struct {
	*MatrixRow
	Segments []string // of the path, which a line may be broken between
	Summary  string   // "" where it says no more than the name
	Cells    template.HTML
}

// A matrixCount is how many routes are for some callers.
type matrixCount struct {
	N    int
	What string
}

// htmlCells are the cells as the page has them. The text is for those who do
// not see the sign that the style sheet puts in its place, and for the clipboard.
var htmlCells = [...]string{
	No:    `<td class="n">no</td>`,
	Scope: `<td class="s">scope</td>`,
	Yes:   `<td class="y">yes</td>`,
}

func (m *Matrix) page() matrixView {
	v := matrixView{HasScopes: m.asksScopes(), Rows: make([]matrixViewRow, len(m.Rows)), Counts: m.counts(), Digest: m.Digest}
	columns := m.columns()
	for _, c := range columns {
		if c.isGroup {
			v.Groups = append(v.Groups, c.title)
		} else {
			v.Callers = append(v.Callers, c.title)
		}
	}
	var b strings.Builder
	for i := range m.Rows {
		r := &m.Rows[i]
		b.Reset()
		for _, c := range columns {
			b.WriteString(htmlCells[c.cell(r)])
		}
		v.Rows[i] = matrixViewRow{r, strings.Split(strings.TrimPrefix(r.Path, "/"), "/"), "", template.HTML(b.String())}
		if r.Summary != r.Name {
			v.Rows[i].Summary = graphic(r.Summary)
		}
	}
	if explained(m.Groups) {
		v.GroupTerms = shownTerms(m.Groups)
	}
	if explained(m.Scopes) {
		v.ScopeTerms = shownTerms(m.Scopes)
	}
	return v
}

func shownTerms(list []Term) []Term {
	out := make([]Term, len(list))
	for i, t := range list {
		out[i] = Term{graphic(t.Name), oneLine(t.Meaning)}
	}
	return out
}

// counts counts each route once, by the widest circle of callers who get in.
// How many are for anyone is said even where none is.
func (m *Matrix) counts() []matrixCount {
	counts := []matrixCount{{0, "for anyone"}, {0, "for any token"}, {0, "for any token with a scope"}, {0, "for some groups"}, {0, "for IAM callers"}}
	for i := range m.Rows {
		switch r := &m.Rows[i]; {
		case r.Public():
			counts[0].N++
		case r.Token == Yes:
			counts[1].N++
		case r.Token == Scope:
			counts[2].N++
		case r.IAM == Yes:
			counts[4].N++
		default:
			counts[3].N++
		}
	}
	return append(counts[:1], slices.DeleteFunc(counts[1:], func(c matrixCount) bool { return c.N == 0 })...)
}
