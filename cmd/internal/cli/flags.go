// Package cli is what the commands have in common on the command line.
package cli

import (
	"errors"
	"flag"
	"strings"

	"github.com/routegate/routegate/framework/manifest"
)

// Parse parses args as flags.Parse does. If a flag is not defined, the error suggests
// the one that is nearest to it. The error is flag.ErrHelp for -h and -help.
func Parse(flags *flag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil {
		return nil
	}
	name, undefined := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !undefined {
		return err
	}
	var defined []string
	flags.VisitAll(func(f *flag.Flag) { defined = append(defined, f.Name) })
	suggestion := manifest.Suggest(name, defined) // which quotes the name
	return errors.New(err.Error() + strings.Replace(suggestion, `"`, `"-`, 1))
}
