package gen

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestShellQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"deploy/a_b-c.tf": "deploy/a_b-c.tf",
		"":                "''",
		"my routes.yaml":  "'my routes.yaml'",
		"it's":            `'it'\''s'`,
		"$HOME":           "'$HOME'",
		"a\nb":            "'a\nb'",
		"*":               "'*'",
		"größe":           "'größe'",
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", in, got, want)
		}
	}
}

// Check tells fresh from stale and missing, and leaves the file alone.
func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fresh, stale, missing := filepath.Join(dir, "fresh"), filepath.Join(dir, "stale file"), filepath.Join(dir, "missing")
	for name, data := range map[string]string{fresh: "new\n", stale: "old\n"} {
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name             string
		fresh            bool
		inDiff, onStderr string
	}{
		{fresh, true, "", "up to date: " + fresh + "\n"},
		{stale, false, "\n-old\n+new\n", "stale: " + stale + "; run: make '" + stale + "'\n"},
		{missing, false, "", "missing: " + missing + "; run: make " + missing + "\n"},
	} {
		var stdout, stderr strings.Builder
		got, err := Check(test.name, []byte("new\n"), []string{"make", test.name}, &stdout, &stderr)
		if err != nil || got != test.fresh || stderr.String() != test.onStderr {
			t.Errorf("Check(%q) = %v, %v; standard error %q, want %q", test.name, got, err, stderr.String(), test.onStderr)
		}
		if !strings.HasSuffix(stdout.String(), test.inDiff) || (test.inDiff == "") != (stdout.Len() == 0) {
			t.Errorf("Check(%q) prints %q", test.name, stdout.String())
		}
	}
	if data, err := os.ReadFile(stale); err != nil || string(data) != "old\n" {
		t.Errorf("the stale file holds %q, %v", data, err)
	}
	if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the missing file: %v", err)
	}
	if got, err := Check(dir, nil, nil, io.Discard, io.Discard); got || err == nil {
		t.Errorf("a directory: %v, %v", got, err)
	}
}

func TestSameFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, link := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "link")
	for _, name := range []string{a, b} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(a, link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		other string
		want  bool
	}{{a, true}, {link, true}, {dir + "/./a", true}, {b, false}, {dir + "/none", false}} {
		if got := SameFile(a, test.other); got != test.want || got != SameFile(test.other, a) {
			t.Errorf("SameFile(%q, %q) = %v", a, test.other, got)
		}
	}
}
