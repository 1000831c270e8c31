package main

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/routegate/routegate/framework/source"
	"github.com/routegate/routegate/framework/source/sourcetest"
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
			// Plans and states that Terraform made.
			plans, err := filepath.Abs("../internal/drift/testdata/terraform")
			env.Setenv("PLANS", plans)
			return errors.Join(err, setup(env))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// ownHandlers are the handlers of a manifest that a test writes without a module. It
// stands for a copy of this repository.
const ownHandlers = `package handlers

import "net/http"

func All() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"auth_token": nil, "docs": nil, "health_check": nil, "openapi_json": nil, "site_map": nil, "whoami": nil,
	}
}
`

// writeOwn writes the module and the handlers of a copy of this repository to dir.
func writeOwn(dir string) error {
	handlers := filepath.Join(dir, "handlers")
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+source.ModulePath+"\n\ngo 1.26.0\n"), 0o644),
		os.Mkdir(handlers, 0o755),
		os.WriteFile(filepath.Join(handlers, "handlers.go"), []byte(ownHandlers), 0o644),
	)
}

// setup makes a script's files a service that the go command can compile.
func setup(env *testscript.Env) error {
	settings, err := sourcetest.GoEnv()
	if err != nil {
		return err
	}
	for name, value := range settings {
		env.Setenv(name, value)
	}
	if _, err := os.Stat(filepath.Join(env.WorkDir, "go.mod")); errors.Is(err, fs.ErrNotExist) {
		if err := writeOwn(env.WorkDir); err != nil {
			return err
		}
	}
	return sourcetest.Require(env.WorkDir)
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
