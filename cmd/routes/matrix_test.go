package main

import (
	"strings"
	"testing"
)

// What cannot be written was not done.
func TestMatrixAndTestOutputFails(t *testing.T) {
	t.Parallel()
	missing := t.TempDir() + "/matrix.md"
	for _, args := range [][]string{
		{"matrix"}, {"matrix", "-format", "html"}, {"matrix", "-check", "-o", missing},
		{"test"}, {"test", "-json"}, {"test", "-v", "-min-coverage", "100"},
	} {
		var stderr strings.Builder
		args = append(args, "-manifest", "../../routes.yaml")
		if code := run(args, nil, &limitedWriter{}, &stderr); code != exitError || stderr.Len() == 0 {
			t.Errorf("%v: exit code %d, want %d; standard error %q", args, code, exitError, stderr.String())
		}
	}
}

func TestPercentage(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0", "100": "100", "87.5": "175/2", "66.70": "667/10", ".5": "1/2", "100.0": "100",
		"": "", "-1": "", "+1": "", "100.1": "", "1e2": "", "1/2": "", "80%": "", "eighty": "", "1.2.3": "", ".": "", "0x10": "", "1_0": "", "NaN": "",
		"00000000000000000000000000000001": "",
	} {
		var p percentage
		err := p.Set(in)
		got := ""
		if err == nil {
			got = p.value.RatString()
		}
		if got != want || err == nil && p.String() != in {
			t.Errorf("Set(%q): %v, %s, want %s", in, err, got, want)
		}
	}
}
