package apigw

import (
	stdbase64 "encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// ErrTooLarge is wrapped by the error of Encode for an answer that AWS would not
// take. The limit is on the JSON text, in which a body that is not text is a third
// longer than its bytes: 6 MiB (6,291,456 bytes) for what Lambda hands to a gateway
// or a Function URL, 1 MiB (1,048,576 bytes) for a load balancer.
var ErrTooLarge = errors.New("response too large")

const (
	lambdaLimit = 6 << 20 // Lambda quotas: invocation payload, synchronous
	albLimit    = 1 << 20 // ALB guide: Lambda functions as targets, limits
)

// Encode returns r as the payload that the source of e takes as its answer. It may
// be called before the handler wrote anything: that is status 200 and no body.
//
// The error wraps ErrTooLarge when the payload is over the source's limit. Encode
// changes neither e nor r.
func (e *Event) Encode(r *Response) ([]byte, error) {
	fields, body := r.result()
	// Compressed data is never text, even where its bytes happen to be UTF-8.
	base64 := len(body) > 0 && (!utf8.Valid(body) || isCompressed(valueOf(fields, "Content-Encoding")))

	// The sources read different parts of the object. statusCode is always there:
	// without it an HTTP API would send the object itself to the client, with
	// status 200.
	b := make([]byte, 0, encodedLen(fields, body, base64))
	b = append(b, `{"statusCode":`...)
	b = strconv.AppendInt(b, int64(r.Status()), 10)
	limit := lambdaLimit
	switch e.Source {
	case HTTPAPI, FunctionURL:
		// Cookies have their own list: joined by commas they would be one.
		fields, cookies := splitCookies(fields)
		b = appendHeaders(b, joined(fields))
		b = appendCookies(b, cookies)
	case HTTPAPIv1, REST:
		b = appendMultiValueHeaders(b, fields)
	case ALB:
		limit = albLimit
		if text := http.StatusText(r.Status()); text != "" {
			b = append(b, `,"statusDescription":`...)
			b = rawjson.AppendQuoted(b, strconv.Itoa(r.Status())+" "+text)
		}
		if e.multi {
			b = appendMultiValueHeaders(b, fields)
			break
		}
		fields, cookies := splitCookies(fields)
		spread, err := spreadCookies(joined(fields), cookies)
		if err != nil {
			return nil, err
		}
		b = appendHeaders(b, spread)
	default:
		return nil, fmt.Errorf("gateway response: event has no source: %v", e.Source)
	}
	b = append(b, `,"body":`...)
	if base64 {
		b = append(b, '"')
		b = stdbase64.StdEncoding.AppendEncode(b, body)
		b = append(b, '"')
	} else {
		b = rawjson.AppendQuoted(b, body)
	}
	b = append(b, `,"isBase64Encoded":`...)
	b = strconv.AppendBool(b, base64)
	b = append(b, '}')

	if len(b) > limit {
		return nil, fmt.Errorf("gateway response: %w: %d bytes of JSON, the limit of the %v is %d",
			ErrTooLarge, len(b), e.Source, limit)
	}
	return b, nil
}

// encodedLen is about how long an answer becomes, so that it is written into one
// piece of memory.
func encodedLen(fields []field, body []byte, base64 bool) int {
	n := 96 + len(body) + len(body)/8 // an eighth of it is quotes, in JSON
	if base64 {
		n = 96 + stdbase64.StdEncoding.EncodedLen(len(body))
	}
	for _, f := range fields {
		n += len(f.name) + len(f.value) + 16
	}
	return n
}

func isCompressed(encoding string) bool {
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

// result returns headers and body as they go out: names canonical and in order,
// values clean, nothing that only makes sense on a connection of one's own.
func (r *Response) result() ([]field, []byte) {
	sent, typed := r.sent, r.typed
	if r.status == 0 {
		sent, typed = snapshot(r.header)
	}
	fields := make([]field, 0, len(sent)+1)
	for _, f := range sent {
		// Trailers, whose prefix has a colon, fall out here: no source has them.
		if !validToken(f.name) {
			continue
		}
		f.name, f.value = http.CanonicalHeaderKey(f.name), cleanValue(f.value)
		// The service frames the message and computes the length. For HEAD it
		// cannot: only the handler knows how long the body would have been.
		if f.name == "Transfer-Encoding" || f.name == "Trailer" || f.name == "Content-Length" && !r.head {
			continue
		}
		fields = append(fields, f)
	}

	body := r.body.Bytes()
	// The gateways call an answer without a type text/plain, so it is guessed as
	// net/http does: unless the handler set it, be it to nothing.
	if !typed && valueOf(fields, "Content-Type") == "" && valueOf(fields, "Content-Encoding") == "" && len(body) > 0 {
		fields = append(fields, field{"Content-Type", http.DetectContentType(body)})
	}
	if valueOf(fields, "Content-Type") == "" {
		fields = slices.DeleteFunc(fields, func(f field) bool { return f.name == "Content-Type" })
	}
	slices.SortStableFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	if r.head {
		body = nil
	}
	return fields, body
}

// snapshot copies headers, with the names in order, so that those which differ in
// case merge in one way. typed tells whether they say anything of the type.
func snapshot(header http.Header) (fields []field, typed bool) {
	n := 0
	for _, values := range header {
		n += len(values)
	}
	fields = make([]field, 0, n)
	for name, values := range header {
		for _, value := range values {
			fields = append(fields, field{name, value})
		}
	}
	slices.SortStableFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	_, typed = header["Content-Type"]
	return fields, typed
}

// valueOf returns the first value of a header, or "".
func valueOf(fields []field, name string) string {
	for _, f := range fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// splitCookies returns the other headers, and the cookies.
func splitCookies(fields []field) (others []field, cookies []string) {
	others = fields[:0]
	for _, f := range fields {
		if f.name == "Set-Cookie" {
			cookies = append(cookies, f.value)
		} else {
			others = append(others, f)
		}
	}
	return others, cookies
}

// joined makes one value of several, which RFC 9110, section 5.3, allows for all
// headers but Set-Cookie. It takes names in order.
func joined(fields []field) []field {
	out := fields[:0]
	for _, f := range fields {
		if n := len(out); n > 0 && out[n-1].name == f.name {
			out[n-1].value += ", " + f.value
			continue
		}
		out = append(out, f)
	}
	return out
}

func appendHeaders(b []byte, fields []field) []byte {
	for i, f := range fields {
		if i == 0 {
			b = append(b, `,"headers":{`...)
		} else {
			b = append(b, ',')
		}
		b = rawjson.AppendQuoted(b, f.name)
		b = append(b, ':')
		b = rawjson.AppendQuoted(b, f.value)
	}
	if len(fields) > 0 {
		b = append(b, '}')
	}
	return b
}

func appendCookies(b []byte, cookies []string) []byte {
	for i, cookie := range cookies {
		if i == 0 {
			b = append(b, `,"cookies":[`...)
		} else {
			b = append(b, ',')
		}
		b = rawjson.AppendQuoted(b, cookie)
	}
	if len(cookies) > 0 {
		b = append(b, ']')
	}
	return b
}

func appendMultiValueHeaders(b []byte, fields []field) []byte {
	for i, f := range fields {
		switch {
		case i == 0:
			b = append(b, `,"multiValueHeaders":{`...)
		case fields[i-1].name == f.name:
			b = append(b, ',')
			b = rawjson.AppendQuoted(b, f.value)
			continue
		default:
			b = append(b, `],`...)
		}
		b = rawjson.AppendQuoted(b, f.name)
		b = append(b, `:[`...)
		b = rawjson.AppendQuoted(b, f.value)
	}
	if len(fields) > 0 {
		b = append(b, `]}`...)
	}
	return b
}

// spreadCookies adds cookies to headers of which each name can come once. Header
// names do not depend on case while keys of a JSON object do, so every cookie gets
// the name in a spelling of its own: set-cookie, Set-cookie, sEt-cookie and so on.
// This was common with API Gateway before it had multiValueHeaders; with a load
// balancer it was not measured. Turning on multi-value headers in the target group
// makes it unnecessary.
func spreadCookies(fields []field, cookies []string) ([]field, error) {
	const letters = 9 // of set-cookie, two spellings each
	if len(cookies) > 1<<letters {
		return nil, fmt.Errorf("gateway response: %d cookies, but only %d fit without multi-value headers", len(cookies), 1<<letters)
	}
	for i, cookie := range cookies {
		name := []byte("set-cookie")
		bits := i
		for at, c := range name {
			if c == '-' {
				continue
			}
			if bits&1 == 1 {
				name[at] = c - 'a' + 'A'
			}
			bits >>= 1
		}
		fields = append(fields, field{string(name), cookie})
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return fields, nil
}
