// Command mutants changes the access path, one place at a time, and sees whether a
// test fails:
//
//	go run ./.ci/mutants                   all of it; the better part of an hour
//	go run ./.ci/mutants framework/apigw   one package
//
// A mutant has another comparison or another bound, + for -, && for ||, true for
// false, or lacks a "!". One that survives the package's tests has a line in
// survivors.txt, which says why no test can kill it, or why none should: package,
// function, change, the line of code, and the reason, between tabs. A survivor
// without a reason is printed in that form, a reason without a survivor as it
// stands there, and the exit code is 1.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// A target is a package, and those of its files that decide who may call.
type target struct {
	dir   string
	files []string // nil for all
	slow  string   // the tests that are tried last; "" for none
}

var targets = []target{
	{dir: "framework/internal/rawjson"},
	{dir: "framework/apigw"},
	{dir: "framework/route", slow: "^(TestDifferences|TestManyOfEverything|TestPackagedAsGo|TestMixesGrow|TestAnswers.*|TestIndexAgainstRouters|TestCandidates)$"},
	{dir: "framework", files: []string{"claims.go", "context.go", "deadline.go", "serve.go"},
		slow: "^(TestHugeAnswers|TestManyOfEverything|TestSecretsOf.*|TestDeepEvents)$"},
	{dir: "cmd/internal/drift", files: []string{
		"compare.go", "compare_authorizer.go", "compare_door.go", "compare_gate.go", "compare_outcome.go", "finding.go", "known.go",
		"aws.go", "awscli.go", "function.go", "live.go", "live_doors.go", "policy.go", "policy_json.go", "readjson.go",
		"terraform.go", "terraform_address.go", "terraform_api.go", "terraform_doors.go", "terraform_function.go", "terraform_refs.go", "terraform_routes.go",
	}, slow: "^(TestCompareIsBruteForce|TestCompareManyRoutes|TestReadLiveFromMoto|TestTerraformOfAnotherProject)$"},
}

// A mutant is the text of a file with one change.
type mutant struct {
	key  string // how survivors.txt names it
	file string
	text []byte
}

func main() {
	wrong, err := run(os.Args[1:])
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d survivors without a reason, or reasons without a survivor", wrong)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run returns how many survivors have no reason, and how many reasons no survivor.
func run(dirs []string) (wrong int, err error) {
	reasons, err := readReasons()
	if err != nil {
		return 0, err
	}
	for _, t := range targets {
		if len(dirs) > 0 && !slices.Contains(dirs, t.dir) {
			continue
		}
		mutants, err := t.mutants()
		if err != nil {
			return 0, err
		}
		killed, lived, explained := t.try(mutants, reasons)
		fmt.Printf("%s: %d of %d killed, %d of the others explained\n", t.dir, killed, killed+lived, explained)
		wrong += lived - explained
		for key, reason := range reasons {
			if strings.HasPrefix(key, t.dir+"\t") {
				fmt.Printf("no survivor: %s\t%s\n", key, reason)
				wrong++
			}
		}
	}
	return wrong, nil
}

func readReasons() (map[string]string, error) {
	text, err := os.ReadFile(".ci/mutants/survivors.txt")
	if err != nil {
		return nil, err
	}
	reasons := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if i := strings.LastIndexByte(line, '\t'); i >= 0 {
			reasons[line[:i]] = strings.TrimSpace(line[i+1:])
		}
	}
	return reasons, nil
}

// try returns how many mutants the tests find out, how many they do not, and how
// many of these have a reason, which it removes. It prints those that have none as
// they turn up. Mutants that do not build are not counted.
func (t target) try(mutants []mutant, reasons map[string]string) (killed, lived, explained int) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	queue := make(chan mutant)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for m := range queue {
				builds, survives := t.survives(m)
				mu.Lock()
				switch {
				case !builds:
				case !survives:
					killed++
				case reasons[m.key] != "":
					lived++
					explained++
					delete(reasons, m.key)
				default:
					lived++
					fmt.Printf("%s\t\n", m.key)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		queue <- m
	}
	close(queue)
	workers.Wait()
	return killed, lived, explained
}

func (t target) survives(m mutant) (builds, survives bool) {
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	path, _ := filepath.Abs(m.file)
	list, _ := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	for name, data := range map[string][]byte{changed: m.text, overlay: list} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			panic(err)
		}
	}
	test := func(args ...string) (output string, passed bool) {
		// A mutant that never ends is found out, too.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-overlay", overlay, "-vet=off", "-ldflags=-s -w", "-failfast", "-timeout", "2m"}, args...)...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			panic(err)
		}
		return out.String(), err == nil
	}
	out, passed := test("-skip", t.slow, "./"+t.dir)
	if passed && t.slow != "" {
		out, passed = test("-run", t.slow, "./"+t.dir)
	}
	return !strings.Contains(out, "[build failed]"), passed
}

// mutants makes every change of the target's files.
func (t target) mutants() ([]mutant, error) {
	names, err := filepath.Glob(filepath.Join(t.dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []mutant
	times := make(map[string]int) // how often there was a change, by its key
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || t.files != nil && !slices.Contains(t.files, filepath.Base(name)) {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, src, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		lines := strings.Split(string(src), "\n")
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				for change, apply := range changes(n) {
					undo := apply()
					var text bytes.Buffer
					err := format.Node(&text, fset, file)
					undo()
					if err != nil {
						continue // the "|" of a constraint is none that can be changed
					}
					line := strings.TrimSpace(lines[fset.Position(n.Pos()).Line-1])
					key := func(change string) string {
						return strings.Join([]string{t.dir, f.Name.Name, change, line}, "\t")
					}
					times[key(change)]++
					if n := times[key(change)]; n > 1 {
						change = fmt.Sprintf("%s (%d)", change, n)
					}
					all = append(all, mutant{key: key(change), file: name, text: text.Bytes()})
				}
				return true
			})
		}
	}
	slices.SortFunc(all, func(a, b mutant) int { return strings.Compare(a.key, b.key) })
	return all, nil
}

// other has what an operator is changed to.
var other = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
	token.LAND: {token.LOR}, token.LOR: {token.LAND}, token.AND: {token.OR}, token.OR: {token.AND},
	token.SHL: {token.SHR}, token.SHR: {token.SHL}, token.INC: {token.DEC}, token.DEC: {token.INC},
	token.BREAK: {token.CONTINUE}, token.CONTINUE: {token.BREAK},
}

// changes returns what can be changed at a node: by a description, what makes the
// change and returns what takes it back.
func changes(n ast.Node) map[string]func() (undo func()) {
	all := make(map[string]func() func())
	operator := func(op *token.Token) {
		for _, to := range other[*op] {
			from := *op
			all[from.String()+" to "+to.String()] = func() func() {
				*op = to
				return func() { *op = from }
			}
		}
	}
	switch n := n.(type) {
	case *ast.BinaryExpr:
		operator(&n.Op)
	case *ast.IncDecStmt:
		operator(&n.Tok)
	case *ast.BranchStmt:
		operator(&n.Tok)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			x := n.X
			all["! to !!"] = func() func() {
				n.X = &ast.UnaryExpr{Op: token.NOT, X: x}
				return func() { n.X = x }
			}
		}
	case *ast.Ident:
		if to, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
			from := n.Name
			all[from+" to "+to] = func() func() {
				n.Name = to
				return func() { n.Name = from }
			}
		}
	}
	return all
}
