package oauth

import (
	"encoding/json"
	"net/http"
)

// The error codes of RFC 6749: those of section 5.2, and two that section
// 4.1.2.1 has for what is the server's own fault.
const (
	invalidRequest         = "invalid_request"
	invalidClient          = "invalid_client"
	invalidGrant           = "invalid_grant"
	unauthorizedClient     = "unauthorized_client"
	unsupportedGrantType   = "unsupported_grant_type"
	invalidScope           = "invalid_scope"
	serverError            = "server_error"
	temporarilyUnavailable = "temporarily_unavailable"
)

// A failure is an answer without a token.
type failure struct {
	status      int
	code        string
	description string // for the client: a fixed text
	cause       string // for the log: nothing that a client or the provider wrote freely
	retryAfter  string // seconds
}

// invalid is the failure of a request that is not as it must be.
func invalid(description string) *failure {
	return &failure{status: http.StatusBadRequest, code: invalidRequest, description: description}
}

// broken is the failure of a provider, or of how this service is set up there.
func broken(cause string) *failure {
	return &failure{
		status: http.StatusBadGateway, code: serverError, cause: cause,
		description: "the identity provider's answer is of no use",
	}
}

// unavailable is the failure of a provider that does not answer, or not now.
func unavailable(cause string) *failure {
	return &failure{
		status: http.StatusServiceUnavailable, code: temporarilyUnavailable, cause: cause,
		description: "the identity provider does not answer",
	}
}

// tooMany is the failure of a client that tries too often for the provider.
func tooMany(retryAfter string) *failure {
	f := &failure{
		status: http.StatusTooManyRequests, code: temporarilyUnavailable,
		description: "too many attempts; try again later",
	}
	if isNumber(retryAfter) {
		f.retryAfter = retryAfter
	}
	return f
}

// answer writes what both kinds of answers are (RFC 6749, section 5.1).
func answer(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that went away
}

func (f *failure) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if f.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
	}
	if f.retryAfter != "" {
		w.Header().Set("Retry-After", f.retryAfter)
	}
	answer(w, f.status, map[string]string{"error": f.code, "error_description": f.description})
}

func isNumber(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 10
}
