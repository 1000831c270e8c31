package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// SECURITY.md names tests for what it says, and they are there; so are the files and
// the headings that it refers to. The README leads to it.
func TestSecurity(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	_, table, _ := strings.Cut(text, "\n## What holds it\n")
	word := regexp.MustCompile("`([^`]+)`")
	tests := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || strings.TrimSpace(cells[2]) == "test" || strings.Contains(cells[2], "---") {
			continue
		}
		dir, inRow := "", 0
		for _, m := range word.FindAllStringSubmatch(cells[2], -1) {
			if !strings.HasPrefix(m[1], "Test") {
				dir = m[1]
				continue
			}
			inRow++
			if !hasTest(t, filepath.Join("..", dir), m[1]) {
				t.Errorf("%s has no %s, which is to hold that%s", dir, m[1], cells[1])
			}
		}
		if inRow == 0 {
			t.Errorf("no test is to hold that%s", cells[1])
		}
		tests += inRow
	}
	if tests < 30 {
		t.Errorf("%d tests: is the table read right?", tests)
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		switch {
		case strings.HasPrefix(m[1], "https://"):
		case strings.HasPrefix(m[1], "#"):
			if !strings.Contains(strings.ToLower(text), "\n## "+strings.ReplaceAll(m[1][1:], "-", " ")+"\n") {
				t.Errorf("there is no heading %s", m[1])
			}
		default:
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Error(err)
			}
		}
	}
	if readme, err := os.ReadFile("../README.md"); err != nil || !strings.Contains(string(readme), "(SECURITY.md)") {
		t.Errorf("the README does not lead to SECURITY.md: %v", err)
	}
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "\nfunc "+name+"(t *testing.T) {") {
			return true
		}
	}
	return false
}
