//go:build unix

package gateway

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestProcessOutput(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct{ name, in, want, tail string }{
		{"nothing", "", "", ""},
		{"a line", "a\n", "a\n", "a"},
		{"no line end", "a\nb", "a\nb\n", "a\nb"},
		{"empty lines", "\n\na\n\n", "\n\na\n\n", "\n\na"},
		{"too long", long + "yz\n", long + "\nyz\n", "yz"},
		{"many lines", strings.Repeat("0123456789\n", 1000), strings.Repeat("0123456789\n", 1000), strings.Repeat("0123456789\n", maxTail/11-1) + "0123456789"},
		{"no text", "\xff\x00\n", "\xff\x00\n", "\xff\x00"},
	} {
		for how, in := range map[string]io.Reader{
			"at once":     strings.NewReader(c.in),
			"by the byte": iotest.OneByteReader(strings.NewReader(c.in)),
		} {
			var log bytes.Buffer
			var last tail
			copyLines(in, &lockedWriter{w: &log}, &last)
			if got := log.String(); got != c.want {
				t.Errorf("%s, %s: got %.100q, want %.100q", c.name, how, got, c.want)
			}
			if got := last.String(); got != c.tail {
				t.Errorf("%s, %s: tail is %q, want %q", c.name, how, got, c.tail)
			}
		}
	}
}

// Not parallel: it sets variables.
func TestProcessEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID":          "developer",
		"AWS_REGION":                 "",
		"AWS_DEFAULT_REGION":         "eu-west-1",
		"AWS_LAMBDA_MAX_CONCURRENCY": "8",
		"AWS_LAMBDA_FUNCTION_NAME":   "outer",
		"AWS_EXECUTION_ENV":          "CloudShell",
		"_LAMBDA_SERVER_PORT":        "9001",
		"_X_AMZN_TRACE_ID":           "Root=1-0-0",
		"TZ":                         "Europe/Berlin",
		"TABLE":                      "outer",
	} {
		t.Setenv(name, value)
	}
	r, err := NewRuntime(RuntimeOptions{Env: []string{"TABLE=users", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_LAMBDA_RUNTIME_API=elsewhere"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	env := r.environment("/task", "127.0.0.1:1234", "stream")
	for name, want := range map[string]string{
		"AWS_ACCESS_KEY_ID":               "developer",
		"AWS_REGION":                      "eu-west-1",
		"AWS_DEFAULT_REGION":              "eu-west-1",
		"AWS_LAMBDA_MAX_CONCURRENCY":      "",
		"AWS_LAMBDA_FUNCTION_NAME":        "routegate",
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/routegate",
		"AWS_LAMBDA_LOG_STREAM_NAME":      "stream",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_RUNTIME_API":          "127.0.0.1:1234",
		"AWS_EXECUTION_ENV":               "",
		"LAMBDA_TASK_ROOT":                "/task",
		"_HANDLER":                        "bootstrap",
		"_LAMBDA_SERVER_PORT":             "",
		"_X_AMZN_TRACE_ID":                "",
		"TZ":                              ":UTC",
		"TABLE":                           "users",
		"PATH":                            os.Getenv("PATH"),
	} {
		if got := variable(env, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "AWS_EXECUTION_ENV=") }) {
		t.Error("AWS_EXECUTION_ENV is set")
	}
}

func TestProcessProgramIsACopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	original := writeBootstrap(t, "exit 0")
	p, err := newProgram(dir, original)
	if err != nil {
		t.Fatal(err)
	}
	if p.root != filepath.Dir(original) || p.workingDir() != p.root {
		t.Errorf("working directory is %s, want the original's", p.workingDir())
	}
	info, err := os.Stat(p.path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("copy is %v, %v", info, err)
	}
	if err := os.RemoveAll(p.root); err != nil {
		t.Fatal(err)
	}
	if p.workingDir() != p.dir {
		t.Errorf("working directory is %s, want the copy's", p.workingDir())
	}
	if _, err := newProgram(dir, original); err == nil {
		t.Error("a file that is not there was copied")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d directories, want that of the first", len(left))
	}
}
