package oauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxResponse is how long a provider's answer may be.
const maxResponse = 256 << 10

// A number is one that some providers send in quotes.
type number int64

func (n *number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	v, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	if !(v >= 0 && v <= maxExpiresIn) { // of no use to anybody, and be it no number
		v = 0
	}
	*n = number(v)
	return err
}

// maxExpiresIn is longer than any token lasts, in seconds.
const maxExpiresIn = 1 << 40

// oauth asks a token endpoint of OAuth 2.0. Only what the grants have goes on to
// it. authorization is the client's own Basic header, or "".
func (e exchange) oauth(ctx context.Context, params url.Values, authorization string) (*tokens, *failure) {
	grant := params.Get("grant_type")
	form := url.Values{"grant_type": {grant}}
	names := []string{"scope"}
	if grant == "password" {
		names = append(names, "username", "password")
	}
	own := grant == "password" && e.config.ClientID != ""
	if !own {
		names = append(names, "client_id", "client_secret")
	}
	for _, name := range names {
		if v := params.Get(name); v != "" {
			form.Set(name, v)
		}
	}
	if e.config.Audience != "" {
		form.Set("audience", e.config.Audience)
	}
	if grant == "client_credentials" && authorization == "" && (form.Get("client_id") == "" || form.Get("client_secret") == "") {
		return nil, &failure{status: http.StatusUnauthorized, code: invalidClient, description: "the client's credentials are missing"}
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	switch {
	case own && e.config.ClientSecret != "": // RFC 6749, section 2.3.1
		credentials := &http.Request{Header: header}
		credentials.SetBasicAuth(url.QueryEscape(e.config.ClientID), url.QueryEscape(e.config.ClientSecret))
	case own:
		form.Set("client_id", e.config.ClientID)
	case authorization != "":
		header.Set("Authorization", authorization)
	}

	resp, failed := e.post(ctx, header, []byte(form.Encode()))
	if failed != nil {
		return nil, failed
	}
	if resp.status == http.StatusOK {
		var t struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   number `json:"expires_in"`
			Scope       string `json:"scope"`
		}
		if json.Unmarshal(resp.body, &t) != nil || t.AccessToken == "" || !strings.EqualFold(t.TokenType, "bearer") {
			return nil, broken("the provider's answer has no bearer token")
		}
		return &tokens{t.AccessToken, "Bearer", int64(t.ExpiresIn), t.Scope}, nil
	}
	var refusal struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(resp.body, &refusal) // what has no code is broken
	if failed := resp.always(); failed != nil {
		return nil, failed
	}
	cause := fmt.Sprintf("the provider answered %d, error %q", resp.status, cleanCode(refusal.Error, append(basicSecrets(authorization), params.Get("password"), params.Get("username"), params.Get("client_secret"), e.config.ClientSecret)...))
	refuse := func(status int, code, description string) (*tokens, *failure) {
		return nil, &failure{status: status, code: code, description: description, cause: cause}
	}
	switch refusal.Error {
	case invalidGrant, "access_denied": // Auth0 has the second for users who are blocked
		return refuse(http.StatusBadRequest, invalidGrant, "the user name or the password is wrong")
	case invalidScope:
		return refuse(http.StatusBadRequest, invalidScope, "a scope is unknown, or not for this caller")
	case unauthorizedClient, unsupportedGrantType:
		return refuse(http.StatusBadRequest, unauthorizedClient, "the identity provider does not take this grant from this client")
	case invalidClient:
		if !own {
			return refuse(http.StatusUnauthorized, invalidClient, "the client is unknown, or its credentials are wrong")
		}
	}
	return nil, broken(cause)
}

// basicSecrets returns what is secret in a client's Basic header, as it is and as it
// was before it was encoded (RFC 6749, section 2.3.1).
func basicSecrets(authorization string) []string {
	_, secret, ok := (&http.Request{Header: http.Header{"Authorization": {authorization}}}).BasicAuth()
	if !ok {
		return nil
	}
	plain, err := url.QueryUnescape(secret)
	if err != nil {
		return []string{secret}
	}
	return []string{secret, plain}
}

// firebase asks for a user's token as Firebase's REST API has it. Its ID token
// is the one that API Gateway verifies.
func (e exchange) firebase(ctx context.Context, email, password string) (*tokens, *failure) {
	body, err := json.Marshal(map[string]any{"email": email, "password": password, "returnSecureToken": true})
	if err != nil {
		return nil, invalid("username or password is no text")
	}
	resp, failed := e.post(ctx, http.Header{"Content-Type": {"application/json"}}, body)
	if failed != nil {
		return nil, failed
	}
	if resp.status == http.StatusOK {
		var t struct {
			IDToken   string `json:"idToken"`
			ExpiresIn number `json:"expiresIn"`
			MFA       string `json:"mfaPendingCredential"`
		}
		switch err := json.Unmarshal(resp.body, &t); {
		case err == nil && t.IDToken == "" && t.MFA != "":
			return nil, &failure{status: http.StatusBadRequest, code: invalidGrant, description: "the user has a second factor, which this route cannot ask for"}
		case err != nil || t.IDToken == "":
			return nil, broken("the provider's answer has no ID token")
		}
		return &tokens{t.IDToken, "Bearer", int64(t.ExpiresIn), ""}, nil
	}
	var refusal struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(resp.body, &refusal) // what has no code is broken
	// "TOO_MANY_ATTEMPTS_TRY_LATER : Access to this account has been ..."
	code, _, _ := strings.Cut(refusal.Error.Message, " ")
	cause := fmt.Sprintf("the provider answered %d, error %q", resp.status, cleanCode(code, password, email, e.config.FirebaseKey))
	switch code {
	// One answer for all, so that nobody learns which addresses have an account.
	case "INVALID_LOGIN_CREDENTIALS", "EMAIL_NOT_FOUND", "INVALID_PASSWORD", "INVALID_EMAIL", "USER_DISABLED":
		return nil, &failure{status: http.StatusBadRequest, code: invalidGrant, description: "the user name or the password is wrong", cause: cause}
	case "TOO_MANY_ATTEMPTS_TRY_LATER":
		failed := tooMany("")
		failed.cause = cause
		return nil, failed
	case "PASSWORD_LOGIN_DISABLED", "OPERATION_NOT_ALLOWED":
		return nil, &failure{status: http.StatusBadRequest, code: unauthorizedClient, description: "the identity provider takes no passwords", cause: cause}
	}
	if failed := resp.always(); failed != nil {
		return nil, failed
	}
	return nil, broken(cause)
}

// A response is what a provider answered.
type response struct {
	status     int
	retryAfter string
	body       []byte
}

// always returns the failure of an answer that means the same in every form.
func (r *response) always() *failure {
	cause := fmt.Sprintf("the provider answered %d", r.status)
	switch {
	case r.status == http.StatusTooManyRequests:
		f := tooMany(r.retryAfter)
		f.cause = cause
		return f
	case r.status >= 500:
		return unavailable(cause)
	}
	return nil
}

// post sends what is secret, and says of what goes wrong no more than its kind:
// the texts of net/http's errors have addresses in them, and the answers of
// servers that do not speak HTTP.
func (e exchange) post(ctx context.Context, header http.Header, body []byte) (*response, *failure) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return nil, broken("the request cannot be made")
	}
	req.Header = header
	req.Header.Set("Accept", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, unavailable(kind(ctx, err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case err != nil:
		return nil, unavailable(kind(ctx, err))
	case len(data) > maxResponse:
		return nil, broken("the provider's answer is too long")
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, broken(fmt.Sprintf("the provider answered %d, and redirects are not followed", resp.StatusCode))
	}
	return &response{resp.StatusCode, resp.Header.Get("Retry-After"), data}, nil
}

// kind says in a few words why there is no answer.
func kind(ctx context.Context, err error) string {
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return "the provider took too long"
	case errors.As(err, &certificate):
		return "the provider's certificate is not valid"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "the provider cannot be reached"
	}
	return "the connection to the provider broke"
}
