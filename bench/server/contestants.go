package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/jwtauth/v5"
	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
)

// contestants make the handlers that are measured. All have the routes of
// eachRoute, check of a token the signature, issuer, audience and times, of
// its claims one scope of two and one group of two, write a line of JSON a
// request with slog, give each request an id, and catch a handler's panic.
//
// chi has no middleware for tokens among its own packages that asks an issuer for
// its keys. The one in wide use that does is Auth0's, and so it is the peer;
// go-chi/jwtauth, which is chi's, verifies with one key that it is given, and
// looks at no kid. It is there to show what that costs. Version 3 of Auth0's is
// not measured.
//
// The last verifies the signature and nothing else, without a router: what none
// of them can do without.
var contestants = map[string]func(context.Context, api) (http.Handler, error){
	"Routegate":                    routegate,
	"chi, auth0/go-jwt-middleware": chiAuth0,
	"chi, go-chi/jwtauth":          chiJWTAuth,
	"net/http, crypto/rsa":         signatureOnly,
}

// An api is what all of them serve.
type api struct {
	issuer, audience string
	routes           int
}

// eachRoute calls f for each of the routes: four a resource.
func (a api) eachRoute(f func(method, path string)) {
	for i := range a.routes / 4 {
		list := fmt.Sprintf("/v1/resource%d", i)
		f("GET", list)
		f("POST", list)
		f("GET", list+"/{id}")
		f("DELETE", list+"/{id}")
	}
}

// What every route asks for.
var (
	anyScope = []string{"admin", "orders/read"}
	anyGroup = []string{"admins", "staff"}
)

func answer(w http.ResponseWriter, id, subject string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"`+id+`","subject":"`+subject+`"}`)
}

func logger() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// routegate is what cmd/server serves.
func routegate(ctx context.Context, a api) (http.Handler, error) {
	var manifest strings.Builder
	manifest.WriteString("version: 1\nroutes:\n")
	n := 0
	a.eachRoute(func(method, path string) {
		fmt.Fprintf(&manifest, "  - {name: route%d, path: '%s', method: %s, handler: get, scopes: [%s], groups: [%s]}\n",
			n, path, method, strings.Join(anyScope, ", "), strings.Join(anyGroup, ", "))
		n++
	})
	app, err := framework.New([]byte(manifest.String()), framework.Handlers{"get": func(w http.ResponseWriter, r *http.Request) {
		p, _ := framework.PrincipalFrom(r.Context())
		answer(w, r.PathValue("id"), p.Subject)
	}}, framework.Options{Logger: logger()})
	if err != nil {
		return nil, err
	}
	authorizer, err := gateway.NewAuthorizer(gateway.AuthorizerOptions{Issuer: a.issuer, Audiences: []string{a.audience}})
	if err != nil {
		return nil, err
	}
	if err := authorizer.FetchKeys(ctx); err != nil {
		return nil, err
	}
	return app.Handler(framework.HandlerOptions{Verify: authorizer.Verify}), nil
}

// chiRouter has everything but the tokens.
func (a api) chiRouter(verify chi.Middlewares, require func(http.Handler) http.Handler, subject func(*http.Request) string) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, chiLog(logger()), middleware.Recoverer)
	r.Group(func(r chi.Router) {
		r.Use(verify...)
		a.eachRoute(func(method, path string) {
			r.With(require).MethodFunc(method, path, func(w http.ResponseWriter, r *http.Request) {
				answer(w, chi.URLParam(r, "id"), subject(r))
			})
		})
	})
	return r
}

// chiLog writes what Routegate's line has.
func chiLog(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			id := middleware.GetReqID(r.Context())
			w.Header().Set("X-Request-Id", id)
			out := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(out, r)
			log.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("request_id", id),
				slog.String("source", "container"),
				slog.String("method", r.Method),
				slog.String("route_key", chi.RouteContext(r.Context()).RoutePattern()),
				slog.Int("status", out.Status()),
				slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1000),
				slog.String("decision", "allow"),
				slog.String("reason", "allowed"))
		})
	}
}

// permits reports whether claims have a scope and a group that suffice.
func permits(scope string, groups []string) bool {
	isEither := func(list []string) func(string) bool {
		return func(s string) bool { return slices.Contains(list, s) }
	}
	return slices.ContainsFunc(strings.Fields(scope), isEither(anyScope)) && slices.ContainsFunc(groups, isEither(anyGroup))
}

// ownClaims are those that Auth0's middleware does not know by itself.
type ownClaims struct {
	Scope  string   `json:"scope"`
	Groups []string `json:"groups"`
}

func (c *ownClaims) Validate(context.Context) error { return nil }

func chiAuth0(ctx context.Context, a api) (http.Handler, error) {
	u, err := url.Parse(a.issuer)
	if err != nil {
		return nil, err
	}
	provider := jwks.NewCachingProvider(u, 2*time.Hour)
	if _, err := provider.KeyFunc(ctx); err != nil {
		return nil, err
	}
	v, err := validator.New(provider.KeyFunc, validator.RS256, a.issuer, []string{a.audience},
		validator.WithCustomClaims(func() validator.CustomClaims { return &ownClaims{} }))
	if err != nil {
		return nil, err
	}
	claims := func(r *http.Request) *validator.ValidatedClaims {
		return r.Context().Value(jwtmiddleware.ContextKey{}).(*validator.ValidatedClaims)
	}
	require := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := claims(r).CustomClaims.(*ownClaims)
			if !permits(c.Scope, c.Groups) {
				http.Error(w, "forbidden", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	subject := func(r *http.Request) string { return claims(r).RegisteredClaims.Subject }
	return a.chiRouter(chi.Chain(jwtmiddleware.New(v.ValidateToken).CheckJWT), require, subject), nil
}

func chiJWTAuth(ctx context.Context, a api) (http.Handler, error) {
	key, err := issuerKey(ctx, a.issuer)
	if err != nil {
		return nil, err
	}
	auth := jwtauth.New("RS256", nil, key, jwt.WithIssuer(a.issuer), jwt.WithAudience(a.audience))
	require := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, claims, _ := jwtauth.FromContext(r.Context())
			scope, _ := claims["scope"].(string)
			list, _ := claims["groups"].([]any)
			var groups []string
			for _, item := range list {
				if s, ok := item.(string); ok {
					groups = append(groups, s)
				}
			}
			if !permits(scope, groups) {
				http.Error(w, "forbidden", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	subject := func(r *http.Request) string {
		return r.Context().Value(jwtauth.TokenCtxKey).(jwt.Token).Subject()
	}
	return a.chiRouter(chi.Chain(jwtauth.Verifier(auth), jwtauth.Authenticator(auth)), require, subject), nil
}

func signatureOnly(ctx context.Context, a api) (http.Handler, error) {
	key, err := issuerKey(ctx, a.issuer)
	if err != nil {
		return nil, err
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the issuer's key is a %T", key)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		dot := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		digest := sha256.Sum256([]byte(token[:max(dot, 0)]))
		if err != nil || rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) != nil {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		answer(w, "id", "subject")
	}), nil
}

// issuerKey fetches the issuer's key, once.
func issuerKey(ctx context.Context, issuer string) (any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/keys", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, err
	}
	if len(set.Keys) != 1 {
		return nil, errors.New("the issuer has not one key")
	}
	return set.Keys[0].Key, nil
}
