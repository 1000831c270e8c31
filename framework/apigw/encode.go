package apigw

import (
	stdbase64 "encoding/base64"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// ErrTooLarge is wrapped by the error of Encode if AWS would refuse the payload. The
// limit is on the JSON text of the payload, in which base64 makes a body a third
// longer. It is 6 MiB (6,291,456 bytes) for what Lambda hands to a gateway or a
// Function URL, and 1 MiB (1,048,576 bytes) for a load balancer.
var ErrTooLarge = errors.New("response too large")

const (
	lambdaLimit = 6 << 20 // Lambda quotas: invocation payload, synchronous
	albLimit    = 1 << 20 // ALB guide: Lambda functions as targets, limits
)

// Encode returns r as the payload that the source of e takes as its response. The
// caller may call it before the handler has written anything: the response then has
// status 200 and no body.
//
// A body that is not UTF-8, or that has a Content-Encoding, is sent as base64. Any
// other body is sent as text or as base64, whichever makes the shorter payload. A REST
// API is the exception: it gets text as long as the payload fits into the limit,
// because it decodes base64 only for the binary media types that it is configured
// with (API Gateway developer guide, "Binary media types for REST APIs").
//
// The error wraps ErrTooLarge if the payload is over the source's limit. Encode
// changes neither e nor r.
func (e *Event) Encode(r *Response) ([]byte, error) {
	fields, body := r.result()
	// Compressed data is never text, even if its bytes happen to be UTF-8.
	isText := len(body) == 0 || utf8.Valid(body) && !isCompressed(valueOf(fields, "Content-Encoding"))
	limit := lambdaLimit
	if e.Source == ALB {
		limit = albLimit
	}

	// The sources read different parts of the object. statusCode is always there:
	// without it an HTTP API would send the object itself to the client, with
	// status 200.
	b := make([]byte, 0, encodedLen(fields, body, isText))
	b = append(b, `{"statusCode":`...)
	b = strconv.AppendInt(b, int64(r.Status()), 10)
	switch e.Source {
	case HTTPAPI, FunctionURL:
		// Cookies have their own list: joined by commas they would be one.
		others, cookies := splitCookies(fields)
		b = appendHeaders(b, others)
		if len(cookies) > 0 {
			b = append(b, `,"cookies":`...)
			b = appendValues(b, cookies)
		}
	case HTTPAPIv1, REST:
		b = appendMultiValueHeaders(b, fields)
	case ALB:
		if text := http.StatusText(r.Status()); text != "" {
			b = append(b, `,"statusDescription":`...)
			b = rawjson.AppendQuoted(b, strconv.Itoa(r.Status())+" "+text)
		}
		if e.multi {
			b = appendMultiValueHeaders(b, fields)
			break
		}
		spread, err := spreadCookies(fields)
		if err != nil {
			return nil, err
		}
		b = appendHeaders(b, spread)
	default:
		return nil, fmt.Errorf("gateway response: event has no source: %v", e.Source)
	}
	b = append(b, `,"body":`...)
	mostText := base64Len(body)
	if e.Source == REST {
		mostText = max(mostText, limit-len(b)-len(`,"isBase64Encoded":false}`))
	}
	b, base64 := appendBody(b, body, isText, mostText)
	b = append(b, `,"isBase64Encoded":`...)
	b = strconv.AppendBool(b, base64)
	b = append(b, '}')

	if len(b) > limit {
		return nil, fmt.Errorf("gateway response: %w: %d bytes of JSON, the limit of the %v is %d",
			ErrTooLarge, len(b), e.Source, limit)
	}
	return b, nil
}

// appendBody appends a body as a JSON string if it is text and that takes at most
// mostText bytes, and otherwise as base64.
func appendBody(b, body []byte, isText bool, mostText int) (_ []byte, base64 bool) {
	if isText {
		if text, ok := rawjson.AppendQuotedWithin(b, body, mostText); ok {
			return text, false
		}
	}
	b = append(b, '"')
	b = stdbase64.StdEncoding.AppendEncode(b, body)
	return append(b, '"'), true
}

// base64Len returns the length of a body in base64, with the quotes around it.
func base64Len(body []byte) int {
	return len(`""`) + stdbase64.StdEncoding.EncodedLen(len(body))
}

// encodedLen estimates the length of a payload, so that it is written into one piece of
// memory.
func encodedLen(fields []field, body []byte, isText bool) int {
	n := 96 // what every payload has
	if isText {
		n += rawjson.QuotedLen(body)
	} else {
		n += base64Len(body)
	}
	for _, f := range fields {
		n += len(f.name) + len(f.value) + 16
	}
	return n
}

func isCompressed(encoding string) bool {
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

// result returns the headers and the body to send. It does not change r.
func (r *Response) result() ([]field, []byte) {
	fields, typed := r.sent, r.typed
	if r.status == 0 {
		fields, typed = sentFields(r.header, r.Status(), r.head)
	}
	body := r.body
	// The gateways call a response without a type text/plain, so it is guessed as
	// net/http does, unless the handler set a type, even an empty one.
	if !typed && len(body) > 0 && valueOf(fields, "Content-Type") == "" && valueOf(fields, "Content-Encoding") == "" {
		fields = withField(fields, field{"Content-Type", http.DetectContentType(body)})
	}
	if r.head {
		// A handler that wrote nothing may have noticed the HEAD, so as in net/http
		// an empty body says nothing about the length that GET has.
		if len(body) > 0 && valueOf(fields, "Content-Length") == "" {
			fields = withField(fields, field{"Content-Length", strconv.Itoa(len(body))})
		}
		body = nil
	}
	return fields, body
}

// withField returns fields, which must be sorted by name, with f among them.
func withField(fields []field, f field) []field {
	at, _ := slices.BinarySearchFunc(fields, f, byName)
	return slices.Insert(slices.Clip(fields), at, f)
}

// sentFields returns the headers to send with a status, sorted by their canonical
// names and with clean values. It leaves out those that describe the handler's own
// connection. typed reports whether the handler set a Content-Type.
func sentFields(header http.Header, status int, head bool) (fields []field, typed bool) {
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
	// Twice, so that names which differ in case merge in one way.
	slices.SortStableFunc(fields, byName)
	kept := fields[:0]
	for _, f := range fields {
		if f = (field{canonicalName(f.name), cleanValue(f.value)}); f.name != "" && isSent(f, status, head) {
			kept = append(kept, f)
		}
	}
	slices.SortStableFunc(kept, byName)
	_, typed = header["Content-Type"]
	if valueOf(kept, "Content-Type") == "" {
		kept = slices.DeleteFunc(kept, func(f field) bool { return f.name == "Content-Type" })
	}
	return kept, typed
}

func byName(a, b field) int { return strings.Compare(a.name, b.name) }

// isSent reports whether a header is sent. The service frames the message and computes
// its length, except for HEAD. There the handler's Content-Length is sent if it is
// valid and the status allows a body. A 304 has no Content-Type, as in net/http.
func isSent(f field, status int, head bool) bool {
	switch f.name {
	case "Transfer-Encoding", "Trailer":
		return false
	case "Content-Length":
		_, err := strconv.ParseUint(f.value, 10, 63)
		return head && bodyAllowed(status) && err == nil
	case "Content-Type":
		return status != http.StatusNotModified
	}
	return true
}

// lines yields the headers, each with all of its values.
func lines(fields []field) iter.Seq2[string, []field] {
	return func(yield func(string, []field) bool) {
		for len(fields) > 0 {
			n := 1
			for n < len(fields) && fields[n].name == fields[0].name {
				n++
			}
			if !yield(fields[0].name, fields[:n]) {
				return
			}
			fields = fields[n:]
		}
	}
}

// splitCookies returns the other headers, and the cookies.
func splitCookies(fields []field) (others, cookies []field) {
	from := slices.IndexFunc(fields, isCookie)
	if from < 0 {
		return fields, nil
	}
	to := from
	for to < len(fields) && isCookie(fields[to]) {
		to++
	}
	return slices.Concat(fields[:from], fields[to:]), fields[from:to]
}

func isCookie(f field) bool { return f.name == "Set-Cookie" }

// appendHeaders writes one text for each header. Several values become one, which
// RFC 9110, section 5.3, allows for all but Set-Cookie.
func appendHeaders(b []byte, fields []field) []byte {
	separator := `,"headers":{`
	for name, values := range lines(fields) {
		b = append(b, separator...)
		b = rawjson.AppendQuoted(b, name)
		b = append(b, ':')
		if len(values) == 1 {
			b = rawjson.AppendQuoted(b, values[0].value)
		} else {
			b = rawjson.AppendQuoted(b, joined(values))
		}
		separator = ","
	}
	if separator == "," {
		b = append(b, '}')
	}
	return b
}

func joined(values []field) string {
	var b strings.Builder
	for i, f := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.value)
	}
	return b.String()
}

// appendMultiValueHeaders writes a list of texts for each header.
func appendMultiValueHeaders(b []byte, fields []field) []byte {
	separator := `,"multiValueHeaders":{`
	for name, values := range lines(fields) {
		b = append(b, separator...)
		b = rawjson.AppendQuoted(b, name)
		b = append(b, ':')
		b = appendValues(b, values)
		separator = ","
	}
	if separator == "," {
		b = append(b, '}')
	}
	return b
}

func appendValues(b []byte, values []field) []byte {
	b = append(b, '[')
	for i, f := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = rawjson.AppendQuoted(b, f.value)
	}
	return append(b, ']')
}

// spreadCookies gives each cookie a header of its own, for an answer in which each
// name can come once. Header names do not depend on case while keys of a JSON
// object do, so every cookie gets the name in a spelling of its own: set-cookie,
// Set-cookie, sEt-cookie and so on. This was common with API Gateway before it had
// multiValueHeaders; with a load balancer it was not measured. Turning on
// multi-value headers in the target group makes it unnecessary.
func spreadCookies(fields []field) ([]field, error) {
	const letters = 9 // of set-cookie, two spellings each
	spread := make([]field, 0, len(fields))
	cookies := 0
	for _, f := range fields {
		if isCookie(f) {
			f.name = spelling(cookies)
			cookies++
		}
		spread = append(spread, f)
	}
	if cookies > 1<<letters {
		return nil, fmt.Errorf("gateway response: %d cookies, but only %d fit without multi-value headers", cookies, 1<<letters)
	}
	slices.SortStableFunc(spread, byName)
	return spread, nil
}

// spelling returns set-cookie with the letters in upper case that n has a bit for.
func spelling(n int) string {
	name := []byte("set-cookie")
	for at, c := range name {
		if c == '-' {
			continue
		}
		if n&1 == 1 {
			name[at] = c - 'a' + 'A'
		}
		n >>= 1
	}
	return string(name)
}
