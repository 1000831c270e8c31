// Package sourcetest lets tests build services that use the framework as it is in this
// checkout.
package sourcetest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// Require makes the go.mod files in dir and below it require the framework of this
// checkout, with the versions that it requires itself. So their packages compile
// without a network. The working directory must be in the checkout.
func Require(dir string) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	for ; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			return errors.New("the working directory is in no module")
		}
	}
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	ours, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "go.mod" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		mod, err := modfile.Parse(name, data, nil)
		if err != nil {
			return err
		}
		if mod.Module.Mod.Path == ours.Module.Mod.Path {
			return nil
		}
		if err := require(mod, ours, root); err != nil {
			return err
		}
		if data, err = mod.Format(); err != nil {
			return err
		}
		return errors.Join(
			os.WriteFile(name, data, 0o644),
			os.WriteFile(filepath.Join(filepath.Dir(name), "go.sum"), sums, 0o644),
		)
	})
}

// require adds to mod what it needs to build against the module ours in root.
func require(mod, ours *modfile.File, root string) error {
	path := ours.Module.Mod.Path
	err := errors.Join(mod.AddGoStmt(ours.Go.Version), mod.AddRequire(path, "v0.0.0"), mod.AddReplace(path, "", root, ""))
	for _, r := range ours.Require {
		err = errors.Join(err, mod.AddRequire(r.Mod.Path, r.Mod.Version))
	}
	return err
}

// GoEnv returns the settings that the go command needs in a script with a home of
// its own, by their names: the caches of this machine.
func GoEnv() (map[string]string, error) {
	names := []string{"GOCACHE", "GOMODCACHE", "GOPROXY"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		return nil, err
	}
	env := map[string]string{"GORACE": "atexit_sleep_ms=0"} // the race detector waits for a second at every exit otherwise
	for i, value := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		env[names[i]] = value
	}
	return env, nil
}
