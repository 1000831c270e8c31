package manifest

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// A manifest that nests deeper than a stack is long is an error in its own words,
// whichever way it nests, and as soon as that is seen.
func TestDeepManifests(t *testing.T) {
	t.Parallel()
	const n = 1_000_000
	const header = "version: 1\nroutes:\n  - {path: /a, method: GET, handler: a, x: "
	for name, src := range map[string]string{
		"lists":                         strings.Repeat("[", n) + strings.Repeat("]", n),
		"lists, open":                   strings.Repeat("[", n),
		"mappings":                      strings.Repeat("{a: ", n) + strings.Repeat("}", n),
		"mappings as keys":              strings.Repeat("{? ", n) + strings.Repeat("}", n),
		"JSON":                          strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n),
		"lists in a route":              header + strings.Repeat("[", n) + strings.Repeat("]", n) + "}\n",
		"both in a route":               header + strings.Repeat("[{a: ", n) + strings.Repeat("}]", n) + "}\n",
		"lists in blocks":               strings.Repeat("- ", n) + "a",
		"mappings of a line in a block": "version:\n" + strings.Repeat(" ? ", n) + "a\n",
		"anchors":                       strings.Repeat("[&a ", n),
		"tags":                          strings.Repeat("[!!seq ", n),
	} {
		done := make(chan *Report, 1)
		go func() {
			_, r := Parse("routes.yaml", []byte(src))
			r.Print(io.Discard)
			done <- r
		}()
		select {
		case r := <-done:
			if !r.HasErrors() || len(r.Err().Error()) > 5000 {
				t.Errorf("%s: %.300s", name, fmt.Sprint(r.Err()))
			}
		case <-time.After(2 * time.Minute): // which only guards against hanging
			t.Fatalf("%s: still not done after two minutes", name)
		}
	}
}
