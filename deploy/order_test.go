package deploy

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// Terraform asks for the operations that review.Module.Apply says, in the order that
// review.Operation.Before says, for each module and each part; and API Gateway, as the
// provider of the tests plays it, refuses no change that review.Module.Refusals does
// not name, and refuses those that it calls certain.
func TestApplyOrder(t *testing.T) {
	t.Parallel()
	changes := []struct{ name, old, new string }{
		{"changes",
			"a=GET /a b=GET /gone c=GET /v/{x} d=POST /v/{x}",
			"a=GET /a! c=GET /v/{y} d=POST /v/{x} e=GET /new"},
		{"names", "a=GET /a b=GET /b", "x=GET /a b=GET /b!"},
		{"variables", "a=GET /a/{x}", "a=GET /a/{y}"},
		{"no token", "a=GET /a b=GET /b", "a=GET /a!"},
		{"first token", "a=GET /a!", "a=GET /a"},
		{"swapped paths", "a=GET /a b=GET /b", "a=GET /b b=GET /a"},
		{"swapped names", "a=GET /a b=GET /b", "b=GET /a a=GET /b"},
	}
	parts := []struct {
		name  string
		parts []review.Part
	}{
		{"in one apply", []review.Part{review.Everything}},
		{"function first", []review.Part{review.FunctionOnly, review.GatewayOnly}},
		{"gateway first", []review.Part{review.GatewayOnly, review.FunctionOnly}},
		{"function as a target", []review.Part{review.FunctionOnly, review.GatewayOnly}},
	}
	for _, m := range review.Modules {
		for i, change := range changes {
			for j, way := range parts {
				switch {
				case i > 1 && j > 0:
					continue // the parts are the same, whatever the change is
				case i > 0 && strings.HasSuffix(way.name, "target") && m == review.RootModule:
					continue // Terraform refuses a target while something else has moved
				}
				t.Run(string(m)+"/"+change.name+"/"+way.name, func(t *testing.T) {
					t.Parallel()
					old, new := routesOf(t, change.old), routesOf(t, change.new)
					d := deploy(t, m, old)
					refusals := m.Refusals(old, new)
					for i, part := range way.parts {
						d.release(new)
						var args []string
						switch {
						case i > 0:
						case strings.HasSuffix(way.name, "target"):
							args = append(args, "-target=aws_lambda_function.this")
						case part == review.FunctionOnly:
							d.writeRoutes(old)
						case part == review.GatewayOnly:
							args = append(args, "-var=package_hash="+d.hash)
						}
						got, failed := d.apply(args...)
						if failed != "" {
							if strings.Contains(failed, "authorizer is referenced") {
								t.Fatal("the authorizer is deleted before the routes are changed")
							}
							if len(refusals) == 0 || !strings.Contains(failed, "ConflictException") {
								t.Fatalf("nothing says that this is refused: %s", failed)
							}
							return
						}
						checkOperations(t, m.Apply(old, new, part), got)
					}
					for _, r := range refusals {
						if r.Certain {
							t.Errorf("%s is not refused: %s", r.RouteKey, r.Message)
						}
					}
					if out, code := d.run(append([]string{"plan", "-input=false", "-no-color", "-detailed-exitcode"}, vars(tokens)...)...); code != 0 {
						t.Errorf("something is left to do: exit code %d\n%s", code, out)
					}
				})
			}
		}
	}
}

// routesOf returns the table of routes that are written like "name=GET /a", with a "!"
// behind the path of a public one. Other routes ask for a token.
func routesOf(t *testing.T, list string) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", []byte(manifestOf(list)), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

func manifestOf(list string) string {
	src := "version: 1\nroutes:\n"
	fields := strings.Fields(list) // name=METHOD and path, in turn
	for i := 0; i < len(fields); i += 2 {
		name, method, _ := strings.Cut(fields[i], "=")
		path, public := strings.CutSuffix(fields[i+1], "!")
		access := "auth: jwt"
		if public {
			access = "public: true"
		}
		src += "  - {path: '" + path + "', method: " + method + ", handler: h, name: " + name + ", summary: s, " + access + "}\n"
	}
	return src
}

// A deployment is a module that has been applied, with a log of the operations.
type deployment struct {
	*module
	before *route.Table // what was applied first
	of     review.Module
	log    string
	read   int    // how much of the log was read
	hash   string // of the first package
}

func (d *deployment) format() gen.Module {
	if d.of == review.TerraformAWSModules {
		return gen.TerraformAWSModules
	}
	return gen.Obytes
}

// deploy applies the module with a table.
func deploy(t *testing.T, of review.Module, table *route.Table) *deployment {
	t.Helper()
	d := &deployment{module: newModule(t, routes), of: of, before: table}
	d.log = filepath.Join(d.dir, "operations")
	if of != review.RootModule {
		d.example(d.format())
	}
	d.release(table)
	d.env = append(d.env, "ROUTEGATE_OPERATIONS="+d.log, "ROUTEGATE_SLOW=")
	if _, failed := d.apply(); failed != "" {
		t.Fatal(failed)
	}
	// What is not ordered behind a slow operation begins before it ends.
	d.env = append(d.env, "ROUTEGATE_SLOW=aws_lambda_function,aws_apigatewayv2_route")
	hash := sha256.Sum256([]byte("a package with " + table.Digest()))
	d.hash = base64.StdEncoding.EncodeToString(hash[:])
	return d
}

// release writes what a release of the table has: the routes, as gen-tf does, and the
// package.
func (d *deployment) release(table *route.Table) {
	d.t.Helper()
	d.writeRoutes(d.before)
	name := gen.Filename(d.format(), gen.TF)
	d.write(name, string(gen.Successor(filepath.Join(d.dir, name), table, d.format(), gen.TF, "routes.yaml")))
	d.write("function.zip", "a package with "+table.Digest())
}

// writeRoutes writes the routes of a table, and no moved blocks.
func (d *deployment) writeRoutes(table *route.Table) {
	d.t.Helper()
	d.write(gen.Filename(d.format(), gen.TF), string(gen.Terraform(table, d.format(), gen.TF, "routes.yaml")))
}

// An event is a line of the log.
type event struct{ Event, Action, Type, Was, Key string }

func (e event) operation() review.Operation {
	o := review.Operation{Action: e.Action, Type: e.Type}
	if e.Type == "aws_apigatewayv2_route" {
		o.Was, o.Is = e.Was, e.Key
	}
	return o
}

// apply plans and applies, and returns what was done. failed is the output if Terraform
// failed.
func (d *deployment) apply(args ...string) (done []event, failed string) {
	d.t.Helper()
	args = append([]string{"plan", "-input=false", "-no-color", "-out=tfplan"}, args...)
	d.must(append(args, vars(tokens)...)...)
	if out, code := d.run("apply", "-input=false", "-no-color", "tfplan"); code != 0 {
		failed = out
	}
	return d.events(), failed
}

// events returns what was logged since it was last called.
func (d *deployment) events() (done []event) {
	d.t.Helper()
	data, err := os.ReadFile(d.log)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Fatal(err)
	}
	for line := range bytes.Lines(data[d.read:]) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			d.t.Fatal(err)
		}
		done = append(done, e)
	}
	d.read = len(data)
	return done
}

// checkOperations checks that Terraform did what it should, and nothing else, in an
// order that is allowed.
func checkOperations(t *testing.T, want []review.Operation, log []event) {
	t.Helper()
	type span struct{ begin, end int }
	when := make(map[review.Operation][]span)
	var got []review.Operation
	for i, e := range log {
		o := e.operation()
		switch e.Event {
		case "begin":
			got = append(got, o)
			when[o] = append(when[o], span{begin: i})
		case "end": // equal operations, of integrations, end in the order in which they begin
			for j := range when[o] {
				if when[o][j].end == 0 {
					when[o][j].end = i
					break
				}
			}
		}
	}
	var plain []review.Operation
	for _, o := range want {
		o.Key = ""
		plain = append(plain, o)
	}
	compare := func(a, b review.Operation) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Was, b.Was), cmp.Compare(a.Is, b.Is))
	}
	slices.SortFunc(got, compare)
	slices.SortFunc(plain, compare)
	if d := gocmp.Diff(plain, got); d != "" {
		t.Errorf("operations (-want +got):\n%s", d)
	}
	for _, a := range want {
		for _, b := range want {
			if !a.Before(b) {
				continue
			}
			a, b := a, b
			a.Key, b.Key = "", ""
			for _, first := range when[a] {
				for _, second := range when[b] {
					if first.end > second.begin {
						t.Errorf("%v ends after %v begins", a, b)
					}
				}
			}
		}
	}
}
