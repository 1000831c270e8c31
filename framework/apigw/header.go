package apigw

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// setHeaders fills e.header and e.host from the headers of an event, given once
// (single), repeated (multi) or both. Where both are given multi has everything and
// single the last value of each, so single counts only for names that multi lacks,
// as in hand-written events. Names in more than one case are one header.
//
// Like net/http, it moves the Host header to the host. Unlike net/http, which
// refuses such a request, it drops names that are not tokens and cleans values.
func (e *Event) setHeaders(single map[string]string, multi map[string][]string, domain string) {
	e.header = make(http.Header, max(len(single), len(multi)))
	for _, name := range slices.Sorted(maps.Keys(multi)) {
		if validToken(name) {
			for _, value := range multi[name] {
				e.header.Add(name, cleanValue(value))
			}
		}
	}
	repeated := e.header.Clone()
	for _, name := range slices.Sorted(maps.Keys(single)) {
		if _, have := repeated[http.CanonicalHeaderKey(name)]; !have && validToken(name) {
			e.header.Add(name, cleanValue(single[name]))
		}
	}
	e.host = e.header.Get("Host")
	e.header.Del("Host")
	if e.host == "" {
		e.host = domain
	}
}

// validToken reports whether s is a token, the form of a header name and of a
// method (RFC 9110, section 5.6.2).
func validToken(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// cleanValue turns line breaks and other control characters of a header value into
// spaces, as net/http does for line breaks, and trims it (RFC 9110, section 5.5).
// A tab is allowed inside a value.
func cleanValue(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.Trim(s, " \t")
}
