package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/source"
)

// Where not all can be written, what was written is said.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	var stdout, stderr strings.Builder
	c := &call{stdout: &stdout, stderr: &stderr}
	err := c.write([]source.File{{Name: at("a"), Adds: "one"}, {Name: at("b"), Adds: "two"}, {Name: at("none/c"), Adds: "three"}, {Name: at("d")}})
	want := `cannot write "` + at("none/c") + `": there is no directory "` + at("none") + `"; written before that: ` + at("a") + ", " + at("b")
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if got, want := stdout.String(), "wrote "+at("a")+": one\nwrote "+at("b")+": two\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	// What cannot be said is done all the same: a handler's file without its entry
	// in All would be a riddle.
	c.stdout = &limitedWriter{}
	if err := c.write([]source.File{{Name: at("e"), Adds: "five"}, {Name: at("f"), Adds: "six"}}); err == nil {
		t.Error("no error although nothing could be said")
	}
	for _, name := range []string{"e", "f"} {
		if _, err := os.Stat(at(name)); err != nil {
			t.Error(err)
		}
	}
	if err := c.write([]source.File{{Name: at("none/c")}}); err == nil || strings.Contains(err.Error(), "written before") {
		t.Errorf("error %v", err)
	}
}
