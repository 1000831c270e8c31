package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/routegate/routegate/framework/source"
)

// A terminal is where a developer looks first: what there is at start, then a
// line a request. It is safe for concurrent use.
type terminal struct {
	mu     sync.Mutex
	w      io.Writer
	colour bool
}

// newTerminal colours what it writes to a terminal, unless NO_COLOR is set
// (https://no-color.org).
func newTerminal(w io.Writer) *terminal {
	t := &terminal{w: w}
	if f, ok := w.(*os.File); ok && os.Getenv("NO_COLOR") == "" {
		info, err := f.Stat()
		t.colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// The colours, as terminals know them.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	grey   = "90"
)

func (t *terminal) paint(colour, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (t *terminal) write(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = io.WriteString(t.w, text) // a closed terminal is no reason to stop
}

// welcome says where everything is, and what to type next.
func (t *terminal) welcome(st state, url string) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "the API:   %s%s\nthe page:  %s%s\n%s\n%s\n\n", url, st.Stage, url, pagePath, st.Checks, st.CORS)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "METHOD\tPATH\tHANDLER\tWHO MAY CALL")
	for _, r := range st.Routes {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Method, r.Path, r.Handler, r.Who)
	}
	w.Flush()
	fmt.Fprintf(&b, "\n%s\n\n", firstRequest(st, url))
	t.write(b.String())
}

// firstRequest is a line to paste: for the first public route of the manifest
// that takes GET, if there is one, or else for any public route.
func firstRequest(st state, url string) string {
	best := st.Routes[0]
	rank := func(r listedRoute) (n int) {
		if !r.Public || strings.Contains(r.Path, "{") {
			return 0
		}
		if r.Method == "GET" {
			return 2
		}
		return 1
	}
	for _, r := range st.Routes {
		if rank(r) > rank(best) || rank(r) == rank(best) && rank(r) > 0 && r.Line < best.Line {
			best = r
		}
	}
	line := "curl"
	if best.Method != "GET" && best.Method != "ANY" {
		line += " -X " + best.Method
	}
	if !best.Public && st.BuiltIn {
		line += source.Here(` -H "Authorization: Bearer $(go run ./cmd/local token -as alice)"`)
	}
	return line + " " + url + st.Stage + strings.NewReplacer("{", "", "+}", "", "}", "").Replace(best.Path)
}

// request writes the line of a request. It holds no query: there may be a token
// in it.
func (t *terminal) request(r request, manifest string) {
	colour := green
	switch {
	case r.Status >= 500:
		colour = red
	case r.Status >= 400:
		colour = yellow
	}
	path, _, _ := strings.Cut(r.Path, "?")
	line := fmt.Sprintf("%s %-7s %s  %s", t.paint(colour, fmt.Sprint(r.Status)), r.Method, printable(path), t.paint(grey, fmt.Sprintf("%.1f ms", r.Millis)))
	if r.Reason != "" {
		line += "  " + t.paint(colour, r.By+": "+printable(r.Reason))
		if r.Line > 0 {
			line += t.paint(grey, fmt.Sprintf(" (%s:%d)", manifest, r.Line))
		}
	}
	for _, warning := range r.Warnings {
		line += "\n    " + t.paint(yellow, "warning: "+printable(warning))
	}
	t.write(line + "\n")
}

// printable keeps what a client sent from steering the terminal.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return '\uFFFD'
		}
		return c
	}, s)
}

// problem says what went wrong, and note what did not.
func (t *terminal) problem(text string) { t.write(t.paint(red, "problem: "+text) + "\n") }

func (t *terminal) note(text string) { t.write(t.paint(grey, text) + "\n") }

// functionLog writes the function's own log, set off from the rest.
type functionLog struct{ t *terminal }

func (l functionLog) Write(p []byte) (int, error) {
	var b strings.Builder
	for line := range strings.Lines(string(p)) {
		if strings.Contains(line, `"msg":"start"`) && strings.Contains(line, `"manifest_digest":`) {
			continue // which manifest it was built from is plain to see here
		}
		b.WriteString(l.t.paint(grey, "  | "+strings.TrimRight(line, "\r\n")) + "\n")
	}
	l.t.write(b.String())
	return len(p), nil
}
