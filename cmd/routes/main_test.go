package main

import (
	"errors"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, programs)
}

// programs are what this test binary is under another name.
var programs = map[string]func(){
	"routes": routes,
	"routes-without-sigpipe": func() {
		signal.Ignore(syscall.SIGPIPE)
		routes()
	},
}

func routes() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// The race detector waits for a second at every exit otherwise.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			// Plans and states that Terraform made.
			plans, err := filepath.Abs("../internal/drift/testdata/terraform")
			env.Setenv("PLANS", plans)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command and checks its exit code: exits 1 routes check.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG ...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		code = string(rune('0' + exit.ExitCode()))
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}
