package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// watch deploys again whenever a file changes after the last version began to be
// built, until ctx ends.
func (s *service) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
		if s.stamp() == s.built {
			continue
		}
		start := time.Now()
		switch err := s.deploy(ctx); {
		case ctx.Err() != nil:
		case err != nil:
			s.update(func() { s.problem = err.Error() })
			s.terminal.problem(err.Error() + "\nthe last good version goes on")
		default:
			s.terminal.note(fmt.Sprintf("deployed anew in %.1f s", time.Since(start).Seconds()))
		}
	}
}

// stamp changes when a file changes that the function is made of. It is what
// names, sizes and times of the files come to.
func (s *service) stamp() string {
	files := []string{s.manifest}
	if s.function != "" {
		files = append(files, s.function)
	} else {
		files = append(files, sources(s.root)...)
	}
	slices.Sort(files)
	var b strings.Builder
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintln(&b, name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// sources returns the files below dir that a build of the function may read:
// Go files, and those of the module and of embedded data.
func sources(dir string) []string {
	var files []string
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // it went away while we looked
		case d.IsDir() && path != dir && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.Type().IsRegular() && slices.Contains([]string{".go", ".mod", ".sum", ".json", ".yaml", ".gz", ".csp"}, filepath.Ext(path)) && !strings.HasSuffix(path, "_test.go"):
			files = append(files, path)
		}
		return nil
	})
	return files
}
