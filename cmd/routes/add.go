package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/framework/source"
)

const addUsage = `usage: go run ./cmd/routes add METHOD PATH HANDLER [flags]

Add writes a route behind the others in the manifest and changes nothing else
there. If the directory "handlers" beside it has no such handler, add writes one
that responds with 501: a method if the other handlers are methods, and otherwise
a function. It is named like HANDLER, getOrder for get_order. A function of that
name that is a handler already is used as it is. Add writes nothing if the
manifest would be wrong with the route, or if a test of it would fail that now
passes. Several at once wait for each other.

  -public         no token is asked for
  -groups G,G     the caller must be in one of them
  -scopes S,S     the token must hold one of them
  -auth iam       a request signed with AWS credentials instead of a token
  -name NAME      the route's name (default: the handler)
  -summary TEXT   one line, 1 to 64 characters
  -tags T,T       headings of the documentation
  -manifest FILE  the manifest (default routes.yaml)

exit codes: 0 written; 1 the manifest would be wrong; 2 wrong usage; 3 could not
be done
`

// add adds a route to the manifest, and its handler to the source.
func (c *call) add() int {
	var add manifest.NewRoute
	args, code, ok := c.parse(addUsage, []string{"METHOD", "PATH", "HANDLER"}, 3, func(flags *flag.FlagSet) {
		flags.BoolVar(&add.Public, "public", false, "")
		flags.StringVar(&add.Auth, "auth", "", "")
		flags.StringVar(&add.Name, "name", "", "")
		flags.StringVar(&add.Summary, "summary", "", "")
		flags.Var((*list)(&add.Groups), "groups", "")
		flags.Var((*list)(&add.Scopes), "scopes", "")
		flags.Var((*list)(&add.Tags), "tags", "")
	})
	if !ok {
		return code
	}
	add.Method, add.Path, add.Handler = args[0], args[1], args[2]

	// What is read here is what the route is added to, whoever else adds one.
	unlock, err := lock(c.manifest)
	if err != nil {
		return c.fail(fmt.Errorf("cannot read the manifest: %w", err))
	}
	defer unlock()
	src, err := c.read()
	if err != nil {
		return c.fail(err)
	}
	var names []string
	service, err := source.Of(c.manifest)
	if err != nil {
		return c.fail(err)
	}
	handlers, unread := source.Read(filepath.Join(service.Dir, "handlers"))
	if unread == nil {
		names = append(handlers.Names(), add.Handler)
	}
	table, out, code, ok := c.appended(src, add, names)
	if !ok {
		return code
	}
	var files []source.File
	if unread == nil && !slices.Contains(handlers.Names(), add.Handler) {
		if files, err = handlers.Add(add.Handler, add.Method, add.Path); err != nil {
			return c.fail(fmt.Errorf("nothing written: %w", err))
		}
	}
	// The manifest last: a handler without a route harms nobody.
	files = append(files, source.File{Name: c.manifest, Data: out, Adds: "route " + add.Method + " " + add.Path})
	if err := c.write(files); err != nil {
		return c.fail(err)
	}
	if unread != nil {
		fmt.Fprintf(c.stderr, "routes add: whether there is a handler %q is not known, add it if there is none: %v\n", add.Handler, unread)
	}
	for _, result := range table.RunTests() {
		if r := result.Decision.Route; r != nil && r.Key() == add.Method+" "+add.Path {
			return exitFine
		}
	}
	_, err = fmt.Fprintf(c.stdout, "next: a test in %s that says who may call it, and who may not\n", c.manifest)
	return c.done(exitFine, err)
}

// appended returns the manifest with the route, and what it means. When ok is
// false the call is over with the exit code, and what is wrong was printed.
func (c *call) appended(src []byte, add manifest.NewRoute, handlers []string) (t *route.Table, out []byte, code int, ok bool) {
	appended, err := manifest.Append(src, add)
	if refused := (*manifest.AppendError)(nil); errors.As(err, &refused) {
		fmt.Fprintf(c.stderr, "routes add: nothing written: %s:%d:%d: %v; the route to add is\n%s", c.manifest, refused.Line, refused.Column, refused, refused.Text)
		return nil, nil, exitError, false
	}
	before, report := route.Load(c.manifest, src, nil)
	if err == nil {
		t, report = route.Load(c.manifest, appended.Source, handlers)
	}
	if t != nil {
		for _, failure := range newFailures(before, t) {
			report.Add(failure)
		}
		report.Sort()
	}
	if report.HasErrors() && err == nil {
		report = withoutNewLines(report, src, appended)
	}
	if err := report.Print(c.stderr); err != nil {
		return nil, nil, c.fail(err), false
	}
	switch {
	case report.HasErrors():
		fmt.Fprintf(c.stderr, "routes add: nothing written: %q would be wrong\n", c.manifest)
		return nil, nil, exitFound, false
	case err != nil:
		return nil, nil, c.fail(err), false
	}
	return t, appended.Source, exitFine, true
}

// onLine is how a message names a line of the manifest.
var onLine = regexp.MustCompile(`\bon line [0-9]+\b`)

// withoutNewLines returns a report on the manifest with the new route as one on the
// file src, which stays as it is. It cites the lines of src, and the new route
// instead of a line of it.
func withoutNewLines(report *manifest.Report, src []byte, appended *manifest.Appended) *manifest.Report {
	old := func(at manifest.Span, message string) (manifest.Span, string) {
		message = onLine.ReplaceAllStringFunc(message, func(text string) string {
			n, err := strconv.Atoi(strings.TrimPrefix(text, "on line "))
			if line, ok := appended.OldLine(n); err == nil && ok {
				return "on line " + strconv.Itoa(line)
			}
			return "in the new route"
		})
		line, ok := appended.OldLine(at.Line)
		if !ok {
			return manifest.Span{}, "the new route: " + message
		}
		at.Line = line
		return at, message
	}
	r := &manifest.Report{Filename: report.Filename, Source: src}
	for _, d := range report.Diagnostics {
		d.Span, d.Message = old(d.Span, d.Message)
		d.Related = slices.Clone(d.Related)
		for i, rel := range d.Related {
			d.Related[i].Span, d.Related[i].Message = old(rel.Span, rel.Message)
		}
		r.Add(d)
	}
	r.Sort()
	return r
}

// newFailures returns a diagnostic for each request of the manifest's own tests
// that passed before and fails after. Tests are often written first, so that
// those which failed before may go on to.
func newFailures(before, after *route.Table) []manifest.Diagnostic {
	if before == nil {
		return nil
	}
	passed := make(map[int]bool)
	for i, result := range before.RunTests() {
		passed[i] = result.Passed()
	}
	broken := make(map[manifest.Span]bool)
	for i, result := range after.RunTests() {
		if passed[i] && !result.Passed() {
			broken[result.Request.Span] = true
		}
	}
	return slices.DeleteFunc(after.Test(), func(d manifest.Diagnostic) bool { return !broken[d.Span] })
}

// write writes files one by one, and then says what is in them, so that neither
// an interrupt nor an output that nobody takes comes between two of them. Its
// error says what was written before.
func (c *call) write(files []source.File) error {
	var done []string
	var said strings.Builder
	err := gen.Undisturbed(func() error {
		for _, f := range files {
			if _, err := gen.WriteFile(f.Name, f.Data); err != nil {
				if len(done) > 0 {
					err = fmt.Errorf("%w; written before that: %s", err, strings.Join(done, ", "))
				}
				return err
			}
			done = append(done, f.Name)
			fmt.Fprintf(&said, "wrote %s: %s\n", f.Name, f.Adds)
		}
		return nil
	})
	_, unsaid := io.WriteString(c.stdout, said.String())
	return cmp.Or(err, unsaid)
}

// A list is a flag's value: names, separated by commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(text string) error {
	*l = nil
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			return errors.New("a name is empty")
		}
		*l = append(*l, name)
	}
	return nil
}
