package gen

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
)

// A State is how a file on disk stands to what would be generated now. The zero
// State is Stale, so that nothing passes for fresh that was not compared.
type State int

// The states.
const (
	Stale   State = iota // the file differs
	Missing              // there is no file
	Fresh                // the file is the same, to the byte
)

// String returns "stale", "missing" or "up to date".
func (s State) String() string {
	switch s {
	case Missing:
		return "missing"
	case Fresh:
		return "up to date"
	}
	return "stale"
}

// CompareFile compares the named file with data and writes nothing. The unified diff
// leads from a stale file to data, and patch -p0 applies it. It is empty if the file
// is fresh or missing.
//
// If the error is not nil, nothing was compared, and the State is Stale.
func CompareFile(name string, data []byte) (state State, unified []byte, err error) {
	_, old, err := readRegular(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Missing, nil, nil
	case err != nil:
		return Stale, nil, err
	case bytes.Equal(old, data):
		return Fresh, nil, nil
	}
	return Stale, diff.Diff(name, old, name, data), nil
}

// WriteFile makes the named file hold data, and reports whether it had to be
// written: a file that holds data already is left alone, with its time.
//
// The file is replaced as a whole. It is written beside its place, synced and
// renamed, so a reader sees the old content or the new one, and on any error
// the old file is as it was and no other file is left behind. A new file gets
// the mode 0644, an old one keeps its own, and a symbolic link goes on pointing
// to the file. The directory must exist: a misspelt one is an error rather than
// a new directory. A signal that ends the program does so when the file is
// written (see Undisturbed); only SIGKILL can leave the file beside behind.
func WriteFile(name string, data []byte) (written bool, err error) {
	mode := fs.FileMode(0o644)
	info, old, err := readRegular(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, err
	case bytes.Equal(old, data):
		return false, nil
	default:
		mode = info.Mode().Perm()
		// The rename must replace the file, not a link to it.
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return false, err
		}
	}

	if err := Undisturbed(func() error { return replace(name, data, mode) }); err != nil {
		return false, fmt.Errorf("cannot write %q: %w", name, err)
	}
	return true, nil
}

// replace writes a file beside its place and renames it.
func replace(name string, data []byte, mode fs.FileMode) error {
	// Terraform reads no file whose name starts with a dot.
	tmp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no directory %q", filepath.Dir(name))
	}
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		// Without this a crash after the rename can leave an empty file.
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

// readRegular reads a file. It refuses what is not a plain file: a device or a
// pipe may block for ever, and a rename would replace /dev/null.
func readRegular(name string) (fs.FileInfo, []byte, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if link, linkErr := os.Lstat(name); linkErr == nil && link.Mode()&fs.ModeSymlink != 0 {
			return nil, nil, fmt.Errorf("%q is a symbolic link to nothing", name)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%q is not a regular file", name)
	}
	data, err := os.ReadFile(name)
	return info, data, err
}
