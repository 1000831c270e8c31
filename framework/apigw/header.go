package apigw

import (
	"net/http"
	"strings"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// A field is one line of a header: a canonical name and a clean value.
type field struct{ name, value string }

// setHeaders fills e.fields and e.host from the headers of an event, given once
// (single), repeated (multi) or both. Where both are given multi has everything and
// single the last value of each, so single counts only for names that multi lacks,
// as in hand-written events. Names in more than one case are one header.
//
// Like net/http, it moves the Host header to the host. Unlike net/http, which
// refuses such a request, it drops names that are not tokens and cleans values.
func (e *Event) setHeaders(single, multi object, domain string) {
	e.fields = make([]field, 0, single.Len()+multi.Len()+1) // one for the cookies
	for name, values := range multi.Members() {
		for value := range multi.want(values, rawjson.Array).Items() {
			e.addHeader(multi, name, value)
		}
	}
	var repeated map[string]bool
	if len(e.fields) > 0 {
		repeated = make(map[string]bool, len(e.fields))
	}
	for _, f := range e.fields {
		repeated[f.name] = true
	}
	for name, value := range single.Members() {
		if repeated == nil || !repeated[http.CanonicalHeaderKey(name)] {
			e.addHeader(single, name, value)
		}
	}
	if e.host == "" {
		e.host = domain
	}
}

// addHeader adds one line. Of several hosts the first counts.
func (e *Event) addHeader(in object, name string, value rawjson.Value) {
	if value.Kind() == rawjson.Null {
		return
	}
	value = in.want(value, rawjson.String)
	text := value.Text()
	if value.Plain() && strings.IndexByte(text, 0x7f) < 0 {
		text = trimSpace(text) // cleanValue's short way
	} else {
		text = cleanValue(text)
	}
	switch name := canonicalName(name); name {
	case "":
	case "Host":
		if e.host == "" {
			e.host = text
		}
	default:
		e.fields = append(e.fields, field{name, text})
	}
}

// appendHeaders appends the values of a header.
func (e *Event) appendHeaders(values []string, name string) []string {
	for _, f := range e.fields {
		if f.name == name {
			values = append(values, f.value)
		}
	}
	return values
}

// header returns the first value of a header, or "".
func (e *Event) header(name string) string { return valueOf(e.fields, name) }

// valueOf returns the first value of a header, or "".
func valueOf(fields []field, name string) string {
	for _, f := range fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// newHeader returns the headers in net/http's form.
func (e *Event) newHeader() http.Header {
	header := make(http.Header, len(e.fields)+1)
	values := make([]string, len(e.fields)) // of one piece for all of them
	for i, f := range e.fields {
		if before, ok := header[f.name]; ok {
			header[f.name] = append(before, f.value)
			continue
		}
		values[i] = f.value
		header[f.name] = values[i : i+1 : i+1]
	}
	return header
}

// canonicalName returns a header name as http.CanonicalHeaderKey does, and "" for
// one that is no token, as that of a trailer, whose prefix has a colon.
func canonicalName(name string) string {
	if known, ok := lowerNames[name]; ok {
		return known
	}
	if !validToken(name) {
		return ""
	}
	return http.CanonicalHeaderKey(name)
}

// lowerNames has the names that gateways and browsers send most, in the lower case
// in which an HTTP API, a Function URL and a load balancer write every name.
// http.CanonicalHeaderKey would make each of them anew for each request.
var lowerNames = map[string]string{
	"accept":                    "Accept",
	"accept-encoding":           "Accept-Encoding",
	"accept-language":           "Accept-Language",
	"authorization":             "Authorization",
	"cache-control":             "Cache-Control",
	"content-length":            "Content-Length",
	"content-type":              "Content-Type",
	"cookie":                    "Cookie",
	"host":                      "Host",
	"origin":                    "Origin",
	"priority":                  "Priority",
	"referer":                   "Referer",
	"sec-ch-ua":                 "Sec-Ch-Ua",
	"sec-ch-ua-mobile":          "Sec-Ch-Ua-Mobile",
	"sec-ch-ua-platform":        "Sec-Ch-Ua-Platform",
	"sec-fetch-dest":            "Sec-Fetch-Dest",
	"sec-fetch-mode":            "Sec-Fetch-Mode",
	"sec-fetch-site":            "Sec-Fetch-Site",
	"sec-fetch-user":            "Sec-Fetch-User",
	"traceparent":               "Traceparent",
	"upgrade-insecure-requests": "Upgrade-Insecure-Requests",
	"user-agent":                "User-Agent",
	"via":                       "Via",
	"x-amz-cf-id":               "X-Amz-Cf-Id",
	"x-amzn-trace-id":           "X-Amzn-Trace-Id",
	"x-api-key":                 "X-Api-Key",
	"x-forwarded-for":           "X-Forwarded-For",
	"x-forwarded-port":          "X-Forwarded-Port",
	"x-forwarded-proto":         "X-Forwarded-Proto",
	"x-request-id":              "X-Request-Id",
	"x-requested-with":          "X-Requested-With",
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
	if strings.IndexFunc(s, isControl) >= 0 {
		s = strings.Map(func(r rune) rune {
			if isControl(r) {
				return ' '
			}
			return r
		}, s)
	}
	return trimSpace(s)
}

// trimSpace is strings.Trim(s, " \t"), which would build a set for each value.
func trimSpace(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
