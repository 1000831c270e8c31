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
	if known := knownName(name); known != "" {
		return known
	}
	if !validToken(name) {
		return ""
	}
	return http.CanonicalHeaderKey(name)
}

// knownName returns the canonical form of the names that gateways and browsers send
// most, in the lower case in which an HTTP API, a Function URL and a load balancer
// write every name, and "" for others. http.CanonicalHeaderKey would make each of
// them anew for each request, and a map would be made at each start.
func knownName(name string) string {
	switch name {
	case "accept":
		return "Accept"
	case "accept-encoding":
		return "Accept-Encoding"
	case "accept-language":
		return "Accept-Language"
	case "authorization":
		return "Authorization"
	case "cache-control":
		return "Cache-Control"
	case "content-length":
		return "Content-Length"
	case "content-type":
		return "Content-Type"
	case "cookie":
		return "Cookie"
	case "host":
		return "Host"
	case "origin":
		return "Origin"
	case "priority":
		return "Priority"
	case "referer":
		return "Referer"
	case "sec-ch-ua":
		return "Sec-Ch-Ua"
	case "sec-ch-ua-mobile":
		return "Sec-Ch-Ua-Mobile"
	case "sec-ch-ua-platform":
		return "Sec-Ch-Ua-Platform"
	case "sec-fetch-dest":
		return "Sec-Fetch-Dest"
	case "sec-fetch-mode":
		return "Sec-Fetch-Mode"
	case "sec-fetch-site":
		return "Sec-Fetch-Site"
	case "sec-fetch-user":
		return "Sec-Fetch-User"
	case "traceparent":
		return "Traceparent"
	case "upgrade-insecure-requests":
		return "Upgrade-Insecure-Requests"
	case "user-agent":
		return "User-Agent"
	case "via":
		return "Via"
	case "x-amz-cf-id":
		return "X-Amz-Cf-Id"
	case "x-amzn-trace-id":
		return "X-Amzn-Trace-Id"
	case "x-api-key":
		return "X-Api-Key"
	case "x-forwarded-for":
		return "X-Forwarded-For"
	case "x-forwarded-port":
		return "X-Forwarded-Port"
	case "x-forwarded-proto":
		return "X-Forwarded-Proto"
	case "x-request-id":
		return "X-Request-Id"
	case "x-requested-with":
		return "X-Requested-With"
	}
	return ""
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
