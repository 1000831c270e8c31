package drift

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/routegate/routegate/framework/review"
)

// A Report is a Result as it is printed.
type Report struct {
	*Result
	Manifest string // the name of the manifest's file
	Digest   string // the manifest's digest
	Built    string // the digest of the manifest that the function was built from; "" if nobody asked
}

// ExitCode returns what the drift command exits with: 0 without a finding, 1 if
// nobody gets in who should not, 4 if somebody does, and 5 if that is not known.
func (r *Report) ExitCode() int {
	code := 0
	if len(r.Findings) > 0 || r.otherManifest() {
		code = 1
	}
	for _, f := range r.Findings {
		switch {
		case f.open():
			return 4
		case f.Kind == NotKnown:
			code = 5
		}
	}
	return code
}

func (r *Report) otherManifest() bool { return r.Built != "" && r.Built != r.Digest }

// count returns how many findings of a kind count.
func (r *Report) count(kind Kind) (n int) {
	for _, f := range r.Findings {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

// Print writes the report for people. It ends with one line of numbers, which
// starts with "clean:" if nothing was found.
func (r *Report) Print(out io.Writer) error {
	w := bufio.NewWriter(out)
	r.printAll(w, r.Findings)
	if r.otherManifest() {
		fmt.Fprintf(w, "MANIFEST  the function was built from another manifest\n  its digest is %s\n  that of %s is %s\n\n", r.Built, r.Manifest, r.Digest)
	}
	if len(r.NotCounted) > 0 {
		fmt.Fprint(w, "Not counted, because the function refuses it:\n\n")
		r.printAll(w, r.NotCounted)
	}
	printList(w, "Read:", r.Read)
	printList(w, "Assumed:", r.Assumed)
	if r.ExitCode() == 0 {
		fmt.Fprint(w, "clean: ")
	}
	fmt.Fprintf(w, "%d exposed, %d unknown, %d blocked, %s, %d missing", r.count(Exposed), r.count(NotKnown), r.count(Blocked), orphans(r.count(Orphan)), r.count(Missing))
	if len(r.NotCounted) > 0 {
		fmt.Fprintf(w, "; %d not counted", len(r.NotCounted))
	}
	switch {
	case r.otherManifest():
		fmt.Fprint(w, "; the function was built from another manifest")
	case r.Built != "":
		fmt.Fprint(w, "; the function was built from this manifest")
	}
	fmt.Fprintln(w)
	return w.Flush()
}

func printList(w io.Writer, title string, list []string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w, title)
	for _, s := range list {
		fmt.Fprintf(w, "  %s\n", plain(s))
	}
	fmt.Fprintln(w)
}

func orphans(n int) string {
	if n == 1 {
		return "1 orphan"
	}
	return fmt.Sprintf("%d orphans", n)
}

// printAll prints findings. If one deployed route takes the requests of several
// routes of the manifest, what they have in common is printed once.
func (r *Report) printAll(w io.Writer, list []Finding) {
	type group struct {
		kind          Kind
		deployed      *Route
		authorizer    *Authorizer
		door          *Door
		gap           Gap
		message, then string
	}
	groups := make(map[group][]Finding)
	var order []group
	for _, f := range list {
		g := group{f.Kind, f.Deployed, f.Authorizer, f.Door, f.Gap, f.Message, f.Then}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], f)
	}
	for _, g := range order {
		members := groups[g]
		fmt.Fprintf(w, "%-8s  %s\n", strings.ToUpper(string(g.kind)), r.subject(members))
		if g.kind == NotKnown {
			r.printGap(w, &members[0])
			continue
		}
		fmt.Fprintf(w, "  %s\n", g.message)
		if g.then != "" {
			fmt.Fprintf(w, "  %s\n", g.then)
		}
		if g.door != nil && g.door.Detail != "" {
			fmt.Fprintf(w, "  %s\n", plain(g.door.Detail))
		}
		if g.deployed != nil && g.deployed.Note != "" {
			fmt.Fprintf(w, "  %s\n", plain(g.deployed.Note))
		}
		for _, f := range members {
			if f.Path != "" {
				fmt.Fprintf(w, "  %s\n", r.witness(&f, len(members) > 1))
			}
		}
		fmt.Fprintln(w)
	}
}

// printGap prints what a gap decides about, and how to close it.
func (r *Report) printGap(w io.Writer, f *Finding) {
	if f.Might != "" {
		fmt.Fprintf(w, "  it decides whether %s is %s", r.subjectOf(f), f.Might)
		switch {
		case f.Others == 1:
			fmt.Fprint(w, ", and about 1 other")
		case f.Others > 1:
			fmt.Fprintf(w, ", and about %d others", f.Others)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "  %s\n", f.Message)
	if f.Gap.Get != "" {
		fmt.Fprintf(w, "  to find out: %s\n", plain(f.Gap.Get))
	}
	if f.Path != "" {
		fmt.Fprintf(w, "  %s\n", r.witness(f, false))
	}
	fmt.Fprintln(w)
}

// subject says what a group of findings is about.
func (r *Report) subject(members []Finding) string {
	f := &members[0]
	switch {
	case f.Kind == NotKnown:
		return plain(f.Gap.What)
	case len(members) > 1 && f.Deployed != nil:
		return fmt.Sprintf("%d routes, deployed as %q%s", len(members), f.Deployed.name(), atPlace(f.Deployed.Where))
	case len(members) > 1:
		return fmt.Sprintf("%d routes", len(members))
	}
	return r.subjectOf(f)
}

// subjectOf says what one finding is about.
func (r *Report) subjectOf(f *Finding) string {
	switch {
	case f.Door != nil:
		return string(f.Door.Kind) + atPlace(f.Door.Where)
	case f.Authorizer != nil:
		return "authorizer" + atPlace(f.Authorizer.Where)
	case f.Deployed == nil:
		return r.routeOf(f)
	case f.Route == nil, f.Kind == Orphan, f.Might == Orphan:
		return f.Deployed.name() + atPlace(f.Deployed.Where)
	case f.Deployed.name() != f.Route.Key():
		return fmt.Sprintf("%s, deployed as %q%s", r.routeOf(f), f.Deployed.name(), atPlace(f.Deployed.Where))
	}
	return r.routeOf(f) + atPlace(f.Deployed.Where)
}

// atPlace returns where something is, as the end of a phrase.
func atPlace(where string) string {
	if where == "" {
		return ""
	}
	return " at " + plain(where)
}

// plain quotes a string that would do something to a terminal.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// routeOf names the manifest's route of a finding, and its place.
func (r *Report) routeOf(f *Finding) string {
	return fmt.Sprintf("%s (%s:%d)", f.Route.Key(), r.Manifest, f.Route.Line)
}

// witness is a request that shows a finding.
func (r *Report) witness(f *Finding, withRoute bool) string {
	text := "e.g. " + f.Method + " " + f.Path + " by " + callerOf(f)
	if withRoute {
		text = r.routeOf(f) + ", " + text
	}
	return text
}

func callerOf(f *Finding) string {
	text := review.Describe(f.Caller)
	if f.Token != "" {
		text += " " + f.Token
	}
	return text
}
