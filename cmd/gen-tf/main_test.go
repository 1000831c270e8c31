package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/route"
)

var update = flag.Bool("update", false, "write the expected output in testdata/script anew")

func TestMain(m *testing.M) {
	testscript.Main(m, programs)
}

// programs are what this test binary is under another name.
var programs = map[string]func(){"gen-tf": genTF}

func genTF() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command and checks its exit code, which "! exec" does not:
//
//	exits 3 gen-tf -manifest missing.yaml
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code is %d, want %d", got, want)
	}
}

// A flag that the help forgets does not exist for its readers.
func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := run([]string{"-help"}, nil, &stdout, &stderr); code != exitFine || stderr.Len() > 0 {
		t.Errorf("exit code is %d, standard error is %q", code, &stderr)
	}
	for _, name := range []string{"-manifest", "-module", "-format", "-o", "-check"} {
		if !bytes.Contains(stdout.Bytes(), []byte("\n  "+name+" ")) {
			t.Errorf("the help does not explain %s:\n%s", name, &stdout)
		}
	}
}

// What cannot be printed was not done.
func TestStdoutFails(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(name, routegate.Manifest, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-h"},
		{"-manifest", name, "-o", "-"},
		{"-manifest", name, "-o", filepath.Join(t.TempDir(), "missing"), "-check"},
	} {
		var stderr bytes.Buffer
		if code := run(args, nil, fullDisk{}, &stderr); code != exitError {
			t.Errorf("run(%q) = %d, want %d\n%s", args, code, exitError, &stderr)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestShippedFile checks what the repository ships.
func TestShippedFile(t *testing.T) {
	t.Parallel()
	table, report := route.Load("routes.yaml", routegate.Manifest, nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "deploy", "terraform", "routes_definitions.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(gen.Terraform(table, gen.Obytes, gen.TF, "routes.yaml")), string(got)); d != "" {
		t.Errorf("deploy/terraform/routes_definitions.tf is stale; run: go run ./cmd/gen-tf\n(-want +got):\n%s", d)
	}
}
