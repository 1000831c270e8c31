package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/routegate/routegate/framework"
)

// patience is how long the provider may take, and share the part of the time
// that is left until the request's deadline: the rest is for the answer.
const (
	patience = 10 * time.Second
	share    = 0.75
)

// Handler returns the token route. It logs each request that gets no token to
// logger, or to the request's own logger (framework.LoggerFrom) if logger is nil.
// If the Config is of no use, the route answers 501, and the log says why.
func Handler(config Config, logger *slog.Logger) http.HandlerFunc {
	endpoint, err := config.endpoint()
	e := exchange{
		config:   config,
		endpoint: endpoint,
		client: &http.Client{
			// A redirect would take the password along.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment,
				// Lambda freezes the process between requests: a connection that was
				// kept is dead by the next one.
				DisableKeepAlives: true,
			},
		},
	}
	return func(w http.ResponseWriter, r *http.Request) {
		token, failed := (*tokens)(nil), (*failure)(nil)
		if err != nil {
			failed = &failure{
				status: http.StatusNotImplemented, code: serverError, cause: err.Error(),
				description: "no identity provider is set up for this route",
			}
		} else {
			token, failed = e.serve(w, r)
		}
		if failed == nil {
			answer(w, http.StatusOK, token)
			return
		}
		level := slog.LevelWarn
		if failed.status >= 500 {
			level = slog.LevelError
		}
		attrs := []slog.Attr{slog.Int("status", failed.status), slog.String("error", failed.code)}
		if failed.cause != "" {
			attrs = append(attrs, slog.String("cause", failed.cause))
		}
		to := logger
		if to == nil {
			to = framework.LoggerFrom(r.Context())
		} else if id, ok := framework.RequestIDFrom(r.Context()); ok {
			attrs = append(attrs, slog.String("request_id", id))
		}
		to.LogAttrs(r.Context(), level, "no token", attrs...)
		failed.ServeHTTP(w, r)
	}
}

// An exchange asks one provider for tokens.
type exchange struct {
	config   Config
	endpoint *url.URL
	client   *http.Client
}

// tokens is what a client gets (RFC 6749, section 5.1). It has no refresh_token,
// because the route takes none: a client could not use it.
type tokens struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in,omitempty"`
	Scope       string `json:"scope,omitempty"`
}

func (e exchange) serve(w http.ResponseWriter, r *http.Request) (*tokens, *failure) {
	params, failed := readRequest(w, r)
	if failed != nil {
		return nil, failed
	}
	ctx, cancel := withinDeadline(r.Context())
	defer cancel()
	grant := params.Get("grant_type")
	switch {
	case grant != "password" && (grant != "client_credentials" || e.config.FirebaseKey != ""):
		description := "grant_type must be password or client_credentials"
		if e.config.FirebaseKey != "" {
			description = "grant_type must be password"
		}
		return nil, &failure{status: http.StatusBadRequest, code: unsupportedGrantType, description: description}
	case grant == "password" && (params.Get("username") == "" || params.Get("password") == ""):
		return nil, invalid("username or password is missing, which the password grant needs")
	case e.config.FirebaseKey != "":
		return e.firebase(ctx, params.Get("username"), params.Get("password"))
	}
	id, secret, basic := r.BasicAuth()
	basic = basic && (id != "" || secret != "") // Swagger UI sends one without either
	if basic && params.Get("client_secret") != "" {
		return nil, invalid("the client's credentials come twice")
	}
	authorization := ""
	if basic {
		authorization = r.Header.Get("Authorization")
	}
	return e.oauth(ctx, params, authorization)
}

// withinDeadline returns a context that leaves time to answer before ctx ends.
func withinDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := patience
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Duration(share*float64(time.Until(deadline))))
	}
	return context.WithTimeout(ctx, limit)
}

// cleanCode returns an error code of the provider for the log. A provider might
// repeat what it was sent: what is not of the letters of a code, or is part of
// what is secret, is "?".
func cleanCode(code string, secrets ...string) string {
	strange := func(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' }
	if len(code) > 64 || strings.ContainsFunc(code, strange) {
		return "?"
	}
	for _, secret := range secrets {
		if code != "" && secret != "" && (strings.Contains(secret, code) || strings.Contains(code, secret)) {
			return "?"
		}
	}
	return code
}
