package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What only a command needs stays out of the function.
func TestDependencies(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-tags", "lambda.norpc", "-deps", "-f", "{{if .Module}}{{.Module.Path}}{{end}}", ".")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{
		"github.com/routegate/routegate":           true,
		"github.com/aws/aws-lambda-go":             true,
		"github.com/julienschmidt/httprouter":      true,
		"github.com/santhosh-tekuri/jsonschema/v5": true,
		"gopkg.in/yaml.v3":                         true,
	}
	found := make(map[string]bool)
	for module := range strings.FieldsSeq(string(out)) {
		found[module] = true
		if !allowed[module] {
			t.Errorf("the function has code of %s", module)
		}
	}
	for module := range allowed {
		if !found[module] {
			t.Errorf("the function has no code of %s: is the list read right?", module)
		}
	}
}
