package review

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// Names are the names of the two manifests that a Diff compares, for output.
type Names struct {
	Old string // such as "main:routes.yaml"
	New string // a path, from where people and tools look
}

// Text writes the Diff for a terminal: first the line that says how risky it
// is, then each change with its places and its witness.
func (d *Diff) Text(w io.Writer, names Names) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, d.Count())
	for _, c := range d.Changes {
		fmt.Fprintf(b, "\n%-8s  %s [%s]\n", c.Kind, c.Message, c.Rule)
		fmt.Fprintf(b, "          %s\n", places(c, names))
		if c.Witness != nil {
			fmt.Fprintf(b, "          %s\n", c.Witness)
		}
	}
	for _, line := range d.Terraform {
		fmt.Fprintf(b, "\nterraform %s\n", line)
	}
	return b.Flush()
}

// places says where a change is: "main:routes.yaml:12 -> routes.yaml:14".
func places(c Change, names Names) string {
	var list []string
	if c.Old.Line > 0 {
		list = append(list, fmt.Sprintf("%s:%d", names.Old, c.Old.Line))
	}
	if c.New.Line > 0 {
		list = append(list, fmt.Sprintf("%s:%d", names.New, c.New.Line))
	}
	if len(list) == 0 {
		return names.New
	}
	return strings.Join(list, " -> ")
}

// String says what the request is and how the two tables answer it: "GET /v1/x
// as nobody: 401 no_principal before, runs \"get_x\" now".
func (w *Witness) String() string {
	return fmt.Sprintf("%s %s as %s: %s before, %s now", w.Method, w.Path, Describe(w.Caller), answer(w.Old), answer(w.New))
}

func answer(d route.Decision) string {
	if d.Allowed {
		return fmt.Sprintf("runs %q", d.Route.Handler)
	}
	return fmt.Sprintf("%d %s", d.Reason.Status(), d.Reason)
}

// Markdown writes the Diff as a comment on a pull request. Its first line, which
// does not show, is always the same, so that a later run can find the comment
// and replace it.
func (d *Diff) Markdown(w io.Writer, names Names) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "<!-- routegate: who may do what -->\n**%s**\n", d.Count())
	var neutral []Change
	rows := 0
	for _, c := range d.Changes {
		if c.Kind == Neutral {
			neutral = append(neutral, c)
			continue
		}
		if rows++; rows == 1 {
			fmt.Fprint(b, "\n| | change | for example | where |\n| --- | --- | --- | --- |\n")
		}
		kind := string(c.Kind)
		if c.Public {
			kind += ", PUBLIC"
		}
		fmt.Fprintf(b, "| **%s** | %s | %s | %s |\n", kind, markdownText(c.Message), markdownText(c.Witness.String()), markdownText(places(c, names)))
	}
	if len(neutral) > 0 {
		fmt.Fprintf(b, "\n<details><summary>%d neutral</summary>\n\n", len(neutral))
		for _, c := range neutral {
			fmt.Fprintf(b, "- %s (%s)\n", markdownText(c.Message), markdownText(places(c, names)))
		}
		fmt.Fprint(b, "\n</details>\n")
	}
	if len(d.Terraform) > 0 {
		fmt.Fprint(b, "\nTerraform does more than change routes in place:\n\n")
		for _, line := range d.Terraform {
			fmt.Fprintf(b, "- %s\n", markdownText(line))
		}
	}
	return b.Flush()
}

// markdownText keeps a text from being read as Markdown or HTML, and from
// mentioning people.
func markdownText(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '<':
			b.WriteString("&lt;")
		case c == '&':
			b.WriteString("&amp;")
		case c == '@':
			b.WriteString("&#64;")
		case strings.ContainsRune("\\`*_{}[]|~#", c):
			b.WriteRune('\\')
			b.WriteRune(c)
		case c < ' ' || c == 0x7f:
			b.WriteByte(' ')
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// GitHub writes the changes as annotations of a workflow, which GitHub shows at
// their lines (GitHub documentation, "Workflow commands for GitHub Actions"):
// what is newly public as an error, what else is wider as a warning, all else
// as a notice. The last line is the count, for the log.
func (d *Diff) GitHub(w io.Writer, names Names) error {
	b := bufio.NewWriter(w)
	for _, c := range d.Changes {
		command := "notice"
		switch {
		case c.Public:
			command = "error"
		case c.Kind == Wider:
			command = "warning"
		}
		text := c.Message
		if c.Witness != nil {
			text += "\n" + c.Witness.String()
		}
		at := "file=" + gitHubProperty(names.New)
		if c.New.Line > 0 { // what is gone has no line in the new file
			at += fmt.Sprintf(",line=%d", c.New.Line)
		}
		fmt.Fprintf(b, "::%s %s,title=%s::%s\n", command, at, gitHubProperty(string(c.Kind)+" "+c.Rule), gitHubData(text))
	}
	for _, line := range d.Terraform {
		fmt.Fprintf(b, "::notice file=%s,title=%s::%s\n", gitHubProperty(names.New), "Terraform", gitHubData(line))
	}
	fmt.Fprintln(b, d.Count())
	return b.Flush()
}

var (
	gitHubDataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	gitHubPropertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func gitHubData(s string) string     { return gitHubDataEscapes.Replace(s) }
func gitHubProperty(s string) string { return gitHubPropertyEscapes.Replace(s) }

// JSON writes the Diff for programs. Its keys stay as they are.
func (d *Diff) JSON(w io.Writer, names Names) error {
	type place struct {
		Line     int    `json:"line"`
		RouteKey string `json:"route_key,omitempty"`
	}
	type decision struct {
		Allowed bool   `json:"allowed"`
		Status  int    `json:"status"` // 200 when allowed: what the handler answers is its own
		Reason  string `json:"reason"`
		Handler string `json:"handler,omitempty"`
	}
	type witness struct {
		Method string      `json:"method"`
		Path   string      `json:"path"`
		Caller shownCaller `json:"caller"`
		Old    decision    `json:"old"`
		New    decision    `json:"new"`
	}
	type change struct {
		Kind    Kind     `json:"kind"`
		Rule    string   `json:"rule"`
		Public  bool     `json:"public"`
		Message string   `json:"message"`
		Old     *place   `json:"old"` // null: the old manifest does not have it
		New     *place   `json:"new"`
		Witness *witness `json:"witness"` // null for what is neutral
	}
	at := func(p Place) *place {
		if p == (Place{}) {
			return nil
		}
		return &place{p.Line, p.RouteKey}
	}
	answer := func(d route.Decision) decision {
		a := decision{Allowed: d.Allowed, Status: d.Reason.Status(), Reason: string(d.Reason)}
		if d.Allowed {
			a.Handler = d.Route.Handler
		}
		return a
	}
	out := struct {
		Old       string   `json:"old"`
		New       string   `json:"new"`
		Count     Count    `json:"count"`
		Changes   []change `json:"changes"`
		Terraform []string `json:"terraform"`
	}{names.Old, names.New, d.Count(), []change{}, append([]string{}, d.Terraform...)}
	for _, c := range d.Changes {
		ch := change{Kind: c.Kind, Rule: c.Rule, Public: c.Public, Message: c.Message, Old: at(c.Old), New: at(c.New)}
		if w := c.Witness; w != nil {
			ch.Witness = &witness{w.Method, w.Path, showCaller(w.Caller), answer(w.Old), answer(w.New)}
		}
		out.Changes = append(out.Changes, ch)
	}
	return writeJSON(w, out)
}

// A shownCaller is a caller for programs.
type shownCaller struct {
	Auth   string   `json:"auth"` // none, jwt or iam
	Groups []string `json:"groups"`
	Scopes []string `json:"scopes"`
}

func showCaller(c route.Caller) shownCaller {
	return shownCaller{c.Auth.String(), append([]string{}, c.Principal.Groups...), append([]string{}, c.Principal.Scopes...)}
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
