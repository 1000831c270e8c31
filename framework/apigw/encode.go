package apigw

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
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

// answer is the JSON object that a function returns. The sources read different
// parts of it, and statusCode is always there: without it an HTTP API would send
// the object itself to the client, with status 200.
type answer struct {
	StatusCode        int                 `json:"statusCode"`
	StatusDescription string              `json:"statusDescription,omitempty"`
	Headers           map[string]string   `json:"headers,omitempty"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitempty"`
	Cookies           []string            `json:"cookies,omitempty"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// Encode returns r as the payload that the source of e takes as its answer. It may
// be called before the handler wrote anything: that is status 200 and no body.
//
// The error wraps ErrTooLarge when the payload is over the source's limit. Encode
// changes neither e nor r.
func (e *Event) Encode(r *Response) ([]byte, error) {
	header, body := r.result()
	out := answer{StatusCode: r.Status()}

	// Compressed data is never text, even where its bytes happen to be UTF-8.
	encoding := header.Get("Content-Encoding")
	out.IsBase64Encoded = len(body) > 0 &&
		(!utf8.Valid(body) || encoding != "" && !strings.EqualFold(encoding, "identity"))
	if out.IsBase64Encoded {
		out.Body = base64.StdEncoding.EncodeToString(body)
	} else {
		out.Body = string(body)
	}

	limit := lambdaLimit
	switch e.Source {
	case HTTPAPI, FunctionURL:
		// Cookies have their own list: joined by commas they would be one.
		out.Cookies = header["Set-Cookie"]
		header.Del("Set-Cookie")
		out.Headers = joined(header)
	case HTTPAPIv1, REST:
		out.MultiValueHeaders = header
	case ALB:
		limit = albLimit
		if text := http.StatusText(out.StatusCode); text != "" {
			out.StatusDescription = strconv.Itoa(out.StatusCode) + " " + text
		}
		if e.multi {
			out.MultiValueHeaders = header
			break
		}
		cookies := header["Set-Cookie"]
		header.Del("Set-Cookie")
		out.Headers = joined(header)
		if err := spreadCookies(out.Headers, cookies); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("gateway response: event has no source: %v", e.Source)
	}

	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // each escape would cost six bytes for one
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("gateway response: %w", err)
	}
	payload := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if len(payload) > limit {
		return nil, fmt.Errorf("gateway response: %w: %d bytes of JSON, the limit of the %v is %d",
			ErrTooLarge, len(payload), e.Source, limit)
	}
	return payload, nil
}

// result returns headers and body as they go out: names canonical, values clean,
// nothing that only makes sense on a connection of one's own.
func (r *Response) result() (http.Header, []byte) {
	sent := r.sent
	if sent == nil {
		sent = r.header
	}
	header := http.Header{}
	// Names in order, so that those which differ in case merge in one way.
	// Trailers, whose prefix has a colon, fall out here: no source has them.
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if validToken(name) {
			for _, value := range sent[name] {
				header.Add(name, cleanValue(value))
			}
		}
	}
	// The service frames the message and computes the length. For HEAD it cannot:
	// only the handler knows how long the body would have been.
	header.Del("Transfer-Encoding")
	header.Del("Trailer")
	if !r.head {
		header.Del("Content-Length")
	}

	body := r.body.Bytes()
	// The gateways call an answer without a type text/plain, so it is guessed as
	// net/http does: unless the handler set it, be it to nothing.
	_, typed := sent["Content-Type"]
	if !typed && header.Get("Content-Type") == "" && header.Get("Content-Encoding") == "" && len(body) > 0 {
		header.Set("Content-Type", http.DetectContentType(body))
	}
	if header.Get("Content-Type") == "" {
		header.Del("Content-Type")
	}
	if r.head {
		body = nil
	}
	return header, body
}

// joined makes one value of several, which RFC 9110, section 5.3, allows for all
// headers but Set-Cookie.
func joined(header http.Header) map[string]string {
	out := make(map[string]string, len(header))
	for name, values := range header {
		out[name] = strings.Join(values, ", ")
	}
	return out
}

// spreadCookies adds cookies to headers of which each name can come once. Header
// names do not depend on case while keys of a JSON object do, so every cookie gets
// the name in a spelling of its own: set-cookie, Set-cookie, sEt-cookie and so on.
// This was common with API Gateway before it had multiValueHeaders; with a load
// balancer it was not measured. Turning on multi-value headers in the target group
// makes it unnecessary.
func spreadCookies(headers map[string]string, cookies []string) error {
	const letters = 9 // of set-cookie, two spellings each
	if len(cookies) > 1<<letters {
		return fmt.Errorf("gateway response: %d cookies, but only %d fit without multi-value headers", len(cookies), 1<<letters)
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
		headers[string(name)] = cookie
	}
	return nil
}
