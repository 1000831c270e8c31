package review

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

func diffForOutput(t *testing.T) *Diff {
	t.Helper()
	return Compare(load(t, `version: 1
routes:
  - {path: /a, method: GET, handler: a, groups: [A]}
  - {path: /b, method: GET, handler: b, public: true}
  - {path: /c, method: GET, handler: c}
`), load(t, `version: 1
routes:
  - {path: /a, method: GET, handler: a, public: true, summary: "100% of @them: <i>a|b</i> \u0060"}
  - {path: /b, method: GET, handler: b}
`))
}

// The log is valid by the standard's own schema, as a library has it that reads
// such logs.
func TestSARIF(t *testing.T) {
	t.Parallel()
	for name, diff := range map[string]*Diff{"changes": diffForOutput(t), "none": {}} {
		var b bytes.Buffer
		if err := diff.SARIF(&b, Names{"main:routes.yaml", "service/routes.yaml"}); err != nil {
			t.Fatal(err)
		}
		report, err := sarif.FromBytes(b.Bytes())
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, &b)
		}
		// The library writes what it did not read as empty texts; these are the
		// standard's defaults.
		for _, run := range report.Runs {
			run.Language, run.Tool.Driver.Language, run.NewlineSequences = "en-US", "en-US", []string{"\r\n", "\n"}
		}
		if err := report.Validate(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, &b)
		}
		if n := len(report.Runs[0].Results); n != len(diff.Changes) {
			t.Errorf("%s: %d results for %d changes", name, n, len(diff.Changes))
		}
		for i, r := range report.Runs[0].Results {
			rule := report.Runs[0].Tool.Driver.Rules[r.RuleIndex]
			if *rule.ID != diff.Changes[i].Rule || *r.RuleID != diff.Changes[i].Rule {
				t.Errorf("%s: result %d is of rule %q, index of %q", name, i, *r.RuleID, *rule.ID)
			}
			if uri := *r.Locations[0].PhysicalLocation.ArtifactLocation.URI; uri != "service/routes.yaml" {
				t.Errorf("%s: result %d is in %q", name, i, uri)
			}
		}
	}
	// The check above can fail.
	report, err := sarif.FromBytes([]byte(`{"version": "2.1.0", "runs": []}`))
	if err != nil {
		t.Fatal(err)
	}
	run := sarif.NewRunWithInformationURI("", "not a URI")
	run.AddResult(sarif.NewRuleResult("x").WithLevel("dreadful"))
	if report.AddRun(run); report.Validate() == nil {
		t.Error("a log that is not valid is valid")
	}
}

// Texts of the manifest are texts, wherever they are shown.
func TestOutputIsEscaped(t *testing.T) {
	t.Parallel()
	hostile := &Diff{Changes: []Change{{
		Kind: Neutral, Rule: "test-added", New: Place{Line: 3},
		Message: "test \"a|b\" <script>@all `x` **y** [l](u)\n::error::z%0A & is added",
	}}}
	names := Names{"old", "a,b:c.yaml"}
	var b bytes.Buffer
	if err := hostile.Markdown(&b, names); err != nil {
		t.Fatal(err)
	}
	want := "- test \"a\\|b\" &lt;script>&#64;all \\`x\\` \\*\\*y\\*\\* \\[l\\](u) ::error::z%0A &amp; is added (a,b:c.yaml:3)\n"
	if !strings.Contains(b.String(), want) {
		t.Errorf("markdown is\n%s\nwant\n%s", &b, want)
	}
	b.Reset()
	if err := hostile.GitHub(&b, names); err != nil {
		t.Fatal(err)
	}
	want = "::notice file=a%2Cb%3Ac.yaml,line=3,title=NEUTRAL test-added::test \"a|b\" <script>@all `x` **y** [l](u)%0A::error::z%250A & is added\n"
	if !strings.HasPrefix(b.String(), want) {
		t.Errorf("annotations are\n%s\nwant\n%s", &b, want)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestOutputThatFails(t *testing.T) {
	t.Parallel()
	diff, rollout := diffForOutput(t), PlanOrder(load(t, auditManifest), load(t, auditManifest), RootModule)
	for name, err := range map[string]error{
		"text": diff.Text(failing{}, Names{}), "markdown": diff.Markdown(failing{}, Names{}), "github": diff.GitHub(failing{}, Names{}),
		"sarif": diff.SARIF(failing{}, Names{}), "json": diff.JSON(failing{}, Names{}),
		"order": rollout.Text(failing{}, Names{}), "order as json": rollout.JSON(failing{}, Names{}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
