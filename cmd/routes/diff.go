package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

const diffUsage = `usage: go run ./cmd/routes diff [flags] OLD [NEW]

Diff compares two manifests exactly: who may do what by the one and not by the
other. OLD and NEW are files or revisions of git ("diff main", "diff v1 v2");
NEW is the manifest where it is left out. A change is

  WIDER      a caller reaches a handler that it could not reach before, or gets
             in where it was refused
  NARROWER   the reverse
  MOVED      the same callers reach the same handlers, by other requests
  NEUTRAL    every request of every caller runs what it ran before

Each change but a NEUTRAL one has a request that the two answer differently.

  -format FORMAT   text (default); markdown, for a pull request; github, for
                   annotations of a workflow; sarif, for code scanning; json
  -fail-on WHAT    exit 1: public, when a route is newly public; wider, when
                   anybody may do more; any, when anything changed at all
  -plan-order      print instead what to deploy first, the function or the
                   gateway, so that in no moment a request runs a handler for a
                   caller whom neither version lets in (text or json)
  -module MODULE   with -plan-order, what makes the gateway: deploy/terraform
                   (default), obytes or terraform-aws-modules
  -manifest FILE   the manifest (default routes.yaml); its path in revisions, too

exit codes: 0 compared; 1 -fail-on found something; 2 wrong usage; 3 not
compared, since one of the two could not be read or is not valid

exit codes with -plan-order: 0 either order, so one apply will do; 1 split the
change, because no order is safe or API Gateway may refuse it; 2 and 3 as above;
4 the function first; 5 the gateway first
`

// diff compares two manifests.
func (c *call) diff() int {
	format, failOn, planOrder, module := "text", "", false, ""
	args, code, ok := c.parse(diffUsage, []string{"OLD"}, 2, func(flags *flag.FlagSet) {
		flags.StringVar(&format, "format", format, "")
		flags.StringVar(&failOn, "fail-on", failOn, "")
		flags.BoolVar(&planOrder, "plan-order", planOrder, "")
		flags.StringVar(&module, "module", module, "")
	})
	if !ok {
		return code
	}
	switch format {
	case "text", "json":
	case "markdown", "sarif", "github":
		if planOrder {
			return c.misuse("-plan-order is printed as text or json, not as %s", format)
		}
	default:
		return c.misuse("unknown format %q: want text, markdown, sarif, github or json", format)
	}
	switch failOn {
	case "", "public", "wider", "any":
	default:
		return c.misuse("unknown -fail-on %q: want public, wider or any", failOn)
	}
	if planOrder && failOn != "" {
		return c.misuse("-plan-order and -fail-on do not go together")
	}
	switch {
	case module != "" && !planOrder:
		return c.misuse("-module goes with -plan-order")
	case module == "":
		module = string(review.RootModule)
	case !slices.Contains(review.Modules, review.Module(module)):
		return c.misuse("unknown module %q: want deploy/terraform, obytes or terraform-aws-modules", module)
	}
	if len(args) == 1 {
		args = append(args, c.manifest)
	}

	var tables [2]*route.Table
	var names [2]string
	for i, arg := range args {
		src, name, err := c.version(arg)
		if err != nil {
			return c.fail(err)
		}
		table, report := route.Load(name, src, nil)
		if table == nil {
			report.Print(c.stderr)
			return c.fail(fmt.Errorf("not compared: %q is not valid", name))
		}
		tables[i], names[i] = table, name
	}
	labels := review.Names{Old: names[0], New: names[1]}
	if planOrder {
		return c.planOrder(tables, labels, review.Module(module), format)
	}
	diff := review.Compare(tables[0], tables[1])
	write := map[string]func(io.Writer, review.Names) error{
		"text": diff.Text, "markdown": diff.Markdown, "sarif": diff.SARIF, "github": diff.GitHub, "json": diff.JSON,
	}[format]
	if err := write(c.stdout, labels); err != nil {
		return c.fail(err)
	}
	n := diff.Count()
	found := map[string]bool{"public": n.Public > 0, "wider": n.Wider > 0, "any": len(diff.Changes) > 0}
	if found[failOn] {
		return exitFound
	}
	return exitFine
}

// The exit codes of diff -plan-order beside those of every command.
const (
	exitFunctionFirst = 4
	exitGatewayFirst  = 5
)

func (c *call) planOrder(tables [2]*route.Table, names review.Names, module review.Module, format string) int {
	rollout := review.PlanOrder(tables[0], tables[1], module)
	write := rollout.Text
	if format == "json" {
		write = rollout.JSON
	}
	if err := write(c.stdout, names); err != nil {
		return c.fail(err)
	}
	switch {
	case rollout.Split():
		return exitFound
	case rollout.Order == review.FunctionFirst:
		return exitFunctionFirst
	case rollout.Order == review.GatewayFirst:
		return exitGatewayFirst
	}
	return exitFine
}

// version reads a manifest: a file, or the manifest in a revision of git. What is
// both is an error. It returns the name by which to speak of it.
func (c *call) version(arg string) (src []byte, name string, err error) {
	// A revision counts from the manifest's own directory, which is in the
	// repository wherever this command runs.
	dir, base := filepath.Split(c.manifest)
	if dir == "" {
		dir = "."
	}
	git := func(args ...string) ([]byte, error) {
		cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
			return nil, &gitError{first}
		}
		return out, err
	}
	_, noRevision := git("rev-parse", "--verify", "--quiet", "--end-of-options", arg+"^{commit}")
	if info, err := os.Stat(arg); err == nil && info.Mode().IsRegular() {
		switch {
		case info.Size() > manifest.MaxSize:
			return nil, "", fmt.Errorf("%q has %d bytes: a manifest has at most %d", arg, info.Size(), manifest.MaxSize)
		case noRevision == nil: // whoever may add a file could choose what is compared
			return nil, "", fmt.Errorf("%q is a file and a revision of git: say \"./%[1]s\" for the file, or the revision in another way", arg)
		}
		src, err := os.ReadFile(arg)
		return src, arg, err
	}
	if noRevision != nil {
		if refused := (*gitError)(nil); !errors.As(noRevision, &refused) {
			return nil, "", fmt.Errorf("%q is no file, and whether it is a revision cannot be asked: %w", arg, noRevision)
		}
		if _, err := git("rev-parse", "--git-dir"); err != nil {
			return nil, "", fmt.Errorf("%q is neither a file nor a revision of git: the manifest is in no repository", arg)
		}
		return nil, "", fmt.Errorf("%q is neither a file nor a revision of git", arg)
	}
	src, err = git("show", "--no-textconv", "--end-of-options", arg+":./"+filepath.ToSlash(base))
	if err != nil {
		return nil, "", fmt.Errorf("revision %q has no %q: %w", arg, c.manifest, err)
	}
	return src, arg + ":" + c.manifest, nil
}

// A gitError is what git said when it did not do what it was asked.
type gitError struct{ text string }

func (e *gitError) Error() string { return "git: " + e.text }
