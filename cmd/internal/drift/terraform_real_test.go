package drift_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// withTofu is a program that the repository does not need: OpenTofu only made the
// files under testdata/terraform/opentofu.
var withTofu = flag.String("tofu", "", "the OpenTofu program, to make its files anew with -update")

// madeBy is the version of Terraform that made the fixtures. Another version may write
// a plan in another way.
const madeBy = "1.11"

// The committed plans and states are what Terraform prints of the configurations
// beside them, with the provider of deploy/testdata, which takes what the real one takes.
// With -update they are written anew.
func TestFixturesAreOfTerraform(t *testing.T) {
	if os.Getenv("CI") == "" && !*update {
		t.Skip("takes a minute: set CI, or give -update")
	}
	program, err := exec.LookPath("terraform")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must run this test, and there is no terraform in PATH")
		}
		t.Skip("there is no terraform in PATH: the committed plans were not made anew")
	}
	version, err := exec.Command(program, "version", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(version, []byte(`"terraform_version": "`+madeBy)) {
		t.Skipf("the committed plans are of Terraform %s, and this is another version: %s", madeBy, version)
	}
	provider := buildProvider(t)
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			program := program
			if f.name == "opentofu" {
				if *withTofu == "" {
					t.Skip("there is no OpenTofu to make the files anew: give -tofu")
				}
				program = *withTofu
			}
			makeFixture(t, &f, program, provider)
		})
	}
}

// makeFixture makes the files of a fixture, in this order:
//
//	plan    the plan of main.tf, after applied.tf was applied, if there is one
//	target  the same, made with -target of one route
//	state   after the plan was applied
//	replan  the plan of main.tf when there is nothing to do
//	forget  the plan of forget.tf in the place of main.tf
func makeFixture(t *testing.T, f *fixture, program, provider string) {
	tf := &terraform{t: t, program: program, dir: t.TempDir()}
	if err := os.CopyFS(tf.dir, os.DirFS(f.path("."))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"applied.tf", "forget.tf"} {
		tf.rename(name, name+".later")
	}
	rc := filepath.Join(t.TempDir(), "terraform.rc")
	if err := os.WriteFile(rc, []byte("provider_installation {\n  dev_overrides {\n    \"hashicorp/aws\" = \""+filepath.ToSlash(provider)+"\"\n  }\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tf.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(),
		"TF_CLI_CONFIG_FILE=" + rc, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "ROUTEGATE_PROVIDER_ARNS=1",
	}
	tf.run("get")
	if tf.rename("applied.tf.later", "applied.tf") {
		tf.rename("main.tf", "main.tf.later")
		tf.run("apply", "-input=false", "-no-color", "-auto-approve")
		tf.rename("applied.tf", "applied.tf.later")
		tf.rename("main.tf.later", "main.tf")
	}
	has := func(file string) bool { return slices.Contains(f.files, file) }
	plan := func(file string, args ...string) {
		tf.run(append([]string{"plan", "-input=false", "-no-color", "-out=saved"}, args...)...)
		if has(file) {
			f.compare(t, file, tf.run("show", "-json", "saved"))
		}
	}
	if has("target") {
		plan("target", `-target=aws_apigatewayv2_route.this["me"]`)
	}
	plan("plan")
	if !has("state") {
		return
	}
	tf.run("apply", "-input=false", "-no-color", "saved")
	f.compare(t, "state", tf.run("show", "-json"))
	if has("replan") {
		plan("replan")
	}
	if has("forget") {
		tf.rename("main.tf", "main.tf.later")
		tf.rename("forget.tf.later", "forget.tf")
		plan("forget")
	}
}

// timestamp matches when a plan was made.
var timestamp = regexp.MustCompile(`"timestamp":"[^"]*"`)

// compare compares what Terraform prints with the committed file.
func (f *fixture) compare(t *testing.T, file string, printed []byte) {
	t.Helper()
	printed = timestamp.ReplaceAll(printed, []byte(`"timestamp":"2026-01-01T00:00:00Z"`))
	var got bytes.Buffer
	if err := json.Indent(&got, printed, "", " "); err != nil {
		t.Fatal(err)
	}
	name := f.path(file + ".json")
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	wantRead, gotRead := dump(f.read(file, want)), dump(f.read(file, printed))
	if diff := cmp.Diff(wantRead, gotRead); diff != "" {
		t.Errorf("%s is not what Terraform prints; run with -update (-want +got):\n%s", name, diff)
	}
}

// A terraform runs Terraform in a directory, without the settings of the person who
// runs the test.
type terraform struct {
	t       *testing.T
	program string
	dir     string
	env     []string
}

func (tf *terraform) run(args ...string) []byte {
	tf.t.Helper()
	ctx, cancel := context.WithTimeout(tf.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, tf.program, args...)
	cmd.Dir, cmd.Env = tf.dir, tf.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tf.t.Fatalf("%s %q: %v\n%s%s", tf.program, args, err, out, stderr.String())
	}
	return out
}

// rename renames a file and reports whether it was there.
func (tf *terraform) rename(old, name string) bool {
	tf.t.Helper()
	err := os.Rename(filepath.Join(tf.dir, old), filepath.Join(tf.dir, name))
	if err != nil && !os.IsNotExist(err) {
		tf.t.Fatal(err)
	}
	return err == nil
}

// buildProvider builds the provider and returns its directory. Without its modules the
// test is skipped, but not in CI.
func buildProvider(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "terraform-provider-aws"), ".")
	cmd.Dir = "../../../deploy/testdata/provider"
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Skipf("cannot build the provider: %v\n%s", err, out)
	}
	return dir
}
