package deploy

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"

	"github.com/routegate/routegate/framework/review"
)

// A workflow is what the tests need of one. What a workflow may be at all,
// actionlint checks in CI.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		If          string
		Environment string
		Permissions map[string]string
		Steps       []struct {
			Name, Uses, Run, If string
			With                map[string]string
		}
	}
}

func readWorkflow(t *testing.T) (text string, w workflow) {
	t.Helper()
	data, err := os.ReadFile("github/routegate.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	if len(w.Jobs) < 5 {
		t.Fatalf("%d jobs: are they read right?", len(w.Jobs))
	}
	return string(data), w
}

// A tag can be moved to other code, a commit cannot.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	text, _ := readWorkflow(t)
	uses := regexp.MustCompile(`(?m)^ +(?:- )?uses: (.*)$`).FindAllStringSubmatch(text, -1)
	pinned := regexp.MustCompile(`^([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$`)
	commits := make(map[string]string)
	for _, u := range uses {
		m := pinned.FindStringSubmatch(u[1])
		if m == nil {
			t.Errorf("not a commit with its version: %s", u[1])
			continue
		}
		if other, ok := commits[m[1]]; ok && other != m[2] {
			t.Errorf("%s is both %s and %s", m[1], other, m[2])
		}
		commits[m[1]] = m[2]
	}
	if len(commits) < 5 {
		t.Errorf("%d actions: are they read right?", len(commits))
	}
}

// Who may do what, of the jobs.
func TestWorkflowPermissions(t *testing.T) {
	t.Parallel()
	_, w := readWorkflow(t)
	if w.Permissions == nil || len(w.Permissions) > 0 {
		t.Errorf("permissions of all jobs are %v, want none", w.Permissions)
	}
	const ownBranch = "github.event.pull_request.head.repo.full_name == github.repository"
	for name, job := range w.Jobs {
		checksOut := false
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Uses, "actions/checkout@") {
				checksOut = true
				if step.With["persist-credentials"] != "false" {
					t.Errorf("%s leaves its token to all that it runs", name)
				}
			}
			// What somebody else can write must not become part of a script.
			if strings.Contains(step.Run, "${{") {
				t.Errorf("%s: a script has an expression in it:\n%s", name, step.Run)
			}
		}
		for scope, access := range job.Permissions {
			switch {
			case access == "read":
			case !strings.Contains(job.If, ownBranch) && job.If != "github.event_name == 'push'":
				t.Errorf("%s: a fork gets %s: %s", name, scope, access)
			case scope == "pull-requests" && checksOut:
				t.Errorf("%s may write to pull requests, and runs what is in them", name)
			case scope != "pull-requests" && scope != "id-token":
				t.Errorf("%s: nothing here needs %s: %s", name, scope, access)
			}
		}
	}
	if apply := w.Jobs["apply"]; apply.If != "github.event_name == 'push'" || apply.Environment == "" {
		t.Errorf("apply runs if %q, in the environment %q", apply.If, apply.Environment)
	}
}

// script returns the script of the step that has the name.
func script(t *testing.T, job, step string) string {
	t.Helper()
	_, w := readWorkflow(t)
	for _, s := range w.Jobs[job].Steps {
		if s.Name == step {
			return s.Run
		}
	}
	t.Fatalf("job %s has no step %q", job, step)
	return ""
}

// runScript runs a script as GitHub does, with programs before those in PATH.
func runScript(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// There is one comment, however often a workflow runs.
func TestComment(t *testing.T) {
	t.Parallel()
	comment := script(t, "comment", "Comment, or replace the comment of an earlier run")
	const marker = "<!-- routegate: who may do what -->\n"
	long := marker + strings.Repeat("ä", 65000)
	for _, test := range []struct{ name, existing, text, want string }{
		{"first", "", marker + "**1 wider**\n", "POST repos/o/r/issues/7/comments\n" + marker + "**1 wider**\n"},
		{"again", "11\\n12\\n", marker + "**none**\n", "PATCH repos/o/r/issues/comments/11\n" + marker + "**none**\n"},
		{"too long", "", long, "POST repos/o/r/issues/7/comments\n" + marker + "Too much for a comment: see the summary of the job \"access\".\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "access.md"), test.text, 0o644)
			// Lists what there is, or says what it is to write where.
			write(t, filepath.Join(dir, "gh"), `#!/bin/sh
if [ "$2" = --paginate ]; then
	printf '`+test.existing+`'
	exit
fi
echo "$4 $5" >>wrote
cat "${7#body=@}" >>wrote
`, 0o755)
			runScript(t, dir, comment, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "GITHUB_REPOSITORY=o/r", "NUMBER=7", "LC_ALL=C.UTF-8")
			got, err := os.ReadFile(filepath.Join(dir, "wrote"))
			if err != nil || string(got) != test.want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, test.want)
			}
		})
	}
}

// The access diff is that of the merge against its first parent.
func TestCompare(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	dir, temp := t.TempDir(), filepath.Dir(routesCommand(t))
	const manifest = "version: 1\nroutes:\n  - {path: /a, method: GET, handler: health_check, name: a"
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "main")
	git("config", "user.name", "nobody")
	git("config", "user.email", "nobody@example.com")
	name := filepath.Join(dir, "routes.yaml")
	write(t, name, manifest+"}\n", 0o644)
	git("add", ".")
	git("commit", "-qm", "base")
	git("checkout", "-qb", "topic")
	write(t, name, manifest+", public: true}\n", 0o644)
	git("commit", "-qam", "public")
	git("checkout", "-q", "main")
	git("commit", "-q", "--allow-empty", "-m", "meanwhile")
	git("merge", "-q", "--no-ff", "-m", "merge", "topic")

	runScript(t, dir, script(t, "access", "Compare"), "RUNNER_TEMP="+temp, "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary"))
	for file, want := range map[string]string{filepath.Join(dir, "access.md"): "PUBLIC", filepath.Join(dir, "summary"): "deploy the function first"} {
		got, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %v\n%s", filepath.Base(file), err, got)
		}
	}
	// Only a label opens a public route.
	refuse := script(t, "access", "Refuse routes that are newly public")
	cmd := exec.Command("bash", "-eo", "pipefail", "-c", refuse)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "RUNNER_TEMP="+temp)
	if out, err := cmd.CombinedOutput(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "::error") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The step that compares the plan ends with drift's own exit code, which "go run" would
// make 1.
func TestDriftKeepsItsExitCode(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("../cmd/routes/testdata/script/drift_terraform.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The planned routes are not the manifest's.
	for _, f := range archive.Files {
		switch f.Name {
		case "plan.json":
			write(t, filepath.Join(dir, "shown.json"), string(f.Data), 0o644)
		case "changed.yaml":
			write(t, filepath.Join(dir, "routes.yaml"), string(f.Data), 0o644)
		}
	}
	write(t, filepath.Join(dir, "terraform"), "#!/bin/sh\ncat shown.json\n", 0o755)
	check := exec.Command("bash", "-eo", "pipefail", "-c", script(t, "plan", "Check that the planned gateway lets in whom the manifest does"))
	check.Dir = dir
	check.Env = append(os.Environ(), "RUNNER_TEMP="+filepath.Dir(routesCommand(t)), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "JWT_ISSUER=", "JWT_AUTHORIZED_AUDIENCES=")
	out, err := check.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 4 || !strings.Contains(string(out), "EXPOSED") {
		t.Errorf("%v\n%s", err, out)
	}
}

// runnerPrograms writes programs that stand in for those of a runner, and returns the
// directory. The bucket is a directory, go runs gen-tf, and Terraform needs no init.
func runnerPrograms(t *testing.T, bucket string) string {
	t.Helper()
	dir := t.TempDir()
	real, err := exec.LookPath("terraform")
	if err != nil {
		real = "false" // the test needs no Terraform
	}
	genTF, err := goBuild("../cmd/gen-tf", "gen-tf")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "aws"), `#!/bin/sh
path() { case $1 in s3://*) echo "`+bucket+`/${1#s3://*/}" ;; *) echo "$1" ;; esac; }
test ! -e "`+bucket+`/broken" || exit 254
case "$1 $2" in
"s3api list-objects-v2") if [ -e "`+bucket+`/$6" ]; then echo "$6"; else echo None; fi ;;
"s3 cp") cp "$(path "$4")" "$(path "$5")" ;;
"s3 rm") rm "$(path "$3")" ;;
*) exit 2 ;;
esac
`, 0o755)
	write(t, filepath.Join(dir, "go"), `#!/bin/sh
test "$1 $2" = "run ./cmd/gen-tf" && shift 2 && exec "`+filepath.Join(genTF, "gen-tf")+`" "$@"
`, 0o755)
	write(t, filepath.Join(dir, "terraform"), `#!/bin/sh
test "$2" != init || exit 0
if [ -n "$FAKE_STATE" ]; then echo "$FAKE_STATE"; exit; fi
exec "`+real+`" "$@"
`, 0o755)
	return dir
}

const (
	noState   = `{"format_version": "1.0"}`
	someState = `{"format_version": "1.0", "values": {"root_module": {}}}`
)

// What is applied first follows from what is deployed, and from what an apply that
// failed has left. What is not known stops the release.
func TestFindsTheOrder(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip(err)
	}
	const route = "version: 1\nroutes:\n  - {path: /other, method: GET, handler: h, name: other}\n  - {path: '/a/{x}', method: GET, handler: h, name: a"
	const (
		token   = route + "}\n"
		public  = route + ", public: true}\n"
		groups  = route + ", groups: [A]}\n"
		handler = route + "}\n  - {path: /a/other, method: GET, handler: k, name: o}\n"
		path    = "version: 1\nroutes:\n  - {path: /other, method: GET, handler: h, name: a}\n  - {path: '/a/{x}', method: GET, handler: h, name: other}\n"
	)
	script := script(t, "plan", "Find out what to apply first")
	for _, test := range []struct {
		name               string
		deployed, applying string
		routes, state      string
		want, stops        string
	}{
		{"first deployment", "", "", token, noState, "either", ""},
		{"nothing says what is deployed", "", "", token, someState, "", "Nothing says which manifest is deployed"},
		{"the first deployment failed", "", token, token, someState, "either", ""},
		{"the same", token, "", token, someState, "either", ""},
		{"only groups", token, "", groups, someState, "either", ""},
		{"looser", token, "", public, someState, "function", ""},
		{"tighter", public, "", token, someState, "gateway", ""},
		{"must be split", token, "", path, someState, "", "must be split"},
		{"not valid", "version: 2\n", "", token, someState, "", "cannot be compared"},
		{"the same again after it failed", token, public, public, someState, "function", ""},
		{"back after it failed", token, public, token, someState, "gateway", ""},
		{"on after it failed", public, token, groups, someState, "gateway", ""},
		{"on after it failed, and no order", token, groups, public, someState, "", "The last apply failed"},
		{"the bucket cannot be read", "broken", "", token, someState, "", "Cannot list s3://bucket/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir, bucket, temp := t.TempDir(), t.TempDir(), t.TempDir()
			write(t, filepath.Join(dir, "routes.yaml"), test.routes, 0o644)
			for name, text := range map[string]string{"routegate.deployed.yaml": test.deployed, "routegate.applying.yaml": test.applying} {
				if text != "" {
					write(t, filepath.Join(bucket, name), text, 0o644)
				}
			}
			if test.deployed == "broken" {
				write(t, filepath.Join(bucket, "broken"), "", 0o644)
			}
			if err := os.Symlink(routesCommand(t), filepath.Join(temp, "routes")); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+runnerPrograms(t, bucket)+string(os.PathListSeparator)+os.Getenv("PATH"), "BUCKET=bucket",
				"RUNNER_TEMP="+temp, "GITHUB_OUTPUT="+filepath.Join(dir, "output"), "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary"), "FAKE_STATE="+test.state)
			out, err := cmd.CombinedOutput()
			got, _ := os.ReadFile(filepath.Join(dir, "output"))
			switch {
			case test.stops != "":
				if err == nil || !strings.Contains(string(out), "::error::") || !strings.Contains(string(out), test.stops) || len(got) > 0 {
					t.Errorf("it does not stop with %q: %v, output %q\n%s", test.stops, err, got, out)
				}
			case err != nil || string(got) != "order="+test.want+"\n":
				t.Errorf("%v, output %q, want %q\n%s", err, got, test.want, out)
			}
		})
	}
}

// The workflow changes the part first that must be first, by saved plans, and notes
// which manifest is deployed.
func TestWorkflowApplies(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip(err)
	}
	first, apply := script(t, "plan", "Plan the part that goes first"), script(t, "apply", "Apply")
	const before, after = "a=GET /a b=GET /gone c=GET /other", "x=GET /a! c=GET /other d=GET /new"
	for _, test := range []struct {
		order string
		want  string // what is done, without begins and ends
	}{
		{"function", "update aws_lambda_function, create GET /new, delete GET /gone, update GET /a"},
		{"gateway", "create GET /new, delete GET /gone, update GET /a, update aws_lambda_function"},
	} {
		t.Run(test.order, func(t *testing.T) {
			t.Parallel()
			old, new := routesOf(t, before), routesOf(t, after)
			d := deploy(t, review.RootModule, old)
			// The layout of a repository around the module.
			top := t.TempDir()
			if err := os.MkdirAll(filepath.Join(top, "deploy"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(d.dir, filepath.Join(top, "deploy/terraform")); err != nil {
				t.Fatal(err)
			}
			d.release(new)
			bucket, temp := t.TempDir(), t.TempDir()
			write(t, filepath.Join(temp, "routegate.deployed.yaml"), manifestOf(before), 0o644)
			write(t, filepath.Join(top, "routes.yaml"), manifestOf(after), 0o644)
			env := append(d.env, "PATH="+runnerPrograms(t, bucket)+string(os.PathListSeparator)+os.Getenv("PATH"), "BUCKET=bucket", "AWS_REGION=r",
				"RUNNER_TEMP="+temp, "ORDER="+test.order, "TF_VAR_package=function.zip", "TF_VAR_jwt_issuer="+tokens["jwt_issuer"], "TF_VAR_jwt_audiences="+tokens["jwt_audiences"])
			runScript(t, top, first, env...)
			runScript(t, top, apply, env...)

			var parts []string
			for _, events := range d.parts(t) {
				slices.Sort(events)
				parts = append(parts, events...)
			}
			if got := strings.Join(parts, ", "); got != test.want {
				t.Errorf("it does %q, want %q", got, test.want)
			}
			deployed, err := os.ReadFile(filepath.Join(bucket, "routegate.deployed.yaml"))
			if err != nil || string(deployed) != manifestOf(after) {
				t.Errorf("deployed is %q, %v", deployed, err)
			}
			if _, err := os.Stat(filepath.Join(bucket, "routegate.applying.yaml")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an apply is still said to run: %v", err)
			}
		})
	}
}

// parts returns what was done since the last look, before the function, of the
// function, and after it.
func (d *deployment) parts(t *testing.T) (parts [3][]string) {
	t.Helper()
	at := 0
	for _, e := range d.events() {
		isFunction := e.Type == "aws_lambda_function"
		what := e.Action + " " + e.Type
		if !isFunction {
			what = e.Action + " " + cmp.Or(e.Key, e.Was)
		}
		switch {
		case e.Event == "begin" && isFunction:
			at = 1
		case e.Event == "end":
			parts[at] = append(parts[at], what)
			if isFunction {
				at = 2
			}
		}
	}
	return parts
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
