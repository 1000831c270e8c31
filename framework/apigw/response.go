package apigw

import (
	"fmt"
	"net/http"
	"slices"
)

// Response collects what a handler writes. It is an http.ResponseWriter and an
// io.StringWriter, and behaves like that of a net/http server, but is not an
// http.Flusher: a buffered proxy integration sends an answer whole.
//
// A Response is for one request and one goroutine.
type Response struct {
	head   bool        // the request was HEAD: the body is not sent
	header http.Header // the handler's, changeable at any time
	sent   []field     // those of them that WriteHeader fixed
	typed  bool        // they had a Content-Type, be it without a value
	status int         // 0 before WriteHeader
	body   []byte
	short  [512]byte // where body begins: most answers need no more
}

// NewResponse returns an empty response to a request with the given method.
func NewResponse(method string) *Response {
	r := &Response{head: method == http.MethodHead, header: http.Header{}}
	r.body = r.short[:0]
	return r
}

// Header returns the headers that WriteHeader will send. Changes after that have
// no effect.
func (r *Response) Header() http.Header { return r.header }

// WriteHeader fixes the status and the headers. Only the first call counts. Calls with
// an informational status (1xx) do not count, because the service sends one response.
// WriteHeader panics if code has not three digits, as net/http does. It also panics if
// code is 101, because no service that calls a function can switch protocols.
func (r *Response) WriteHeader(code int) {
	if r.status != 0 {
		return
	}
	switch {
	case code < 100 || code > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", code))
	case code == http.StatusSwitchingProtocols:
		panic("invalid WriteHeader code 101: no protocol can be switched to")
	case code < 200:
		return
	}
	r.status = code
	r.sent, r.typed = sentFields(r.header, code, r.head)
}

// Write adds p to the body, after WriteHeader(200) if no status was written. It
// returns http.ErrBodyNotAllowed if the status allows no body. For HEAD it succeeds,
// and the response has the length of the body instead of the body.
func (r *Response) Write(p []byte) (int, error) {
	if err := r.beforeBody(len(p)); err != nil {
		return 0, err
	}
	r.body = append(r.body, p...)
	return len(p), nil
}

// WriteString is Write for a string.
func (r *Response) WriteString(s string) (int, error) {
	if err := r.beforeBody(len(s)); err != nil {
		return 0, err
	}
	r.body = append(r.body, s...)
	return len(s), nil
}

func (r *Response) beforeBody(n int) error {
	r.WriteHeader(http.StatusOK)
	if n > 0 && !bodyAllowed(r.status) {
		return http.ErrBodyNotAllowed
	}
	// Room for as much again, where the answer comes in small pieces.
	if n < len(r.body) && n > cap(r.body)-len(r.body) {
		r.body = slices.Grow(r.body, len(r.body))
	}
	return nil
}

// Status returns the status that is sent: what the handler wrote, or else 200.
func (r *Response) Status() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// bodyAllowed reports whether a final status allows a body (RFC 9110, section 6.4.1).
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}
