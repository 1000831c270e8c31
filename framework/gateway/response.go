package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// lambdaLimit is the largest payload of a synchronous invocation, each way
// (Lambda quotas).
const lambdaLimit = 6 << 20

// A reply is what goes back to the client.
type reply struct {
	status int
	header http.Header
	body   []byte
	// preflight says that the CORS headers are there already.
	preflight bool
}

// gatewayReply is an answer that the gateway makes itself. The texts are AWS's;
// captures of live traffic show their bytes.
func gatewayReply(status int, message string) reply {
	return reply{
		status: status,
		header: http.Header{"Content-Type": {"application/json"}},
		body:   []byte(`{"message":"` + message + `"}`),
	}
}

func internalServerError() reply {
	return gatewayReply(http.StatusInternalServerError, "Internal Server Error")
}

// An answerError says why a function's answer became a 500.
type answerError string

func (e answerError) Error() string { return string(e) }

// functionReply turns what a function returned into an answer, by AWS's page
// "Create AWS Lambda proxy integrations for HTTP APIs" and by the snapshots that
// AWS's own test tool took of live gateways. In format 2.0 whatever has no
// statusCode is itself the body of a 200; a misspelt "StatusCode" has none.
func functionReply(payload []byte, v1 bool) (reply, []string, error) {
	if len(payload) > lambdaLimit {
		return reply{}, nil, answerError(fmt.Sprintf("the function returned %d bytes: Lambda takes %d", len(payload), lambdaLimit))
	}
	// A map, because struct fields would take keys in any case.
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(payload, &fields) // what is no object has no statusCode
	code, has := fields["statusCode"]
	if !has {
		if v1 { // where AWS documents no inference
			return reply{}, nil, answerError("the function's answer has no statusCode, which payload format 1.0 needs")
		}
		return inferredReply(payload), nil, nil
	}
	a := &functionAnswer{fields: fields}
	r := reply{status: a.status(code), header: make(http.Header)}
	a.headers(r.header, v1)
	r.body = a.body()
	if r.header.Get("Content-Type") == "" && bodyAllowed(r.status) {
		r.header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if a.err != nil {
		return reply{}, a.warnings, a.err
	}
	return r, a.warnings, nil
}

// inferredReply is 200 with the function's JSON as it is, but for a bare string,
// which loses its quotes.
func inferredReply(payload []byte) reply {
	r := reply{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: payload}
	if trimmed := bytes.TrimSpace(payload); len(trimmed) > 0 && trimmed[0] == '"' {
		var s string
		if json.Unmarshal(trimmed, &s) == nil {
			r.body = []byte(s)
		}
	}
	return r
}

// A functionAnswer reads an answer that has a statusCode. The first thing that
// is wrong with it is kept in err.
type functionAnswer struct {
	fields   map[string]json.RawMessage
	warnings []string
	err      error
}

func (a *functionAnswer) fail(format string, args ...any) {
	if a.err == nil {
		a.err = answerError("the function's answer is malformed: " + fmt.Sprintf(format, args...))
	}
}

// status takes integers only: AWS answers 500 for 0 and for 200.5. What it does
// with "200" in quotes, and with numbers that are no status of a final answer,
// is not known; here it is 500, too.
func (a *functionAnswer) status(raw json.RawMessage) int {
	status, err := strconv.Atoi(string(raw))
	switch {
	case err != nil && bytes.HasPrefix(raw, []byte(`"`)):
		a.warnings = append(a.warnings, "statusCode is a string: what AWS makes of it is not known")
		a.fail("statusCode is a string, want an integer")
	case err != nil:
		a.fail("statusCode is no integer")
	case status < 200 || status > 599:
		a.fail("statusCode is %d", status)
	}
	return status
}

// read decodes a field, which null and absence leave as it is.
func (a *functionAnswer) read(name string, into any, want string) {
	if raw, ok := a.fields[name]; ok && json.Unmarshal(raw, into) != nil {
		a.fail("%s is not %s", name, want)
	}
}

// headers adds the function's headers to h. In format 1.0 a header of both maps
// gets the value from headers first and then those from multiValueHeaders.
func (a *functionAnswer) headers(h http.Header, v1 bool) {
	var single map[string]*string
	var multi map[string][]string
	var cookies []string
	a.read("headers", &single, "an object of strings")
	a.read("multiValueHeaders", &multi, "an object of lists of strings")
	a.read("cookies", &cookies, "a list of strings")

	switch {
	case !v1 && len(multi) > 0:
		a.warnings = append(a.warnings, "multiValueHeaders is not a part of payload format 2.0, and AWS documents no effect: ignored")
		multi = nil
	case v1 && len(cookies) > 0:
		a.warnings = append(a.warnings, "cookies is not a part of payload format 1.0, and AWS documents no effect: ignored")
		cookies = nil
	}
	for _, c := range cookies {
		h.Add("Set-Cookie", c) // those in headers come behind
	}
	for _, name := range slices.Sorted(maps.Keys(single)) {
		if value := single[name]; value != nil && a.isName(name) {
			h.Add(name, *value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(multi)) {
		if a.isName(name) {
			for _, value := range multi[name] {
				h.Add(name, value)
			}
		}
	}
	dropHopByHop(h)
}

// isName reports whether a header's name can be sent (RFC 9110, section 5.1).
func (a *functionAnswer) isName(name string) bool {
	for i := range len(name) {
		c := name[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alnum && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			name = ""
			break
		}
	}
	if name == "" {
		a.warnings = append(a.warnings, "a header of the answer has a name that cannot be sent: left out")
	}
	return name != ""
}

// body decodes base64 where the answer says so: an HTTP API needs no list of
// binary types for it.
func (a *functionAnswer) body() []byte {
	var body string
	var encoded bool
	a.read("body", &body, "a string")
	a.read("isBase64Encoded", &encoded, "a boolean")
	if !encoded {
		return []byte(body)
	}
	b, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		a.fail("body is not base64, though isBase64Encoded is true")
	}
	return b
}

// bodyAllowed: RFC 9110, section 6.4.1.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// send writes the answer, with what the gateway adds to each.
func (r reply) send(w http.ResponseWriter, method, id string, now string) {
	h := w.Header()
	maps.Copy(h, r.header)
	h.Set("Apigw-Requestid", id)
	h.Set("Date", now)
	switch {
	case !bodyAllowed(r.status):
		h.Del("Content-Length")
	case method == http.MethodHead && len(r.body) == 0 && h.Get("Content-Length") != "":
		// Only the function knows how long the body would have been.
	default:
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	if bodyAllowed(r.status) && method != http.MethodHead {
		_, _ = w.Write(r.body) // fails when the client is gone
	}
}
