package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// printText prints an explanation for people.
func (w *whyCall) printText(x *review.Explanation) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s as %s\n\n", x.Method, printed(x.Path), x.Caller)
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range x.Steps {
		place := ""
		if s.Line > 0 {
			place = w.place(s.Line)
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\n", s.By, s.Check, stepResult(s), s.Text, place)
	}
	_ = tw.Flush() // to memory
	fmt.Fprintf(&b, "\n%s\n", outcome(x))
	if !x.Asked && x.Route != nil {
		fmt.Fprintf(&b, "the function is not asked: %s\n", wouldSay(x.Function))
	}
	w.flips(&b, x)
	w.nearest(&b, x)
	for i, note := range x.Notes {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	for line := range strings.Lines(b.String()) {
		// The table pads what has no line.
		if _, err := fmt.Fprintln(w.stdout, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// place names a line of the manifest.
func (w *whyCall) place(line int) string { return fmt.Sprintf("%s:%d", w.manifest, line) }

// printed returns a path as it is, or quoted where a terminal would not show it
// so: that of an event is decoded.
func printed(path string) string {
	if quoted := fmt.Sprintf("%q", path); quoted != `"`+path+`"` {
		return quoted
	}
	return path
}

func stepResult(s review.Step) string {
	switch {
	case !s.Passed:
		return "refused"
	case !s.Asked:
		return "-"
	}
	return "ok"
}

func outcome(x *review.Explanation) string {
	if x.Allowed {
		return fmt.Sprintf("allowed: %s runs %s", x.Route.Key(), x.Route.Handler)
	}
	return fmt.Sprintf("refused by the %s: %d %s", x.By, x.Status, x.Reason)
}

func wouldSay(d route.Decision) string {
	if d.Allowed {
		return "it would allow this"
	}
	return fmt.Sprintf("it would answer %d %s", d.Reason.Status(), d.Reason)
}

// flips prints what would turn the answer round.
func (w *whyCall) flips(b *strings.Builder, x *review.Explanation) {
	if len(x.CallerFlips)+len(x.RouteFlips) == 0 {
		return
	}
	answer := "allowed"
	if x.Allowed {
		answer = "refused"
	}
	fmt.Fprintf(b, "\nto be %s:\n", answer)
	or := ""
	for _, f := range x.CallerFlips {
		fmt.Fprintf(b, "  %s%s\n", or, callerText(f))
		or = "or "
	}
	for _, f := range x.RouteFlips {
		fmt.Fprintf(b, "  %s%s\n", or, w.routeText(f))
		or = "or "
	}
}

// callerText says a flip of the caller as the rest of "to be allowed:".
func callerText(f review.Flip) string {
	var parts []string
	verb := "the caller needs "
	for _, e := range f.Edits {
		if e.Do == review.Remove {
			verb = "the caller comes without "
		}
		parts = append(parts, e.String())
	}
	return verb + strings.Join(parts, ", and ")
}

// routeText says a flip of the route, with the line of each edit.
func (w *whyCall) routeText(f review.Flip) string {
	var parts []string
	for _, e := range f.Edits {
		parts = append(parts, fmt.Sprintf("%s (%s)", e, w.place(e.Line)))
	}
	text := "the manifest: " + strings.Join(parts, ", and ")
	if who := f.MayCall(); who != "" {
		text += "; then " + who + " may call"
	}
	return text
}

// nearest prints what was perhaps meant where no route matches.
func (w *whyCall) nearest(b *strings.Builder, x *review.Explanation) {
	if x.Route != nil {
		return
	}
	b.WriteString("\nto be answered by a route:\n  the manifest: add one\n")
	for _, n := range x.Near {
		verb := "refused"
		if n.Allowed {
			verb = "allowed"
		}
		fmt.Fprintf(b, "  or ask for %s %s: the caller is %s there (%s)\n", n.Method, printed(n.Path), verb, w.place(n.Route.Line))
	}
}

// The types below are an explanation as why -json prints it. Their keys stay as
// they are: programs read them.
type (
	whyDocument struct {
		Method   string      `json:"method"`
		Path     string      `json:"path"`
		Caller   whyCaller   `json:"caller"`
		Route    *whyRoute   `json:"route"` // null where none matches
		Steps    []whyStep   `json:"steps"`
		Outcome  whyOutcome  `json:"outcome"`
		Function whyFunction `json:"function"`
		Flips    []whyFlip   `json:"flips"`
		Near     []whyNear   `json:"near"`
		Notes    []string    `json:"notes"`
	}
	whyCaller struct {
		Auth    string   `json:"auth"` // none, jwt or iam
		Subject string   `json:"subject"`
		Groups  []string `json:"groups"`
		Scopes  []string `json:"scopes"`
		Refused string   `json:"refused"` // why the gateway does not take the token; "" where it does
	}
	whyRoute struct {
		Key       string            `json:"key"`
		Handler   string            `json:"handler"`
		Line      int               `json:"line"`
		Variables map[string]string `json:"variables"`
	}
	whyStep struct {
		By     string `json:"by"` // gateway or function
		Check  string `json:"check"`
		Passed bool   `json:"passed"`
		Asked  bool   `json:"asked"`
		Text   string `json:"text"`
		Line   int    `json:"line"` // 0 where no line decides
	}
	whyOutcome struct {
		Allowed bool   `json:"allowed"`
		By      string `json:"by"`
		Status  int    `json:"status"`
		Reason  string `json:"reason"`
	}
	whyFunction struct {
		Asked   bool   `json:"asked"`
		Allowed bool   `json:"allowed"` // or would, if it were asked
		Status  int    `json:"status"`
		Reason  string `json:"reason"`
	}
	whyFlip struct {
		Of      string    `json:"of"` // caller or manifest
		Text    string    `json:"text"`
		Edits   []whyEdit `json:"edits"`
		MayCall string    `json:"may_call"` // "" where it depends, or of a caller
	}
	whyEdit struct {
		Do      string   `json:"do"`
		What    string   `json:"what"`
		Names   []string `json:"names"`
		Line    int      `json:"line"` // 0 of a caller
		Declare []string `json:"declare"`
	}
	whyNear struct {
		Method  string `json:"method"`
		Path    string `json:"path"`
		Route   string `json:"route"`
		Line    int    `json:"line"`
		Allowed bool   `json:"allowed"`
	}
)

// printJSON prints an explanation for programs.
func (w *whyCall) printJSON(x *review.Explanation, q review.Question) error {
	p := q.Caller.Principal
	d := whyDocument{
		Method: x.Method, Path: x.Path,
		Caller: whyCaller{q.Caller.Auth.String(), p.Subject, notNil(p.Groups), notNil(p.Scopes), q.Refused},
		Steps:  []whyStep{}, Flips: []whyFlip{}, Near: []whyNear{}, Notes: notNil(x.Notes),
		Outcome:  whyOutcome{x.Allowed, x.By, x.Status, string(x.Reason)},
		Function: whyFunction{x.Asked, x.Function.Allowed, x.Function.Reason.Status(), string(x.Function.Reason)},
	}
	if r := x.Route; r != nil {
		d.Route = &whyRoute{r.Key(), r.Handler, r.Line, map[string]string{}}
		for i, value := range x.Values {
			d.Route.Variables[r.Pattern.Variables()[i]] = value
		}
	}
	for _, s := range x.Steps {
		d.Steps = append(d.Steps, whyStep{s.By, string(s.Check), s.Passed, s.Asked, s.Text, s.Line})
	}
	for _, f := range x.CallerFlips {
		d.Flips = append(d.Flips, whyFlip{"caller", callerText(f), whyEdits(f), ""})
	}
	for _, f := range x.RouteFlips {
		d.Flips = append(d.Flips, whyFlip{"manifest", w.routeText(f), whyEdits(f), f.MayCall()})
	}
	for _, n := range x.Near {
		d.Near = append(d.Near, whyNear{n.Method, n.Path, n.Route.Key(), n.Route.Line, n.Allowed})
	}
	enc := json.NewEncoder(w.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

func whyEdits(f review.Flip) []whyEdit {
	var list []whyEdit
	for _, e := range f.Edits {
		list = append(list, whyEdit{string(e.Do), e.What, notNil(e.Names), e.Line, notNil(e.Declare)})
	}
	return list
}
