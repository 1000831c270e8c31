package main

import (
	"strings"
	"testing"
)

// What cannot be written was not done.
func TestWhyOutputFails(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-json", "-json=false"} {
		var stderr strings.Builder
		args := []string{"why", "GET", "/v1/manage/hc", "-manifest", "../../routes.yaml", flag}
		if code := run(args, nil, &limitedWriter{}, &stderr); code != exitError || stderr.Len() == 0 {
			t.Errorf("%v: exit code %d, want %d; standard error %q", args, code, exitError, stderr.String())
		}
	}
}
