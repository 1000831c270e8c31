package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What only a command needs stays out of the function, and out of a packaged one
// what checks a manifest.
func TestDependencies(t *testing.T) {
	t.Parallel()
	packaged := []string{
		"github.com/routegate/routegate",
		"github.com/aws/aws-lambda-go",
		"github.com/julienschmidt/httprouter",
	}
	for tags, want := range map[string][]string{
		"lambda.norpc,routegate.packaged": packaged,
		"lambda.norpc":                    append([]string{"github.com/santhosh-tekuri/jsonschema/v5", "gopkg.in/yaml.v3"}, packaged...),
	} {
		cmd := exec.Command("go", "list", "-tags", tags, "-deps", "-f", "{{if .Module}}{{.Module.Path}}{{end}}", ".")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		got := strings.Fields(string(out))
		slices.Sort(got)
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
			t.Errorf("modules that the function has code of with the tags %s (-want +got):\n%s", tags, diff)
		}
	}
}
