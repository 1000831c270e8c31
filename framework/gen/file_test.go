package gen

import (
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "out.tf")

	mustWrite(t, name, "one\n", true)
	if runtime.GOOS != "windows" {
		if got := stat(t, name).Mode(); got != 0o644 {
			t.Errorf("mode of a new file is %v, want 0644", got)
		}
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	// The same content is not written again.
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(name, long, long); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, name, "one\n", false)
	if got := stat(t, name).ModTime(); !got.Equal(long) {
		t.Errorf("time is %v, want %v", got, long)
	}

	mustWrite(t, name, "two\n", true)
	if got := stat(t, name).Mode(); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("mode is %v, want that of the old file, 0600", got)
	}
	checkOnly(t, filepath.Dir(name), "out.tf")
}

func TestWriteFileThroughLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("one\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Skip(err)
	}
	mustWrite(t, link, "two\n", true)
	if stat(t, link).Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if got := read(t, target); got != "two\n" {
		t.Errorf("the target holds %q", got)
	}

	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteFile(link, []byte("three\n")); err == nil {
		t.Error("WriteFile replaced a link to nothing")
	}
	checkOnly(t, dir, "link")
}

// Nothing here depends on permissions, which do not hold for root.
func TestWriteFileFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, want string }{
		{"missing/out.tf", "there is no directory"},
		{"file/out.tf", "not a directory"},
		{".", "is not a regular file"},
	}
	for _, test := range tests {
		written, err := WriteFile(filepath.Join(dir, filepath.FromSlash(test.name)), []byte("new\n"))
		if written || err == nil || runtime.GOOS != "windows" && !strings.Contains(err.Error(), test.want) {
			t.Errorf("WriteFile(%q) = %v, %v, want an error with %q", test.name, written, err, test.want)
		}
	}
	checkOnly(t, dir, "file")
	if got := read(t, filepath.Join(dir, "file")); got != "old\n" {
		t.Errorf("the file beside holds %q", got)
	}
}

// Stands for /dev/null, which a test must not put at risk.
func TestWriteFileRefusesWhatIsNoFile(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "") // a socket's name must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	name := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", name)
	if err != nil {
		t.Skip(err)
	}
	defer listener.Close()
	if written, err := WriteFile(name, []byte("new\n")); written || err == nil {
		t.Errorf("WriteFile = %v, %v, want an error", written, err)
	}
	if state, _, err := CompareFile(name, nil); state != Stale || err == nil {
		t.Errorf("CompareFile = %v, %v, want Stale and an error", state, err)
	}
	if stat(t, name).Mode().IsRegular() {
		t.Error("the socket was replaced")
	}
	checkOnly(t, dir, "socket")
}

// A name as long as names can be leaves no room for the file beside it, so the
// write fails although the old file exists.
func TestWriteFileKeepsTheOldFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	base := strings.Repeat("n", 255)
	name := filepath.Join(dir, base)
	if err := os.WriteFile(name, []byte("old\n"), 0o644); err != nil {
		t.Skip(err)
	}
	if written, err := WriteFile(name, []byte("new\n")); written || err == nil {
		t.Fatalf("WriteFile = %v, %v, want an error", written, err)
	}
	if got := read(t, name); got != "old\n" {
		t.Errorf("the file holds %q, want the old content", got)
	}
	checkOnly(t, dir, base)
}

// No file can have the empty name, but that shows only when the file beside it
// is written and gets its name.
func TestWriteFileCleansUp(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if written, err := WriteFile("", []byte("new\n")); written || err == nil {
		t.Errorf("WriteFile = %v, %v, want an error", written, err)
	}
	checkOnly(t, dir)
}

func TestCompareFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, old, new string // an old "-" is no file
		want           State
		diff           string
	}{
		{"fresh", "a\n", "a\n", Fresh, ""},
		{"fresh empty", "", "", Fresh, ""},
		{"missing", "-", "a\nb\n", Missing, ""},
		{"missing empty", "-", "", Missing, ""},
		{"empty", "", "a\n", Stale, "--- FILE\n+++ FILE\n@@ -0,0 +1,1 @@\n+a\n"},
		{"changed", "a\nb\nc\n", "a\nB\nc\n", Stale, "--- FILE\n+++ FILE\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"carriage returns", "a\r\n", "a\n", Stale, "--- FILE\n+++ FILE\n@@ -1,1 +1,1 @@\n-a\r\n+a\n"},
		{"cut short", "a", "a\n", Stale, "--- FILE\n+++ FILE\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(t.TempDir(), "f")
			if test.old != "-" {
				if err := os.WriteFile(name, []byte(test.old), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			state, unified, err := CompareFile(name, []byte(test.new))
			if err != nil {
				t.Fatal(err)
			}
			if state != test.want {
				t.Errorf("state = %v, want %v", state, test.want)
			}
			// The first line is "diff old new".
			_, got, _ := strings.Cut(strings.ReplaceAll(string(unified), name, "FILE"), "\n")
			if got != test.diff {
				t.Errorf("diff is\n%s\nwant\n%s", got, test.diff)
			}
			if test.old == "-" {
				checkOnly(t, filepath.Dir(name))
			} else if got := read(t, name); got != test.old {
				t.Errorf("the file holds %q after the comparison, want %q", got, test.old)
			}
			applies(t, name, unified, test.new)
		})
	}
}

// applies checks that patch makes of the file what was generated.
func applies(t *testing.T, name string, unified []byte, want string) {
	t.Helper()
	patch, err := exec.LookPath("patch")
	if err != nil || len(unified) == 0 {
		return
	}
	// patch takes no absolute names. Without --binary it drops carriage returns.
	cmd := exec.Command(patch, "-p0", "--binary")
	cmd.Dir = filepath.Dir(name)
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(string(unified), name, filepath.Base(name)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("patch: %v\n%s", err, out)
	}
	if got := read(t, name); got != want {
		t.Errorf("patch made %q, want %q", got, want)
	}
}

func TestCompareFileFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if state, unified, err := CompareFile(dir, nil); state != Stale || unified != nil || err == nil {
		t.Errorf("CompareFile of a directory = %v, %q, %v, want Stale and an error", state, unified, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if state, unified, err := CompareFile(filepath.Join(dir, "file", "out"), nil); state != Stale || unified != nil || err == nil {
		t.Errorf("CompareFile below a file = %v, %q, %v, want Stale and an error", state, unified, err)
	}
}

func mustWrite(t *testing.T, name, data string, want bool) {
	t.Helper()
	written, err := WriteFile(name, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if written != want {
		t.Errorf("WriteFile(%q) = %v, want %v", data, written, want)
	}
	if got := read(t, name); got != data {
		t.Errorf("the file holds %q, want %q", got, data)
	}
}

// checkOnly checks that the directory holds the named files and nothing else.
func checkOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the directory holds %q, want %q", got, want)
	}
}

func stat(t *testing.T, name string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
