package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

const testUsage = `usage: go run ./cmd/routes test [-manifest file] [-min-coverage percent] [-v] [-json]

Test runs the manifest's own tests through the router and the decision of the
function. It shows each failing request at its line with the steps of the
decision, then what no test touches, and the coverage.

A route is touched when it answers a request of a test. A group, or a scope, is
touched when it is what let a caller of a test in, or when a caller who has it
was refused because the route asks for another one. The coverage is how many of
all routes, groups and scopes are touched. A note about a route all of whose
tests end alike does not count.

  -min-coverage percent  fail below this coverage, from 0 to 100
  -v                     list each test
  -json                  print all of it for a program

exit codes: 0 fine; 1 the manifest is wrong, a test fails, or the coverage is too
low; 2 wrong usage; 3 could not be done
`

// A percentage is a flag from 0 to 100, kept exactly as it was written.
type percentage struct {
	text  string
	value *big.Rat // nil: not given
}

func (p *percentage) String() string { return p.text }

func (p *percentage) Set(s string) error {
	value, ok := new(big.Rat), false
	if len(s) <= 20 && strings.Trim(s, "0123456789.") == "" { // no 1/3, no 1e9
		value, ok = value.SetString(s)
	}
	if !ok || value.Cmp(big.NewRat(100, 1)) > 0 {
		return errors.New("want a percentage from 0 to 100")
	}
	p.text, p.value = s, value
	return nil
}

// test runs the manifest's own tests and says what they leave out.
func (c *call) test() int {
	var least percentage
	verbose, asJSON := false, false
	_, code, ok := c.parse(testUsage, nil, 0, func(flags *flag.FlagSet) {
		flags.Var(&least, "min-coverage", "")
		flags.BoolVar(&verbose, "v", false, "")
		flags.BoolVar(&asJSON, "json", false, "")
	})
	if !ok {
		return code
	}
	table, report, err := c.load()
	switch {
	case err != nil:
		return c.fail(err)
	case table == nil:
		return c.done(exitFound, report.Print(c.stderr))
	}
	results := table.RunTests()
	run := testRun{c.manifest, table, results, review.Cover(table, results)}
	if asJSON {
		err = run.json(c.stdout)
	} else {
		err = run.print(c.stdout, report.Source, verbose)
	}
	if err != nil {
		return c.fail(err)
	}
	code = exitFine
	if run.failed() > 0 {
		code = exitFound
	}
	if least.value != nil && run.coverage.Percent().Cmp(least.value) < 0 {
		fmt.Fprintf(c.stderr, "routes test: coverage %v%% is below %s%%\n", run.coverage.Tenths(), least.text)
		code = exitFound
	}
	return code
}

// A testRun is the manifest's own tests and how they went.
type testRun struct {
	manifest string
	table    *route.Table
	results  []route.TestResult // test by test
	coverage *review.Coverage
}

func (r *testRun) failed() int {
	n := 0
	for i := range r.results {
		if !r.results[i].Passed() {
			n++
		}
	}
	return n
}

// print writes all for a person to read.
func (r *testRun) print(w io.Writer, source []byte, verbose bool) error {
	p := &printer{w: w}
	r.failures(p, source)
	if verbose {
		r.list(p)
	}
	tests, requests, failed := len(r.table.Tests()), len(r.results), r.failed()
	switch summary := fmt.Sprintf("%s: %s, %s", r.manifest, counted(tests, "test"), counted(requests, "request")); {
	case tests == 0:
		p.printf("%s: no tests\n", r.manifest)
	case failed > 0:
		p.printf("%s: %d failed\n", summary, failed)
	case requests == 1:
		p.printf("%s passes\n", summary)
	default:
		p.printf("%s pass\n", summary)
	}
	c := r.coverage
	for _, kind := range r.kinds() {
		for _, u := range kind.Untouched {
			p.printf("%s:%d: %s %s is touched by no test\n", r.manifest, u.Line, kind.noun, manifest.Quote(u.Name))
		}
	}
	for _, one := range c.OneSided {
		done, undone := "refused", "let in"
		if one.Allowed {
			done, undone = undone, done
		}
		p.printf("%s:%d: note: the tests of route %q are all %s, none is %s\n", r.manifest, one.Route.Line, one.Route.Key(), done, undone)
	}
	var parts []string
	for _, kind := range r.kinds() {
		if kind.Total > 0 {
			parts = append(parts, fmt.Sprintf("%ss %d of %d", kind.noun, kind.Touched, kind.Total))
		}
	}
	p.printf("coverage %v%% (%d of %d): %s\n", c.Tenths(), c.Touched(), c.Total(), strings.Join(parts, ", "))
	return p.err
}

// A coveredKind is one of the three kinds that coverage counts.
type coveredKind struct {
	noun string
	*review.Covered
}

func (r *testRun) kinds() []coveredKind {
	return []coveredKind{{"route", &r.coverage.Routes}, {"group", &r.coverage.Groups}, {"scope", &r.coverage.Scopes}}
}

// failures prints each failing request at its line, and how its decision came
// about, in the order of the file.
func (r *testRun) failures(p *printer, source []byte) {
	type failure struct {
		manifest.Diagnostic
		result *route.TestResult
	}
	var failures []failure
	for i := range r.results {
		if !r.results[i].Passed() {
			failures = append(failures, failure{r.results[i].Diagnostic(), &r.results[i]})
		}
	}
	slices.SortStableFunc(failures, func(a, b failure) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	report := manifest.Report{Filename: r.manifest, Source: source}
	for _, f := range failures {
		report.Add(f.Diagnostic)
	}
	blocks := printedBlocks(&report)
	for i, f := range failures {
		p.printf("%s", blocks[i])
		p.printf("      = asked by %s\n", printable(review.Describe(f.result.Test.Caller)))
		for _, step := range review.Explain(f.result.Decision) {
			passed, line := "passed", ""
			if !step.Passed {
				passed = "failed"
			}
			if step.Line > 0 {
				line = fmt.Sprintf(" (line %d)", step.Line)
			}
			p.printf("      = %s %s: %s%s\n", step.Check, passed, printable(step.Text), line)
		}
	}
}

// printedBlocks prints the report and cuts it where another diagnostic begins.
// To print a report for each would read the whole manifest as often.
func printedBlocks(report *manifest.Report) []string {
	var b strings.Builder
	report.Print(&b) // to memory, which does not fail
	rest := b.String()
	var blocks []string
	for i := 1; i < len(report.Diagnostics); i++ {
		next := report.Diagnostics[i]
		head := fmt.Sprintf("\n%s:%d:%d: ", report.Filename, next.Line, next.Column)
		end := strings.Index(rest, head) + 1
		blocks = append(blocks, rest[:end])
		rest = rest[end:]
	}
	return append(blocks, rest)
}

// list prints each test and whether all its requests passed.
func (r *testRun) list(p *printer) {
	for _, of := range r.byTest() {
		failed := 0
		for i := range of {
			if !of[i].Passed() {
				failed++
			}
		}
		test := of[0].Test
		if failed > 0 {
			p.printf("FAIL  %s:%d: %s: %s, %d failed\n", r.manifest, test.Line, manifest.Quote(test.Name), counted(len(of), "request"), failed)
			continue
		}
		p.printf("ok    %s:%d: %s: %s\n", r.manifest, test.Line, manifest.Quote(test.Name), counted(len(of), "request"))
	}
}

// byTest cuts the results where another test begins. Every test has a request.
func (r *testRun) byTest() [][]route.TestResult {
	var tests [][]route.TestResult
	for start, i := 0, 1; i <= len(r.results); i++ {
		if i == len(r.results) || r.results[i].Test != r.results[start].Test {
			tests = append(tests, r.results[start:i])
			start = i
		}
	}
	return tests
}

// printable replaces what a terminal would not show as a character.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsGraphic(c) {
			return utf8.RuneError
		}
		return c
	}, s)
}

func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// A printer keeps the first error of writing, so that one look at the end is
// enough.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// What test -json prints. The keys stay as they are: programs read them.
type (
	testJSON struct {
		Passed   bool         `json:"passed"`
		Tests    []oneTest    `json:"tests"`
		Coverage coverageJSON `json:"coverage"`
	}
	oneTest struct {
		Name     string       `json:"name"`
		Line     int          `json:"line"`
		Caller   string       `json:"caller"` // in words
		Passed   bool         `json:"passed"`
		Requests []oneRequest `json:"requests"`
	}
	oneRequest struct {
		Request string     `json:"request"`
		Line    int        `json:"line"`
		Want    string     `json:"want"` // allow or deny
		Got     string     `json:"got"`  // allow or deny
		Reason  string     `json:"reason"`
		Route   string     `json:"route"` // "" where none matches
		Passed  bool       `json:"passed"`
		Steps   []stepJSON `json:"steps"`
	}
	stepJSON struct {
		Check  string `json:"check"`
		Passed bool   `json:"passed"`
		Text   string `json:"text"`
		Line   int    `json:"line,omitempty"` // of the manifest, that decides it
	}
	coverageJSON struct {
		Percent   float64         `json:"percent"` // cut to one decimal
		Touched   int             `json:"touched"`
		Total     int             `json:"total"`
		Untouched []untouchedJSON `json:"untouched"`
		OneSided  []oneSidedJSON  `json:"one_sided"`
	}
	untouchedJSON struct {
		Kind string `json:"kind"` // route, group or scope
		Name string `json:"name"`
		Line int    `json:"line"`
	}
	oneSidedJSON struct {
		Route string `json:"route"`
		Line  int    `json:"line"`
		Only  string `json:"only"` // allow or deny
	}
)

// json writes all for a program to read.
func (r *testRun) json(w io.Writer) error {
	c := r.coverage
	out := testJSON{
		Passed: r.failed() == 0,
		Tests:  []oneTest{},
		Coverage: coverageJSON{
			Percent: c.Tenths(), Touched: c.Touched(), Total: c.Total(),
			Untouched: []untouchedJSON{}, OneSided: []oneSidedJSON{},
		},
	}
	for _, of := range r.byTest() {
		test := oneTest{Name: of[0].Test.Name, Line: of[0].Test.Line, Caller: review.Describe(of[0].Test.Caller), Passed: true}
		for i := range of {
			request := requestJSON(&of[i])
			test.Passed = test.Passed && request.Passed
			test.Requests = append(test.Requests, request)
		}
		out.Tests = append(out.Tests, test)
	}
	for _, kind := range r.kinds() {
		for _, u := range kind.Untouched {
			out.Coverage.Untouched = append(out.Coverage.Untouched, untouchedJSON{kind.noun, u.Name, u.Line})
		}
	}
	for _, one := range c.OneSided {
		out.Coverage.OneSided = append(out.Coverage.OneSided, oneSidedJSON{one.Route.Key(), one.Route.Line, verb(one.Allowed)})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func requestJSON(result *route.TestResult) oneRequest {
	d := result.Decision
	request := oneRequest{
		Request: result.Request.Value, Line: result.Request.Line,
		Want: verb(result.Allow), Got: verb(d.Allowed), Reason: string(d.Reason), Passed: result.Passed(),
		Steps: []stepJSON{},
	}
	if d.Route != nil {
		request.Route = d.Route.Key()
	}
	for _, step := range review.Explain(d) {
		request.Steps = append(request.Steps, stepJSON{string(step.Check), step.Passed, step.Text, step.Line})
	}
	return request
}

// verb is the key under which the manifest has such a request.
func verb(allowed bool) string {
	if allowed {
		return "allow"
	}
	return "deny"
}
