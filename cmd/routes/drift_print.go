package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/routegate/routegate/framework/review"
)

// A driftReport is what drift found.
type driftReport struct {
	manifest string // file name
	drifts   []review.Drift
	noted    []review.Drift // what does not count

	digest string // of the manifest
	built  string // of the one that the function was built from; "" if it was not asked
}

// add adds a difference. With functionEnforces one that the function refuses by
// itself does not count.
func (r *driftReport) add(d review.Drift, functionEnforces bool) {
	if functionEnforces && d.Enforced {
		r.noted = append(r.noted, d)
	} else {
		r.drifts = append(r.drifts, d)
	}
}

// otherManifest reports whether the function was built from another manifest.
func (r *driftReport) otherManifest() bool { return r.built != "" && r.built != r.digest }

// count returns how many differences of a kind count.
func (r *driftReport) count(kind review.DriftKind) (n int) {
	for _, d := range r.drifts {
		if d.Kind == kind {
			n++
		}
	}
	return n
}

func (r *driftReport) exitCode() int {
	code := exitFine
	if len(r.drifts) > 0 || r.otherManifest() {
		code = exitFound
	}
	for _, d := range r.drifts {
		if d.Kind == review.Exposed || d.Open() {
			code = exitOpen
		}
	}
	return code
}

// print prints the report as a person reads it.
func (r *driftReport) print(out io.Writer) error {
	w := bufio.NewWriter(out)
	r.printAll(w, r.drifts)
	if r.otherManifest() {
		fmt.Fprintf(w, "MANIFEST  the function was built from another manifest\n  its digest is %s\n  that of %s is %s\n\n", r.built, r.manifest, r.digest)
	}
	if len(r.noted) > 0 {
		fmt.Fprint(w, "Not counted, as the function refuses it:\n\n")
		r.printAll(w, r.noted)
	}
	fmt.Fprintf(w, "%d exposed, %d blocked, %s, %d missing", r.count(review.Exposed), r.count(review.Blocked), orphans(r.count(review.Orphan)), r.count(review.Missing))
	if len(r.noted) > 0 {
		fmt.Fprintf(w, "; %d not counted", len(r.noted))
	}
	switch {
	case r.otherManifest():
		fmt.Fprint(w, "; the function was built from another manifest")
	case r.built != "":
		fmt.Fprint(w, "; the function was built from this manifest")
	}
	fmt.Fprintln(w)
	return w.Flush()
}

func orphans(n int) string {
	if n == 1 {
		return "1 orphan"
	}
	return fmt.Sprintf("%d orphans", n)
}

// printAll prints differences. What is the same for several routes of the
// manifest, because one deployed route takes the requests of all, is said once.
func (r *driftReport) printAll(w io.Writer, list []review.Drift) {
	type group struct {
		kind          review.DriftKind
		deployed      *review.DeployedRoute
		message, then string
	}
	groups := make(map[group][]review.Drift)
	var order []group
	for _, d := range list {
		g := group{d.Kind, d.Deployed, d.Message, d.Then}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], d)
	}
	for _, g := range order {
		members := groups[g]
		fmt.Fprintf(w, "%-8s  %s\n", strings.ToUpper(string(g.kind)), r.subject(members))
		fmt.Fprintf(w, "  %s\n", g.message)
		if g.then != "" {
			fmt.Fprintf(w, "  %s\n", g.then)
		}
		for _, d := range members {
			fmt.Fprintf(w, "  %s\n", r.witness(d, len(members) > 1))
		}
		fmt.Fprintln(w)
	}
}

// subject says what a group of differences is about.
func (r *driftReport) subject(members []review.Drift) string {
	d := members[0]
	where := ""
	if d.Deployed != nil && d.Deployed.Where != "" {
		where = " at " + plainPlace(d.Deployed.Where)
	}
	switch {
	case d.Authorizer != nil:
		return "authorizer at " + plainPlace(d.Authorizer.Where)
	case len(members) > 1 && d.Deployed != nil:
		return fmt.Sprintf("%d routes, deployed as %q%s", len(members), d.Deployed.Key, where)
	case len(members) > 1:
		return fmt.Sprintf("%d routes", len(members))
	case d.Kind == review.Orphan:
		return d.Deployed.Key + where
	case d.Deployed == nil:
		return r.routeOf(d)
	case d.Deployed.Key != d.Route.Key():
		return fmt.Sprintf("%s, deployed as %q%s", r.routeOf(d), d.Deployed.Key, where)
	}
	return r.routeOf(d) + where
}

// plainPlace quotes what would do something to a terminal.
func plainPlace(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// routeOf names the manifest's route of a difference, and its place.
func (r *driftReport) routeOf(d review.Drift) string {
	return fmt.Sprintf("%s (%s:%d)", d.Route.Key(), r.manifest, d.Route.Line)
}

// witness is a request that shows a difference.
func (r *driftReport) witness(d review.Drift, withRoute bool) string {
	text := "e.g. " + d.Method + " " + d.Path + " by " + callerOf(d)
	if withRoute {
		text = r.routeOf(d) + ", " + text
	}
	return text
}

func callerOf(d review.Drift) string {
	text := review.Describe(d.Caller)
	if d.Token != "" {
		text += " " + d.Token
	}
	return text
}

// The JSON that drift -json prints. Its keys stay as they are: programs read
// them.
type (
	driftJSON struct {
		Exposed    int           `json:"exposed"`
		Blocked    int           `json:"blocked"`
		Orphans    int           `json:"orphans"`
		Missing    int           `json:"missing"`
		NotCounted int           `json:"not_counted"`
		Findings   []findingJSON `json:"findings"`
		Function   *functionJSON `json:"function,omitempty"` // if it was asked
	}
	findingJSON struct {
		Kind       review.DriftKind `json:"kind"`
		Route      *routeJSON       `json:"route"`    // null: the manifest has none
		Deployed   *deployedJSON    `json:"deployed"` // null: the gateway has none
		Authorizer string           `json:"authorizer,omitempty"`
		Request    string           `json:"request"` // GET /v1/users/42
		Caller     string           `json:"caller"`
		Groups     []string         `json:"groups"`
		Scopes     []string         `json:"scopes"`
		Enforced   bool             `json:"enforced"` // the function refuses it
		Counted    bool             `json:"counted"`
		Message    string           `json:"message"`
		Then       string           `json:"then"`
	}
	routeJSON struct {
		Key  string `json:"key"`
		File string `json:"file"`
		Line int    `json:"line"`
	}
	deployedJSON struct {
		Key    string `json:"key"`
		Where  string `json:"where"`
		Target string `json:"target,omitempty"`
	}
	functionJSON struct {
		ManifestDigest string `json:"manifest_digest"`
		Want           string `json:"want"`
		Same           bool   `json:"same"`
	}
)

// printJSON prints the report as a program reads it.
func (r *driftReport) printJSON(out io.Writer) error {
	report := driftJSON{
		Exposed: r.count(review.Exposed), Blocked: r.count(review.Blocked),
		Orphans: r.count(review.Orphan), Missing: r.count(review.Missing),
		NotCounted: len(r.noted), Findings: []findingJSON{},
	}
	for i, list := range [][]review.Drift{r.drifts, r.noted} {
		for _, d := range list {
			report.Findings = append(report.Findings, r.finding(d, i == 0))
		}
	}
	if r.built != "" {
		report.Function = &functionJSON{r.built, r.digest, !r.otherManifest()}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}

func (r *driftReport) finding(d review.Drift, counted bool) findingJSON {
	f := findingJSON{
		Kind: d.Kind, Request: d.Method + " " + d.Path, Caller: callerOf(d),
		Groups: notNil(d.Caller.Principal.Groups), Scopes: notNil(d.Caller.Principal.Scopes),
		Enforced: d.Enforced, Counted: counted, Message: d.Message, Then: d.Then,
	}
	if d.Route != nil {
		f.Route = &routeJSON{d.Route.Key(), r.manifest, d.Route.Line}
	}
	if d.Deployed != nil {
		f.Deployed = &deployedJSON{d.Deployed.Key, d.Deployed.Where, d.Deployed.Target}
	}
	if d.Authorizer != nil {
		f.Authorizer = d.Authorizer.Where
	}
	return f
}
