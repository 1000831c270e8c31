package review

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/routegate/routegate/framework/route"
)

var update = flag.Bool("update", false, "write the goldens in testdata anew")

// The files of a matrix, by what makes them.
var matrixFiles = []struct {
	name   string
	render func(*Matrix) []byte
}{
	{"matrix.txt", (*Matrix).Text},
	{"matrix.md", (*Matrix).Markdown},
	{"matrix.csv", (*Matrix).CSV},
	{"matrix.json", (*Matrix).JSON},
	{"matrix.html", (*Matrix).HTML},
}

// TestMatrixGoldens compares every format with its golden.
func TestMatrixGoldens(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/matrix/*.txtar")
	if err != nil || len(names) < 4 {
		t.Fatalf("%d goldens: %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) == 0 || archive.Files[0].Name != "routes.yaml" {
				t.Fatalf("%s does not begin with routes.yaml", name)
			}
			m := NewMatrix(matrixTable(t, archive.Files[0].Data))
			written := &txtar.Archive{Comment: archive.Comment, Files: archive.Files[:1:1]}
			for _, f := range matrixFiles {
				got := f.render(m)
				if f.name == "matrix.html" {
					checkMatrixPage(t, m, got)
					got = withoutStyle(got) // which is the same in all
				}
				written.Files = append(written.Files, txtar.File{Name: f.name, Data: got})
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(written), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(written))); d != "" {
				t.Errorf("stale; run go test with -update (-want +got):\n%s", d)
			}
		})
	}
}

func withoutStyle(page []byte) []byte {
	return regexp.MustCompile(`(?s)<style>.*</style>\n`).ReplaceAll(page, nil)
}

// TestMatrixAgainstBruteForce compares every cell with a reading of the manifest
// that shares nothing with the decision: what lets a caller in is read off the
// keys that the route was written with.
func TestMatrixAgainstBruteForce(t *testing.T) {
	t.Parallel()
	seen := make(map[string]int) // so that the random tables are known to have it all
	for seed := range uint64(300) {
		routes := randomMatrixRoutes(rand.New(rand.NewPCG(seed, 1)))
		m := NewMatrix(matrixTable(t, matrixManifest(routes)))
		if len(m.Rows) != len(routes) {
			t.Fatalf("seed %d: %d rows of %d routes", seed, len(m.Rows), len(routes))
		}
		for i := range m.Rows {
			row := &m.Rows[i]
			w := routes[slices.IndexFunc(routes, func(w writtenRoute) bool { return w.name == row.Name })]
			check := func(column string, got, want Cell) {
				seen[column+" "+want.String()]++
				if got != want {
					t.Errorf("seed %d: %s for %s is %v, want %v\n%+v", seed, column, row.Name, got, want, w)
				}
			}
			check("anyone", row.Anyone, w.allows(false, false, ""))
			check("token", row.Token, w.allows(true, false, ""))
			check("iam", row.IAM, w.allows(false, true, ""))
			for j, g := range m.Groups {
				check("group", row.Groups[j], w.allows(true, false, g.Name))
			}
			if d := cmp.Diff(w.scopes, append([]string{}, row.Scopes...)); d != "" {
				t.Errorf("seed %d: scopes (-want +got):\n%s", seed, d)
			}
		}
	}
	for _, outcome := range []string{
		"anyone no", "anyone yes", "token no", "token scope", "token yes", "iam no", "iam yes", "group no", "group scope", "group yes",
	} {
		if seen[outcome] < 20 {
			t.Errorf("%q was seen %d times", outcome, seen[outcome])
		}
	}
}

// A writtenRoute is a route as the manifest has it.
type writtenRoute struct {
	name, method, path string
	public, iam        bool
	groups, scopes     []string // sorted
}

// allows reads off the keys whether the caller gets in. It knows what the
// documentation says and nothing of the code.
func (w writtenRoute) allows(hasToken, isIAM bool, group string) Cell {
	switch {
	case w.public:
		return Yes
	case w.iam && isIAM:
		return Yes
	case w.iam, !hasToken:
		return No
	case len(w.groups) > 0 && (group == "" || !slices.Contains(w.groups, group)):
		return No
	case len(w.scopes) > 0:
		return Scope
	}
	return Yes
}

func randomMatrixRoutes(r *rand.Rand) []writtenRoute {
	some := func(names ...string) []string {
		list := []string{}
		for _, n := range names {
			if r.IntN(3) == 0 {
				list = append(list, n)
			}
		}
		return list
	}
	paths := []string{"/", "/a", "/x", "/{v}", "/a/{v}", "/a/{v}/b", "/a/{v}/{w}", "/b/{rest+}", "/x/x"}
	var routes []writtenRoute
	for i, path := range paths {
		methods := []string{"GET", "POST"}
		if i == 0 || i == len(paths)-1 { // elsewhere it would clash with what overlaps
			methods = append(methods, route.AnyMethod)
		}
		for _, method := range methods {
			if r.IntN(3) > 0 {
				continue
			}
			w := writtenRoute{name: fmt.Sprintf("r%d_%s", i, method), method: method, path: path, groups: []string{}, scopes: []string{}}
			switch r.IntN(5) {
			case 0:
				w.public = true
			case 1:
				w.iam = true
			default:
				w.groups = some("G1", "G2", "G3")
				w.scopes = some("s/1", "s/2", "s/3")
			}
			routes = append(routes, w)
		}
	}
	if routes == nil {
		return randomMatrixRoutes(r)
	}
	return routes
}

func matrixManifest(routes []writtenRoute) []byte {
	var b bytes.Buffer
	b.WriteString("version: 1\nroutes:\n")
	for _, w := range routes {
		fmt.Fprintf(&b, "  - {path: '%s', method: %s, handler: h, name: %s", w.path, w.method, w.name)
		if w.public {
			b.WriteString(", public: true")
		}
		if w.iam {
			b.WriteString(", auth: iam")
		}
		if len(w.groups) > 0 {
			fmt.Fprintf(&b, ", groups: [%s]", strings.Join(w.groups, ", "))
		}
		if len(w.scopes) > 0 {
			fmt.Fprintf(&b, ", scopes: [%s]", strings.Join(w.scopes, ", "))
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

func matrixTable(t testing.TB, src []byte) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", src, nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

// Another order of the manifest changes no format.
func TestMatrixIgnoresTheOrderOfTheManifest(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		routes := randomMatrixRoutes(r)
		one := NewMatrix(matrixTable(t, matrixManifest(routes)))
		for i := range routes {
			slices.Reverse(routes[i].groups)
			slices.Reverse(routes[i].scopes)
		}
		r.Shuffle(len(routes), func(i, j int) { routes[i], routes[j] = routes[j], routes[i] })
		other := NewMatrix(matrixTable(t, append([]byte("\n\n"), matrixManifest(routes)...)))
		for _, f := range matrixFiles {
			if d := cmp.Diff(string(f.render(one)), string(f.render(other))); d != "" {
				t.Fatalf("seed %d: %s:\n%s", seed, f.name, d)
			}
		}
	}
}

// hostileMatrix has names that mean something in each format.
func hostileMatrix(t *testing.T) *Matrix {
	t.Helper()
	return NewMatrix(matrixTable(t, []byte(`version: 1
groups:
  <script>alert(1)</script>: <img src=x onerror=alert(1)>
  "a|b": "pipes | and\nlines, *stars* and [links](javascript:x)"
  "a`+"`"+`b": "`+"`code`"+`"
  "a\\|b": "&x \u202egnp"
  "=1+1": =HYPERLINK("http://example.com")
  "+1": x
  "-1": x
  "@x": "@everyone"
  "＝1": x
  "\ue000SNIMDA": x
  "\"'>": x
  "</td></table>": x
scopes:
  "=cmd|'!A1": "</dd><script>"
  "<b>|`+"`"+`": x
routes:
  - {path: /a, method: GET, handler: a, summary: "</th><script>alert(2)</script> | x", groups: ["a|b", "=1+1"], scopes: ["=cmd|'!A1", "<b>|`+"`"+`"]}
  - {path: /b, method: GET, handler: b, summary: "{{.}} \u202e", public: true, deprecated: true}
  - {path: /c, method: GET, handler: c, auth: iam}
`)))
}

func TestMatrixHTMLOfHostileNames(t *testing.T) {
	t.Parallel()
	m := hostileMatrix(t)
	checkMatrixPage(t, m, m.HTML())
}

// checkMatrixPage reads the page strictly, as XML but for what HTML leaves
// open, and compares each cell of its table with the matrix.
func checkMatrixPage(t *testing.T, m *Matrix, page []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict = false
	d.AutoClose = []string{"meta", "wbr"}
	d.Entity = xml.HTMLEntity
	var open []string
	var text strings.Builder
	var rows [][]string
	lang := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			if !slices.Contains(strings.Fields("html head meta title style body h1 h2 p ul li span table caption thead tbody tr th td code wbr small dl dt dd footer"), name) {
				t.Errorf("element <%s>", name)
			}
			open = append(open, name)
			scope := ""
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "scope":
					scope = a.Value
				case "lang":
					lang = a.Value
				case "class", "rowspan", "colspan", "charset", "name", "content":
				default:
					t.Errorf("attribute %s of <%s>", a.Name.Local, name)
				}
			}
			switch name {
			case "tr":
				rows = append(rows, nil)
			case "th", "td":
				text.Reset()
				if name == "th" && !slices.Contains([]string{"row", "col", "colgroup"}, scope) {
					t.Errorf("<th> has the scope %q", scope)
				}
			}
		case xml.EndElement:
			name := token.Name.Local
			if len(open) == 0 || open[len(open)-1] != name {
				t.Fatalf("</%s> inside %v", name, open)
			}
			open = open[:len(open)-1]
			if name == "th" || name == "td" {
				rows[len(rows)-1] = append(rows[len(rows)-1], text.String())
			}
		case xml.CharData:
			text.Write(token)
		}
	}
	if len(open) > 0 || lang != "en" {
		t.Errorf("open at the end: %v; language %q", open, lang)
	}
	columns := m.columns()
	if len(rows) != len(m.Rows)+2 || len(rows[1]) != len(columns) {
		t.Fatalf("%d rows, of which the second has %d headings", len(rows), len(rows[1]))
	}
	for i, c := range columns {
		if rows[1][i] != c.title {
			t.Errorf("heading %q, want %q", rows[1][i], c.title)
		}
	}
	for i, got := range rows[2:] {
		r := &m.Rows[i]
		if !strings.HasPrefix(got[0], r.Method+" "+r.Path) || strings.Contains(got[0], "public") != r.Public() {
			t.Errorf("row %d is of %q", i, got[0])
		}
		got = got[1:]
		if m.asksScopes() {
			if want := strings.Join(r.Scopes, ""); got[0] != want {
				t.Errorf("%s: scopes %q, want %q", r.Path, got[0], want)
			}
			got = got[1:]
		}
		if len(got) != len(columns) {
			t.Fatalf("%s: %d cells", r.Path, len(got))
		}
		for j, c := range columns {
			if want := c.cell(r).String(); got[j] != want {
				t.Errorf("%s: %s is %s, want %s", r.Path, c.title, got[j], want)
			}
		}
	}
}

// Every row has as many cells as the header, by the rule that a "|" ends a cell
// unless there is a "\" before it, and no name is left that Markdown would read.
func TestMatrixMarkdownOfHostileNames(t *testing.T) {
	t.Parallel()
	m := hostileMatrix(t)
	got := string(m.Markdown())
	cells := regexp.MustCompile(`(^|[^\\])\|`)
	lines := 0
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "|") {
			lines++
			if n := len(cells.FindAllString(line, -1)); n != len(m.columns())+3 {
				t.Errorf("%d bars in %s", n, line)
			}
		}
		// Outside code, nothing may open a tag, a link or an emphasis.
		text := regexp.MustCompile("`[^`]*`|\\\\.|</?code>|<!--.*-->|\\*\\*yes\\*\\*").ReplaceAllString(line, "")
		if strings.ContainsAny(text, "<>[]*`") {
			t.Errorf("Markdown in %s", line)
		}
	}
	if lines != len(m.Rows)+2 || strings.Contains(got, "\u202e") {
		t.Errorf("%d lines of the table in\n%s", lines, got)
	}
}

// What a spreadsheet reads is what the matrix says, and nothing is a formula.
func TestMatrixCSVOfHostileNames(t *testing.T) {
	t.Parallel()
	m := hostileMatrix(t)
	records, err := csv.NewReader(bytes.NewReader(m.CSV())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns := m.columns()
	for i, record := range records {
		if len(record) != 6+len(columns) {
			t.Fatalf("line %d has %d fields", i+1, len(record))
		}
		for j, field := range record {
			if strings.IndexAny(field, "=+-@\t\r＝＋－＠") == 0 {
				t.Errorf("line %d, field %d is the formula %q", i+1, j+1, field)
			}
			if i == 0 || j < 6 {
				continue
			}
			if want := columns[j-6].cell(&m.Rows[i-1]).String(); field != want {
				t.Errorf("line %d: %s is %s, want %s", i+1, records[0][j], field, want)
			}
		}
	}
	if got, want := records[1][5], "'"+strings.Join(m.Rows[0].Scopes, " "); m.Rows[0].Scopes[0] != "<b>|`" && got != want {
		t.Errorf("scopes %q, want %q", got, want)
	}
}

func TestNotFormula(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "yes": "yes", "/a": "/a", "a=1": "a=1",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "-": "'-", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "＝1": "'＝1",
	} {
		if got := notFormula(in); got != want {
			t.Errorf("notFormula(%q) = %q, want %q", in, got, want)
		}
	}
}

// The names are in the JSON to the letter, and no list is null.
func TestMatrixJSON(t *testing.T) {
	t.Parallel()
	for _, m := range []*Matrix{
		hostileMatrix(t),
		NewMatrix(matrixTable(t, []byte("version: 1\nroutes: [{path: /, method: GET, handler: a, public: true}]"))),
	} {
		data := m.JSON()
		if bytes.Contains(data, []byte("null")) {
			t.Errorf("null in\n%s", data)
		}
		var got struct {
			Groups []Term
			Routes []struct {
				Path   string
				Groups map[string]string
			}
		}
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(append([]Term{}, m.Groups...), got.Groups); d != "" {
			t.Errorf("groups (-want +got):\n%s", d)
		}
		for i, r := range got.Routes {
			for j, g := range m.Groups {
				if want := m.Rows[i].Groups[j].String(); r.Groups[g.Name] != want {
					t.Errorf("%s: %q is %q, want %q", r.Path, g.Name, r.Groups[g.Name], want)
				}
			}
		}
	}
}

// The zero Cell lets nobody in.
func TestZeroCell(t *testing.T) {
	t.Parallel()
	var c Cell
	if c.String() != "no" || htmlCells[c] != `<td class="n">no</td>` {
		t.Errorf("the zero cell is %v, %s", c, htmlCells[c])
	}
}

func BenchmarkMatrix(b *testing.B) {
	for _, routes := range []int{300, 10_000} {
		const groups = 40
		var src bytes.Buffer
		src.WriteString("version: 1\nroutes:\n")
		for i := range routes {
			fmt.Fprintf(&src, "  - {path: '/v1/r%d/{id}', method: GET, handler: h%d, groups: [G%d, G%d], scopes: [r/read, r/write]}\n", i, i, i%groups, (i+7)%groups)
		}
		table := matrixTable(b, src.Bytes())
		b.Run(fmt.Sprintf("%d routes/decisions", routes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				NewMatrix(table)
			}
		})
		m := NewMatrix(table)
		for _, f := range matrixFiles {
			b.Run(fmt.Sprintf("%d routes/%s", routes, f.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f.render(m)
				}
			})
		}
	}
}

// A cell of the matrix says yes for some route of a handler if and only if the callers
// of the column reach the handler.
func TestMatrixAgreesWithReach(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 10))
	yes := 0
	for range 200 {
		table, _, text := randomTables(rng)
		m, reach := NewMatrix(table), NewReach(table)
		columns := []struct {
			caller route.Caller
			cell   func(MatrixRow) Cell
		}{
			{route.Caller{}, func(r MatrixRow) Cell { return r.Anyone }},
			{Token(nil, nil), func(r MatrixRow) Cell { return r.Token }},
			{route.Caller{Auth: route.IAM}, func(r MatrixRow) Cell { return r.IAM }},
		}
		for i, g := range m.Groups {
			columns = append(columns, struct {
				caller route.Caller
				cell   func(MatrixRow) Cell
			}{Token([]string{g.Name}, nil), func(r MatrixRow) Cell { return r.Groups[i] }})
		}
		for _, column := range columns {
			for _, handler := range []string{"h", "i", "j"} {
				want := false
				for _, row := range m.Rows {
					want = want || row.Handler == handler && column.cell(row) == Yes
				}
				if got := reach.Through(column.caller, handler) != nil; got != want {
					t.Fatalf("%s reaches %q: %v, and the matrix says %v\n%s", Describe(column.caller), handler, got, want, text)
				}
				if want {
					yes++
				}
			}
		}
	}
	if yes < 100 {
		t.Errorf("only %d pairs, which proves little", yes)
	}
}
