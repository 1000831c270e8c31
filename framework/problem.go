package framework

import (
	"encoding/json"
	"net/http"

	"github.com/routegate/routegate/framework/route"
)

// A problem is an answer that no handler gave, as problem details for HTTP APIs
// (RFC 9457). Its detail says what the caller can do and never what would have
// been enough: that is in the log.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id,omitempty"`

	challenge string // for the WWW-Authenticate header; "" leaves it out
}

// The codes of the problems that are not refusals.
const (
	codeBadRequest      = "bad_request"
	codeInternal        = "internal_error"
	codeTimeout         = "timeout"
	codeTooLarge        = "response_too_large"
	codeRequestTooLarge = "request_too_large"
	codeRequestTimeout  = "request_timeout"
)

var problemDetails = map[string]string{
	string(route.DotSegment):    `the path has a segment "." or ".."`,
	string(route.NoRoute):       "no route matches the method and the path",
	string(route.RouteMismatch): "the path is not that of the authorized route",
	string(route.NoPrincipal):   "a verified token or signature is needed",
	string(route.TokenMismatch): "the token is not the one that was verified",
	string(route.WrongAuth):     "this route asks for another kind of proof",
	string(route.MissingScope):  "the token has no scope that this route asks for",
	string(route.MissingGroup):  "the caller is in no group that this route asks for",
	codeBadRequest:              "the request could not be read",
	codeInternal:                "the service failed; the request's id finds the cause in its log",
	codeTimeout:                 "the answer took too long",
	codeTooLarge:                "the answer is larger than the gateway takes",
	codeRequestTooLarge:         "the body is larger than this service takes",
	codeRequestTimeout:          "the body took too long to come",
}

func newProblem(status int, code, requestID string) problem {
	p := problem{
		Type:      "about:blank",
		Title:     http.StatusText(status),
		Status:    status,
		Detail:    problemDetails[code],
		Code:      code,
		RequestID: requestID,
	}
	if status == http.StatusUnauthorized {
		p.challenge = "Bearer" // RFC 9110, section 11.6.1, wants one
	}
	return p
}

func (p problem) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // nothing in p fails to encode; a client that has gone is told nothing
}
