//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/schema"
)

// A block is a fenced block of the README and the paragraph before it.
type block struct {
	language, text, before string
}

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

func readme(t *testing.T) (string, []block) {
	t.Helper()
	text := ""
	for _, name := range []string{"../../README.md", "../../deploy/README.md"} { // one after the other
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text += string(data)
	}
	var blocks []block
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		before := strings.TrimSpace(text[:m[0]])
		before = before[strings.LastIndex(before, "\n\n")+1:]
		blocks = append(blocks, block{text[m[2]:m[3]], text[m[4]:m[5]], before})
	}
	if len(blocks) < 10 {
		t.Fatalf("README.md has %d blocks: is it read right?", len(blocks))
	}
	return text, blocks
}

// TestReadme does what the README says, from top to bottom, in a copy of this
// repository, and compares what is printed.
//
// The README shows the routes as they are shipped. Where routes.yaml has become
// somebody's own it cannot be followed to the letter any more, so the test is
// skipped then, unless ROUTEGATE_README says that it must hold, as in our CI.
func TestReadme(t *testing.T) {
	t.Parallel()
	_, blocks := readme(t)
	dir := t.TempDir()
	copyRepository(t, dir)
	hasGit := commitAll(t, dir)
	local := &localServer{}
	goFile := regexp.MustCompile("`([\\w/]+\\.go)`")
	for _, b := range blocks {
		switch b.language {
		case "console":
			for _, c := range commands(b.text) {
				var got string
				switch {
				case c.command == testCommand:
					continue // it is what runs this test
				case c.command == localCommand:
					got = local.start(t, dir, localCommand)
				case strings.HasPrefix(c.command, "curl ") && !hasCurl(t), strings.Contains(c.command, " diff HEAD") && !hasGit:
					continue
				default:
					got = shell(dir, local.translate(c.command))
				}
				if got != "" && !strings.HasSuffix(got, "\n") {
					got += "\n" // where a terminal would put its prompt
				}
				want := local.translate(c.output)
				if diff := cmp.Diff(want, got); diff != "" && !like(want).MatchString(got) {
					if c.command == localCommand && os.Getenv("ROUTEGATE_README") == "" {
						t.Skip("routes.yaml is not the one that README.md shows")
					}
					t.Fatalf("$ %s\n(-README.md +printed):\n%s", c.command, diff)
				}
			}
		case "diff":
			applyDiff(t, dir, b.text)
		case "go":
			name := goFile.FindStringSubmatch(b.before)
			if name == nil {
				t.Fatalf("the paragraph names no file for\n%s", b.text)
			}
			if err := os.WriteFile(filepath.Join(dir, name[1]), []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
		case "hcl", "yaml":
			name := map[string]string{"hcl": "deploy/terraform/routes_definitions.tf", "yaml": "routes.yaml"}[b.language]
			written, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || !strings.Contains(string(written), b.text) {
				t.Fatalf("%v: it holds\n%s\nwithout\n%s", err, written, b.text)
			}
		default:
			t.Fatalf("no way to check a block of %q", b.language)
		}
	}
	// Who did all that has a service that still builds and whose tests pass, of which
	// these look at the routes.
	for _, command := range []string{
		"gofmt -l handlers && go vet ./handlers ./cmd/lambda", "go test ./handlers ./cmd/gen-tf >log 2>&1 || cat log",
		"go test -run 'Shipped|TestDoesNotStart|TestDocs$' ./cmd/server ./cmd/local >log 2>&1 || cat log",
	} {
		if got := shell(dir, command); got != "" {
			t.Errorf("$ %s\n%s", command, got)
		}
	}
}

// like matches what was printed where the README has an ellipsis for a part of a
// line that is another every time.
func like(shown string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(shown), "…", ".+") + "$")
}

// commitAll makes a repository of the copy, as a reader has one. It returns false
// where there is no git.
func commitAll(t *testing.T, dir string) bool {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		return false
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "-A"},
		{"-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "as cloned"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		// Nothing of the repository that the test runs in.
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	return true
}

// applyDiff applies a unified diff of one file. Where each hunk goes is found by
// its text, which must be there once; its line numbers must be right as well.
func applyDiff(t *testing.T, dir, diff string) {
	t.Helper()
	hunks := regexp.MustCompile(`(?m)^@@ -(\d+),(\d+) \+\d+,(\d+) @@\n`).Split(diff, -1)
	heads := regexp.MustCompile(`(?m)^@@ -(\d+),(\d+) \+\d+,(\d+) @@$`).FindAllStringSubmatch(diff, -1)
	_, name, ok := strings.Cut(strings.TrimSpace(hunks[0]), "+++ b/")
	if !ok || len(hunks) != len(heads)+1 || len(heads) == 0 {
		t.Fatalf("not a diff of one file:\n%s", diff)
	}
	name = filepath.Join(dir, filepath.FromSlash(name))
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i, hunk := range hunks[1:] {
		var before, after strings.Builder
		for line := range strings.Lines(hunk) {
			if line[0] != '+' {
				before.WriteString(line[1:])
			}
			if line[0] != '-' {
				after.WriteString(line[1:])
			}
		}
		if strings.Count(text, before.String()) != 1 {
			t.Fatalf("%s does not have once what this changes:\n%s", name, hunk)
		}
		at := strings.Count(text[:strings.Index(text, before.String())], "\n") + 1
		got := []string{strconv.Itoa(at), strconv.Itoa(strings.Count(before.String(), "\n")), strconv.Itoa(strings.Count(after.String(), "\n"))}
		if diff := cmp.Diff(heads[i][1:], got); diff != "" {
			t.Fatalf("start and lengths of a hunk (-README.md +right):\n%s%s", diff, hunk)
		}
		text = strings.Replace(text, before.String(), after.String(), 1)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// localCommand is how the README says to run the service. It goes on while the
// rest of the README is followed.
const localCommand = "go run ./cmd/local"

// A localServer is the running localCommand, on another port than the README
// says, which may be taken.
type localServer struct{ address string }

// translate puts the real address in the place of the README's.
func (l *localServer) translate(text string) string {
	if l.address == "" {
		return text
	}
	text = strings.ReplaceAll(text, "127.0.0.1:8080", l.address)
	return strings.ReplaceAll(text, "./cmd/local token", "./cmd/local token -addr "+l.address)
}

// start returns what the command prints until it is ready.
func (l *localServer) start(t *testing.T, dir, command string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.address = listener.Addr().String()
	listener.Close()
	words := strings.Fields(command)
	cmd := exec.Command(words[0], append(words[1:], "-addr", l.address)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AWS_API_GW_STAGE_NAME=", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME=", "JWT_ISSUER=", "JWT_AUTHORIZED_AUDIENCES=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run has a child
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait() // its exit code is the signal's
	})
	var printed strings.Builder
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		printed.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "curl ") {
			go io.Copy(io.Discard, stdout)
			break
		}
	}
	return printed.String()
}

// hasCurl reports whether there is a curl; in our CI there must be.
func hasCurl(t *testing.T) bool {
	_, err := exec.LookPath("curl")
	if err != nil && os.Getenv("ROUTEGATE_README") != "" {
		t.Fatal(err)
	}
	return err == nil
}

// testCommand is how the README says to run the tests.
const testCommand = "go test ./..."

type shown struct{ command, output string }

func commands(text string) []shown {
	var list []shown
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			list = append(list, shown{command: strings.TrimSpace(command)})
		} else if len(list) > 0 {
			list[len(list)-1].output += line
		}
	}
	return list
}

func shell(dir, command string) string {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AWS_API_GW_STAGE_NAME=", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME=", "JWT_ISSUER=", "JWT_AUTHORIZED_AUDIENCES=", "JWT_ISSUER_JWKS_URI=")
	out, _ := cmd.CombinedOutput() // go run prints the exit code
	return string(out)
}

func copyRepository(t *testing.T, dir string) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git": // a file in a work tree, which leads back to the real one
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The README's tables are complete.
func TestReadmeTables(t *testing.T) {
	t.Parallel()
	text, _ := readme(t)
	column := func(heading string) []string {
		t.Helper()
		_, table, ok := strings.Cut(text, heading)
		if !ok {
			t.Fatalf("README.md has no table %q", heading)
		}
		var cells []string
		for line := range strings.Lines(table) {
			if !strings.HasPrefix(line, "| `") {
				if len(cells) > 0 {
					break
				}
				continue
			}
			cells = append(cells, strings.Split(line, "`")[1])
		}
		slices.Sort(cells)
		return cells
	}

	var s struct {
		Defs struct {
			Route struct{ Properties map[string]any }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schema.Routes, &s); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for key := range s.Defs.Route.Properties {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if diff := cmp.Diff(keys, column("| key of a route |")); diff != "" {
		t.Errorf("keys of a route (-schema +README.md):\n%s", diff)
	}

	codes := []string{
		string(route.DotSegment), string(route.NoRoute), string(route.RouteMismatch), string(route.NoPrincipal), string(route.TokenMismatch),
		string(route.WrongAuth), string(route.MissingScope), string(route.MissingGroup),
	}
	slices.Sort(codes)
	if diff := cmp.Diff(codes, column("| code |")); diff != "" {
		t.Errorf("codes (-package route +README.md):\n%s", diff)
	}
	for _, line := range strings.Split(text, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !slices.Contains(codes, strings.Trim(cells[1], " `")) {
			continue
		}
		code := route.Reason(strings.Trim(cells[1], " `"))
		if got := strings.TrimSpace(cells[2]); got != statusText(code) {
			t.Errorf("README.md says that %s is %s, it is %s", code, got, statusText(code))
		}
	}

	source, err := os.ReadFile("../../framework/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	var metrics []string
	for _, m := range regexp.MustCompile(`"Name":"(\w+)","Unit":"(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		metrics = append(metrics, m[1])
		if !strings.Contains(text, "| `"+m[1]+"` | "+m[2]+" |") {
			t.Errorf("README.md does not say that %s is in %s", m[1], m[2])
		}
	}
	slices.Sort(metrics)
	if diff := cmp.Diff(metrics, column("| metric |")); diff != "" {
		t.Errorf("metrics (-source +README.md):\n%s", diff)
	}

	var read []string
	for _, name := range []string{"../../framework/options.go", "../../framework/oauth/config.go", "../local/main.go", "../server/main.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range regexp.MustCompile(`"((?:AWS|AUTH|JWT|ROUTEGATE|CORS)_[A-Z_]+|PORT)"`).FindAllStringSubmatch(string(source), -1) {
			if !slices.Contains(read, v[1]) {
				read = append(read, v[1])
			}
		}
	}
	slices.Sort(read)
	if diff := cmp.Diff(read, column("| variable |")); diff != "" {
		t.Errorf("variables (-sources +README.md):\n%s", diff)
	}
}

func statusText(r route.Reason) string {
	return strconv.Itoa(r.Status())
}
