package drift_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/cmd/internal/drift"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A fixture is a directory of testdata/terraform: a configuration, what Terraform
// prints of its plan and its state, and the deployment that is read from each.
type fixture struct {
	name  string
	opts  drift.ReadOptions
	files []string // what Terraform prints; see makeFixture
}

var fixtures = []fixture{
	{name: "plain", files: []string{"plan", "state", "target"}},
	{name: "elsewhere", files: []string{"plan", "state", "replan"}},
	{name: "elsewhere-all", files: []string{"plan", "state"}},
	{name: "tokens", files: []string{"plan", "state"}},
	{name: "doors", files: []string{"plan", "state"}, opts: drift.ReadOptions{Module: "aws_apigatewayv2_api.this", Function: "users"}},
	{name: "outside", files: []string{"plan", "state"}, opts: drift.ReadOptions{Module: "module.api"}},
	{name: "one-scope", files: []string{"plan"}},
	{name: "forgotten", files: []string{"plan"}},
	{name: "references", files: []string{"plan", "state"}},
	{name: "each", files: []string{"plan", "state"}},
	{name: "choices", files: []string{"plan", "state"}, opts: drift.ReadOptions{Function: "users"}},
	{name: "rest", files: []string{"plan", "state"}},
	{name: "stages", files: []string{"plan", "state"}},
	{name: "mappings", files: []string{"plan"}},
	// OpenTofu 1.12.6 made these; see README.md there.
	{name: "opentofu", files: []string{"plan", "state", "target", "forget"}},
}

func (f *fixture) path(name string) string {
	return filepath.Join("testdata/terraform", f.name, name)
}

// isState reports whether one of the files of a fixture is a state.
func isState(file string) bool { return file == "state" }

func (f *fixture) read(file string, data []byte) (*drift.Deployment, error) {
	if isState(file) {
		return drift.ReadState(data, f.opts)
	}
	return drift.ReadPlan(data, f.opts)
}

// The deployments that the committed plans and states are read as.
func TestReadTerraform(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures {
		for _, file := range f.files {
			t.Run(f.name+"/"+file, func(t *testing.T) {
				data, err := os.ReadFile(f.path(file + ".json"))
				if err != nil {
					t.Fatal(err)
				}
				got := dump(f.read(file, data))
				golden(t, f.path(file+".txt"), got)
			})
		}
	}
}

// golden compares text with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s; run with -update to write it (-want +got):\n%s", name, diff)
	}
}

// dump writes a Deployment as text. Each value that is not known is written as "?".
func dump(d *drift.Deployment, err error) string {
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	var gaps []string
	fmt.Fprintf(&b, "function %s\n", show(d.Function, &gaps))
	slices.SortFunc(d.Routes, func(x, y drift.Route) int { return strings.Compare(x.Where, y.Where) })
	for _, r := range d.Routes {
		fmt.Fprintf(&b, "route %s\n", r.Where)
		fmt.Fprintf(&b, "  key %s, authorization %s, scopes %s\n", show(r.Key, &gaps), show(r.Authorization, &gaps), show(r.Scopes, &gaps))
		if r.Note != "" {
			fmt.Fprintf(&b, "  note %s\n", r.Note)
		}
		if a, ok := r.Authorizer.Get(); !ok {
			fmt.Fprintf(&b, "  authorizer %s\n", show(r.Authorizer, &gaps))
		} else if a != nil {
			fmt.Fprintf(&b, "  authorizer %s (%s): type %s, identity sources %s, issuer %s, audience %s\n", a.Where, a.Name,
				show(a.Type, &gaps), show(a.IdentitySources, &gaps), show(a.Issuer, &gaps), show(a.Audience, &gaps))
		}
		if i, ok := r.Integration.Get(); !ok {
			fmt.Fprintf(&b, "  integration %s\n", show(r.Integration, &gaps))
		} else if i != nil {
			fmt.Fprintf(&b, "  integration %s (%s): type %s, calls %s, payload %s, mappings %s\n", i.Where, i.Target,
				show(i.Type, &gaps), show(i.Calls, &gaps), show(i.Payload, &gaps), show(i.Mappings, &gaps))
		}
	}
	for _, s := range d.Stages {
		fmt.Fprintf(&b, "stage %s (%s): auto-deploy %s\n", s.Name, s.Where, show(s.AutoDeploy, &gaps))
	}
	entries := map[drift.Entry]string{
		drift.Refused: "refused", drift.Unvouched: "unvouched", drift.SameRules: "same rules",
		drift.IAMCallers: "IAM callers", drift.Vouched: "vouched", drift.AnyEvent: "any event",
	}
	slices.SortFunc(d.Doors, func(x, y drift.Door) int { return strings.Compare(string(x.Kind)+x.Where, string(y.Kind)+y.Where) })
	for _, door := range d.Doors {
		lets := show(door.Lets, &gaps)
		if e, ok := door.Lets.Get(); ok {
			lets = entries[e]
		}
		fmt.Fprintf(&b, "door %s %s: %s (%s)\n", door.Kind, door.Where, lets, door.Detail)
	}
	for _, g := range d.Gaps {
		fmt.Fprintf(&b, "gap %s: %s\n", g.What, g.Get)
	}
	seen := make(map[string]bool)
	for _, g := range gaps {
		if !seen[g] {
			fmt.Fprintf(&b, "? is %s\n", g)
		}
		seen[g] = true
	}
	for _, s := range d.Read {
		fmt.Fprintf(&b, "read %s\n", s)
	}
	for _, s := range d.Assumed {
		fmt.Fprintf(&b, "assumed %s\n", s)
	}
	return b.String()
}

func show[T any](v drift.Value[T], gaps *[]string) string {
	value, ok := v.Get()
	if !ok {
		g, _ := v.Gap()
		*gaps = append(*gaps, g.What+": "+g.Get)
		return "?"
	}
	data, _ := json.Marshal(value)
	return string(data)
}

// Whatever is known of a plan is what the state says after the apply.
func TestPlanAgreesWithState(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, f := range fixtures {
		if !slices.Contains(f.files, "plan") || !slices.Contains(f.files, "state") {
			continue
		}
		var both []*drift.Deployment
		for _, file := range []string{"plan", "state"} {
			d, err := f.read(file, readFile(t, f.name+"/"+file+".json"))
			if err != nil {
				t.Fatalf("%s/%s: %v", f.name, file, err)
			}
			both = append(both, d)
		}
		plan, state := both[0], both[1]
		agree := func(what, planned, applied string) {
			t.Helper()
			compared++
			if planned != "?" && planned != applied {
				t.Errorf("%s: %s: the plan says %s, the state %s", f.name, what, planned, applied)
			}
		}
		var gaps []string
		agree("function", show(plan.Function, &gaps), show(state.Function, &gaps))
		if len(plan.Routes) != len(state.Routes) {
			t.Errorf("%s: %d and %d routes", f.name, len(plan.Routes), len(state.Routes))
		}
		applied := make(map[string]drift.Route)
		for _, r := range state.Routes {
			applied[r.Where] = r
		}
		for _, r := range plan.Routes {
			s := applied[r.Where]
			agree(r.Where+": key", show(r.Key, &gaps), show(s.Key, &gaps))
			agree(r.Where+": authorization", show(r.Authorization, &gaps), show(s.Authorization, &gaps))
			agree(r.Where+": scopes", show(r.Scopes, &gaps), show(s.Scopes, &gaps))
			if i, ok := r.Integration.Get(); ok {
				j, _ := s.Integration.Get()
				agree(r.Where+": integration", i.Where, j.Where)
				agree(r.Where+": calls", show(i.Calls, &gaps), show(j.Calls, &gaps))
				agree(r.Where+": type", show(i.Type, &gaps), show(j.Type, &gaps))
			}
			if a, ok := r.Authorizer.Get(); ok && a != nil {
				b, _ := s.Authorizer.Get()
				agree(r.Where+": authorizer", a.Where, b.Where)
				agree(r.Where+": issuer", show(a.Issuer, &gaps), show(b.Issuer, &gaps))
				agree(r.Where+": identity sources", show(a.IdentitySources, &gaps), show(b.IdentitySources, &gaps))
			}
		}
		planned := make(map[string]drift.Door)
		for _, d := range plan.Doors {
			planned[string(d.Kind)+d.Where] = d
		}
		for _, d := range state.Doors {
			p, ok := planned[string(d.Kind)+d.Where]
			if !ok && len(plan.Gaps) == 0 {
				t.Errorf("%s: the plan has no %s %s", f.name, d.Kind, d.Where)
			} else if ok {
				agree(d.Where, show(p.Lets, &gaps), show(d.Lets, &gaps))
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d values were compared", compared)
	}
}

// BenchmarkReadPlan reads plans of 300 and of 10,000 routes, none of whose ids is known.
func BenchmarkReadPlan(b *testing.B) {
	for _, n := range []int{300, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := largePlan(b, n)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if d, err := drift.ReadPlan(data, drift.ReadOptions{}); err != nil || len(d.Routes) != n {
					b.Fatal(err)
				}
			}
		})
	}
}

// largePlan repeats the routes and the integrations of the fixture "each".
func largePlan(t testing.TB, n int) []byte {
	t.Helper()
	var plan map[string]any
	if err := json.Unmarshal(readFile(t, "each/plan.json"), &plan); err != nil {
		t.Fatal(err)
	}
	repeat := func(list []any) (out []any) {
		for _, item := range list {
			r := item.(map[string]any)
			if r["index"] == nil || r["index"] != "GET /me" {
				if r["index"] == nil && r["name"] != "chosen" {
					out = append(out, item)
				}
				continue
			}
			text, _ := json.Marshal(r)
			for i := range n {
				var again any
				if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), "GET /me", fmt.Sprintf("GET /me/%d", i))), &again); err != nil {
					t.Fatal(err)
				}
				out = append(out, again)
			}
		}
		return out
	}
	root := plan["planned_values"].(map[string]any)["root_module"].(map[string]any)
	root["resources"] = repeat(root["resources"].([]any))
	plan["resource_changes"] = repeat(plan["resource_changes"].([]any))
	data, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
