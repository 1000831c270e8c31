package cli

import (
	"errors"
	"flag"
	"io"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want string // the error
	}{
		{[]string{"-manifest", "a", "-o=b", "rest"}, ""},
		{[]string{"-manifset", "a"}, `flag provided but not defined: -manifset, did you mean "-manifest"?`},
		{[]string{"--Check"}, `flag provided but not defined: -Check, did you mean "-check"?`},
		{[]string{"-chekc=true"}, `flag provided but not defined: -chekc, did you mean "-check"?`},
		{[]string{"-nothing-like-it"}, "flag provided but not defined: -nothing-like-it"},
		{[]string{"-x"}, "flag provided but not defined: -x"},
		{[]string{"-o"}, "flag needs an argument: -o"},
		{[]string{"-check=perhaps"}, `invalid boolean value "perhaps" for -check: parse error`},
		{[]string{"-h"}, flag.ErrHelp.Error()},
	} {
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		flags.String("manifest", "", "")
		flags.String("o", "", "")
		flags.Bool("check", false, "")
		got := ""
		err := Parse(flags, test.args)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: error %q, want %q", test.args, got, test.want)
		}
		if test.want == flag.ErrHelp.Error() && !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: error %v is not flag.ErrHelp", test.args, err)
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	needed := []string{"METHOD", "PATH", "HANDLER"}
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "missing arguments: METHOD PATH HANDLER"},
		{[]string{"GET", "/"}, "missing argument: HANDLER"},
		{[]string{"GET", "/", "home"}, ""},
		{[]string{"GET", "/", "home", "more"}, ""},
	} {
		got := ""
		if err := Missing(needed, test.args); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: error %q, want %q", test.args, got, test.want)
		}
	}
}
