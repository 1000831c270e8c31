// Command mutants changes the access path, one place at a time, and sees whether a
// test fails:
//
//	go run ./.ci/mutants
//
// It takes the better part of an hour. gremlins must be on the PATH:
// go install github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0.
//
// What survives has a line in survivors.txt that says why no test can kill it, or
// why none should: package, kind of change, the line of code, and the reason,
// between tabs. A survivor without one is printed in that form, and the exit code
// is 1. Fuzz targets run with their seeds only.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// What decides who may call: the rest of the repository has a test for what it
// prints, but nobody gets in by it.
var targets = []struct {
	dir     string
	exclude []string // files, as patterns
}{
	{"framework/internal/rawjson", nil},
	{"framework/apigw", nil},
	{"framework/route", nil},
	{"framework", []string{"/", `^(container|doc|log|metrics|options|problem|trace|warm|writer)\.go`}},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run() error {
	reasons, err := readReasons(".ci/mutants/survivors.txt")
	if err != nil {
		return err
	}
	unexplained := 0
	for _, target := range targets {
		mutations, err := mutate(target.dir, target.exclude)
		if err != nil {
			return err
		}
		count := make(map[string]int)
		for _, m := range mutations {
			count[m.Status]++
			if m.Status != "LIVED" {
				continue
			}
			key := target.dir + "\t" + m.Type + "\t" + m.code
			if reasons[key] == "" {
				unexplained++
				fmt.Printf("%s\t\n", key)
			}
		}
		// One that ends in a timeout is found out as well.
		killed := count["KILLED"] + count["TIMED OUT"]
		fmt.Printf("%s: %d of %d killed, %d not covered\n", target.dir, killed, killed+count["LIVED"], count["NOT COVERED"])
	}
	if unexplained > 0 {
		return fmt.Errorf("%d survivors without a reason", unexplained)
	}
	return nil
}

func readReasons(name string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reasons := make(map[string]string)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if i := strings.LastIndexByte(lines.Text(), '\t'); i >= 0 {
			reasons[lines.Text()[:i]] = lines.Text()[i+1:]
		}
	}
	return reasons, lines.Err()
}

type mutation struct {
	Type, Status string
	Line         int
	code         string
}

func mutate(dir string, exclude []string) ([]mutation, error) {
	out, err := os.CreateTemp("", "mutants-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	args := []string{"unleash", "./" + dir, "--workers", "1", "--timeout-coefficient", "10", "-o", out.Name()}
	for _, e := range exclude {
		args = append(args, "-E", e)
	}
	cmd := exec.Command("gremlins", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("gremlins: %w", err)
	}
	var result struct {
		Files []struct {
			Name      string `json:"file_name"`
			Mutations []mutation
		}
	}
	if err := json.NewDecoder(out).Decode(&result); err != nil {
		return nil, err
	}
	var all []mutation
	for _, file := range result.Files {
		src, err := os.ReadFile(filepath.Join(dir, file.Name))
		if err != nil {
			return nil, err
		}
		lines := strings.Split(string(src), "\n")
		for _, m := range file.Mutations {
			m.code = strings.TrimSpace(lines[m.Line-1])
			all = append(all, m)
		}
	}
	return all, nil
}
