package apigw

import (
	"strings"
	"testing"
)

// In the id of a trace each byte is tried at each place: hexadecimal digits pass
// where there are digits, and nothing else does.
func TestTraceRoot(t *testing.T) {
	const root = "1-6a5145a9-1bae89e2512ec92d5d9438a0"
	for at := range len(root) {
		isDigit := at > 1 && root[at] != '-'
		for c := range 256 {
			id := root[:at] + string([]byte{byte(c)}) + root[at+1:]
			want := ""
			if id == root || isDigit && strings.IndexByte("0123456789abcdefABCDEF", byte(c)) >= 0 {
				want = id
			}
			if got := TraceRoot("Root=" + id); got != want {
				t.Errorf("Root=%q: %q, want %q", id, got, want)
			}
		}
	}
	for _, test := range []struct{ header, want string }{
		{"", ""},
		{"Root=" + root + ";Parent=53995c3f42cd8ad8;Sampled=0", root},
		{"Self=1-67891234-12456789abcdef012345678; Root=" + root, root},
		{"Root=x;Root=" + root, root},
		{"root=" + root, ""},
		{"Root=" + root + "0", ""},
		{"Root=" + root[:len(root)-1], ""},
		{root, ""},
	} {
		if got := TraceRoot(test.header); got != test.want {
			t.Errorf("%s: %q, want %q", test.header, got, test.want)
		}
	}
}
