package manifest

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

var full = flag.Bool("full", false, "run the tests with manifests of many megabytes, which take minutes")

// TestHostile feeds Parse with files that were made to make it slow, or to
// bring it down. Each has to be answered with diagnostics that a person can
// read, in a time that is in proportion to its size: seconds for the largest
// file that Parse takes. The time limit only guards against hanging.
func TestHostile(t *testing.T) {
	const header = "version: 1\nroutes:\n  - {path: /a, method: GET, handler: a}\n"
	repeat := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	tests := []struct {
		name  string
		src   string
		rule  string // of the first error; "" is none
		count int    // of diagnostics; 0 is any
	}{
		{"10 MB", header + strings.Repeat("# comment\n", 1<<20), "too-large", 1},
		{"as large as allowed", header + strings.Repeat("#", MaxSize-len(header)), "", 0},
		{"as large as allowed, short comments", header + strings.Repeat("#\n", (MaxSize-len(header))/2), "", 0},
		{"empty lines", header + strings.Repeat("\n", MaxSize-len(header)), "", 0},
		{"comments before a broken line", header + strings.Repeat("#\n", 3<<20) + "x", "syntax", 1},
		{"empty lines before a broken line", header + strings.Repeat("\n", 7<<20) + "x", "syntax", 1},
		{"broken in the first line", "x: [\n" + strings.Repeat("a,\n", 2<<20), "syntax", 1},
		{"broken in the last line", header + strings.Repeat("  - {path: /a, method: GET, handler: a}\n", 200_000) + " x: y", "syntax", 1},
		{"broken last key", "version: 1\n" + repeat("k%d: v\n", 500_000) + " x: y\n", "syntax", 1},
		{"alias bomb", header + "tests:\n  - &a0 [x, x, x, x, x, x, x, x, x]\n" + aliases(100), "no-anchor", 0},
		{"unknown aliases", "a: [" + strings.Repeat("*b, ", 500_000) + "]\n", "syntax", 1},
		{"many aliases", header + "tests: [&b x, " + strings.Repeat("*b, ", 500_000) + "]\n", "no-anchor", 500_002},
		{"anchor that holds itself", header + "tests: &a [*a]\n", "no-anchor", 2},
		{"deep lists", strings.Repeat("[", 100_000), "syntax", 1},
		{"deep lists, closed", "version: " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000), "", 0},
		{"deep mappings", strings.Repeat("{a: ", 100_000), "syntax", 1},
		{"deep mappings, closed", "version: " + strings.Repeat("{a: ", 9_000) + strings.Repeat("}", 9_000), "", 0},
		{"deep lists in blocks", strings.Repeat("- ", 100_000), "syntax", 1},
		{"deep lists in blocks, allowed", strings.Repeat("- ", 9_000) + "a", "wrong-type", 1},
		{"deep mappings in blocks", indented(3_000), "", 0},
		{"question marks", strings.Repeat("? ", 100_000), "syntax", 1},
		{"wrong entries in a line", "version: 1\nroutes: [" + strings.Repeat("1, ", 800_000) + "]\n", "wrong-type", 800_000},
		{"wrong routes in a line", "version: 1\nroutes: [" + strings.Repeat("{a: b}, ", 300_000) + "]\n", "missing-key", 0},
		{"wrong wide entries in a line", "version: 1\nroutes: [" + strings.Repeat("é, ", 500_000) + "]\n", "wrong-type", 500_000},
		{"duplicate keys", strings.Repeat("a: b\n", 500_000), "missing-key", 0},
		{"duplicate keys in a line", "{" + strings.Repeat("a: b, ", 500_000) + "}", "missing-key", 0},
		{"duplicate values in a line", "version: 1\nroutes: [{path: /a, method: GET, handler: a, tags: [" + strings.Repeat("a, ", 500_000) + "]}]", "duplicate-value", 499_999},
		{"unknown keys", repeat("k%d: v\n", 500_000), "missing-key", 0},
		{"unknown keys of a route", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n" + repeat("    pa%d: v\n", 500_000), "unknown-key", 500_000},
		{"unknown keys of many routes", "version: 1\nroutes:\n" + strings.Repeat("  - {pat: a, methd: GET, handle: b}\n", 200_000), "unknown-key", 600_000},
		{"wrong meanings of groups", header + "groups:\n" + repeat("  k%d: 1\n", 500_000), "wrong-type", 500_000},
		{"wrong names of groups", header + "groups:\n" + repeat("  k %d: a\n", 400_000), "bad-name", 400_000},
		{"wrong types of long values", "version: 1\nroutes: " + strings.Repeat("a", 8<<20-100) + "\n", "wrong-type", 1},
		{"a long method", "version: 1\nroutes: [{path: /a, handler: a, method: " + strings.Repeat("GET", 2<<20) + "}]\n", "bad-value", 1},
		{"a long key", "version: 1\nroutes: [{path: /a, handler: a, method: GET, ? " + strings.Repeat("a", 8<<20-100) + ": b}]\n", "unknown-key", 1},
		{"a long duplicate key", header + "? " + strings.Repeat("a", 4<<20-100) + "\n: b\n? " + strings.Repeat("a", 4<<20-100) + "\n: b\n", "unknown-key", 2},
		{"a long text in quotes", "version: 1\nroutes: \"" + strings.Repeat(`\\`, 4<<20-100) + "\"\n", "wrong-type", 1},
		{"a long text in quotes, open", "version: 1\nroutes: \"" + strings.Repeat(`\\`, 4<<20-100) + "\n", "syntax", 1},
		{"a long block of text", "version: 1\nroutes: |\n" + strings.Repeat("  text\n", 1<<20), "wrong-type", 1},
		{"a long number", "version: " + strings.Repeat("9", 4<<20) + "\nroutes: 1\n", "bad-value", 2},
		{"a large exponent", "version: 1e999999999\nroutes: 1e-999999999\n", "bad-value", 2},
		{"many documents", strings.Repeat("---\na\n", 1<<20), "", 0},
		{"many broken bytes", strings.Repeat("\xff", 8<<20), "not-utf8", 1},
		{"broken last byte", strings.Repeat("é", 4<<20-1) + "\xff", "not-utf8", 1},
		{"many control characters", strings.Repeat("\x00", 8<<20), "control-character", 1},
		{"quotes", strings.Repeat("'", 8<<20), "wrong-type", 1},
		{"quotes that follow quotes", strings.Repeat(`"" `, 2<<20), "wrong-type", 2},
		{"colons", strings.Repeat(": ", 4<<20), "syntax", 1},
		{"colons in a list", "[" + strings.Repeat(": ", 1<<20), "syntax", 1},
		{"commas", "[" + strings.Repeat(",", 4<<20), "syntax", 1},
		{"tabs", strings.Repeat("\t", 8<<20) + "x", "", 0},
		{"tags", "a: " + strings.Repeat("!a ", 1<<20), "syntax", 1},
		{"backslashes", `a: "` + strings.Repeat(`\`, 4<<20-1) + `d`, "syntax", 1},
		{"unclosed brackets in lines", strings.Repeat("a: [\n", 1<<20), "syntax", 1},
		{"lines of both kinds", strings.Repeat("#\r\n#\n", 1_000_000) + "@", "syntax", 1},
		{"lines of one more kind", strings.Repeat("#\r\n#\n", 1_000_000) + "\r@", "control-character", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if len(test.src) > 200_000 && !*full {
				t.Skip("takes seconds: run with -full")
			}
			done := make(chan *Report, 1)
			start := time.Now()
			go func() {
				_, r := Parse("routes.yaml", []byte(test.src))
				r.Print(io.Discard)
				done <- r
			}()
			var r *Report
			select {
			case r = <-done:
			case <-time.After(2 * time.Minute):
				t.Fatal("still not done after two minutes")
			}
			t.Logf("%.1f s for %.1f MB, %d diagnostics", time.Since(start).Seconds(), float64(len(test.src))/(1<<20), len(r.Diagnostics))
			if test.rule != "" && !r.HasErrors() {
				t.Fatal("no errors")
			}
			for i, d := range r.Diagnostics {
				if i == 0 && test.rule != "" && d.Rule != test.rule {
					t.Errorf("first rule %q, want %q: %.300s", d.Rule, test.rule, d.Message)
				}
				if len(d.Message) > 1000 {
					t.Fatalf("a message of %d bytes", len(d.Message))
				}
			}
			if n := len(r.Diagnostics); test.count > 0 && n != test.count {
				t.Errorf("%d diagnostics, want %d", n, test.count)
			}
		})
	}
}

// aliases returns n lists, each with the one before many times.
func aliases(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "  - &a%d [%s]\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	return b.String()
}

// indented returns mappings n deep, each on a line of its own.
func indented(n int) string {
	var b bytes.Buffer
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	m, r := Parse("routes.yaml", make([]byte, 10<<20))
	if m != nil {
		t.Error("got a manifest")
	}
	want := "routes.yaml: error: the file has 10485760 bytes, more than the 8388608 that a manifest may have [too-large]"
	if got := r.Err().Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
