package cli

import (
	"errors"
	"strings"
)

// Missing returns an error that names the arguments that are missing in args. needed
// has the names of the arguments that a command needs, in their order.
func Missing(needed, args []string) error {
	switch n := len(needed) - len(args); {
	case n <= 0:
		return nil
	case n == 1:
		return errors.New("missing argument: " + needed[len(args)])
	}
	return errors.New("missing arguments: " + strings.Join(needed[len(args):], " "))
}
