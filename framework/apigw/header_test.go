package apigw

import (
	"strings"
	"testing"
)

// A token has the characters of RFC 9110, section 5.6.2, and no other.
func TestValidToken(t *testing.T) {
	const tchar = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for c := range 256 {
		s := string([]byte{byte(c)})
		if got, want := validToken(s), strings.Contains(tchar, s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
		if validToken("a"+s+"b") != validToken(s) {
			t.Errorf("%q counts differently between others", s)
		}
	}
	if validToken("") {
		t.Error("the empty text is a token")
	}
}

// Wherever a control character stands in a value, nothing of it is left, whether
// the event has it as an escape or, as JSON allows for DEL, as it is.
func TestControlCharacters(t *testing.T) {
	for c := range 0x80 {
		s := string(rune(c))
		want := " "
		if c >= ' ' && c != 0x7f || c == '\t' {
			want = s
		}
		for _, tt := range []struct{ value, want string }{
			{"a" + s + "b", "a" + want + "b"},
			{s + "b", strings.Trim(want+"b", " \t")},
			{"a" + s, strings.Trim("a"+want, " \t")},
		} {
			if got := cleanValue(tt.value); got != tt.want {
				t.Errorf("cleanValue(%q) is %q, want %q", tt.value, got, tt.want)
			}
			e := decode(t, edit(t, "httpapi-form", "headers.x-test", tt.value))
			if got := e.header("X-Test"); got != tt.want {
				t.Errorf("a header of %q is %q, want %q", tt.value, got, tt.want)
			}
		}
	}
}

// A status has three digits. Informational statuses do not count, and 101 panics.
func TestWriteHeaderBounds(t *testing.T) {
	for _, code := range []int{-1, 0, 99, 101, 1000} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("status %d is taken", code)
				}
			}()
			NewResponse("GET").WriteHeader(code)
		}()
	}
	for code, want := range map[int]int{100: 200, 102: 200, 199: 200, 200: 200, 999: 999} {
		r := NewResponse("GET")
		r.WriteHeader(code)
		if r.Status() != want {
			t.Errorf("after %d the status is %d, want %d", code, r.Status(), want)
		}
	}
}
