package apigw

import (
	"io"
	"strings"
	"testing"
)

// BenchmarkRoundTrip is all this package adds to an invocation: a usual event, and
// one with a body near Lambda's limit.
func BenchmarkRoundTrip(b *testing.B) {
	for name, body := range map[string]string{"small": `{"a":1}`, "large": strings.Repeat("a\n", 2_000_000)} {
		payload := edit(b, "httpapi-jwt", "body", body)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e := decode(b, payload)
				request(b, e)
				r := NewResponse(e.Method)
				io.WriteString(r, body)
				encode(b, e, r)
			}
		})
	}
}
