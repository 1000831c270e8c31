package gateway

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	strictjson "github.com/go-jose/go-jose/v4/json"
)

const (
	// fetchTimeout and maxJWKS are AWS's own limits for the discovery document
	// and the keys (developer guide, "Quotas for configuring and running an HTTP
	// API").
	fetchTimeout = 1500 * time.Millisecond
	maxJWKS      = 150_000

	// keysLifetime is how long keys are used without asking for them again
	// (developer guide, "Control access to HTTP APIs with JWT authorizers").
	keysLifetime = 2 * time.Hour

	// fetchInterval keeps tokens with invented key ids from becoming a flood of
	// requests to the issuer. AWS documents no value.
	fetchInterval = 10 * time.Second

	maxRedirects = 3

	minKeyBits = 2048
)

// keys are the public keys of an issuer by their id, fetched when they are
// needed. Requests that need them at the same time share one fetch. A fetch that
// fails leaves the keys as they were, even past their lifetime: whoever can
// disturb the issuer must not thereby turn every user away. Nor, once a fetch has
// failed, keep those waiting whose key is known.
type keys struct {
	issuer  string // for discovery
	uri     string // instead of discovery
	client  *http.Client
	now     func() time.Time
	timeout time.Duration

	mu      sync.Mutex
	byID    map[string][]jose.JSONWebKey // nil: never fetched
	fetched time.Time                    // when byID was
	tried   time.Time                    // when a fetch was last begun
	err     error                        // of the last fetch
	running chan struct{}                // closed when the fetch under way ends; nil: none is
}

// errUnknownKey is the error for a key id that the issuer does not publish.
var errUnknownKey = errors.New("the issuer publishes no RSA key with the token's kid")

// find returns the keys with an id, of which there is more than one only with a
// careless issuer.
func (k *keys) find(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	if found := k.byID[id]; len(found) > 0 {
		fresh := k.time().Sub(k.fetched) < keysLifetime
		if !fresh && k.err != nil {
			// The issuer did not answer the last time, and may be slow not to now.
			k.begin(ctx)
		}
		if fresh || k.err != nil {
			k.mu.Unlock()
			return found, nil
		}
	}
	k.mu.Unlock()
	if err := k.update(ctx); err != nil {
		return nil, err
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	switch found := k.byID[id]; {
	case len(found) > 0:
		return found, nil
	case k.err != nil:
		return nil, k.err
	}
	return nil, fmt.Errorf("%w; asked at %s, and not again within %v", errUnknownKey, k.tried.UTC().Format(time.TimeOnly), fetchInterval)
}

// have fetches the keys unless that was done before, and returns why there are
// none.
func (k *keys) have(ctx context.Context) error {
	k.mu.Lock()
	has := k.byID != nil
	k.mu.Unlock()
	if has {
		return nil
	}
	if err := k.update(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID == nil {
		return k.err
	}
	return nil
}

// update waits for the fetch that is under way, or for a new one if it is time
// for that. Its error is that ctx ended.
func (k *keys) update(ctx context.Context) error {
	k.mu.Lock()
	k.begin(ctx)
	running := k.running
	k.mu.Unlock()
	if running == nil {
		return nil
	}
	select {
	case <-running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin begins a fetch if none is under way and it is time for one. k.mu is held.
func (k *keys) begin(ctx context.Context) {
	if now := k.time(); k.running == nil && (k.tried.IsZero() || now.Sub(k.tried) >= fetchInterval) {
		k.tried = now
		k.running = make(chan struct{})
		// The fetch outlives the request that asked for it first: others wait.
		go k.refresh(context.WithoutCancel(ctx), k.running)
	}
}

// time returns the time. Where the clock was put back, which that of time.Now
// never is, what lies in the future now has just been: else nothing would be
// fetched until then. k.mu is held.
func (k *keys) time() time.Time {
	now := k.now()
	for _, at := range []*time.Time{&k.tried, &k.fetched} {
		if now.Before(*at) {
			*at = now
		}
	}
	return now
}

func (k *keys) refresh(ctx context.Context, done chan struct{}) {
	defer close(done)
	byID, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running, k.err = nil, err
	if err == nil {
		k.byID, k.fetched = byID, k.tried
	}
}

func (k *keys) fetch(ctx context.Context) (map[string][]jose.JSONWebKey, error) {
	uri := k.uri
	if uri == "" {
		var err error
		if uri, err = k.discover(ctx); err != nil {
			return nil, err
		}
	}
	body, err := k.get(ctx, uri)
	if err != nil {
		return nil, err
	}
	byID, err := parseKeys(body)
	if err != nil && k.uri != "" { // API Gateway, which discovers, takes no certificates
		byID, err = parseCertificates(body, k.now())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", uri, err)
	}
	return byID, nil
}

// discover returns where the issuer says that its keys are (OpenID Connect
// Discovery 1.0, section 4). Its name there must be the one that tokens are
// checked for, to the letter. Names count as they are written, and only once: what
// two readers could take for two places is none.
func (k *keys) discover(ctx context.Context) (string, error) {
	uri := strings.TrimSuffix(k.issuer, "/") + "/.well-known/openid-configuration"
	body, err := k.get(ctx, uri)
	if err != nil {
		return "", err
	}
	var doc struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := strictjson.Unmarshal(body, &doc); err != nil {
		return "", fmt.Errorf("%s: not the JSON of a discovery document", uri)
	}
	if doc.Issuer != k.issuer {
		return "", fmt.Errorf("%s: the issuer calls itself %q, not %q", uri, doc.Issuer, k.issuer)
	}
	where, err := parseHTTPURL(doc.Keys)
	if err != nil {
		return "", fmt.Errorf("%s: jwks_uri %w", uri, err)
	}
	if strings.HasPrefix(k.issuer, "https:") && where.Scheme != "https" {
		return "", fmt.Errorf("%s: jwks_uri is not https, as the issuer is", uri)
	}
	return doc.Keys, nil
}

// get reads a document within AWS's limits. Its errors hold nothing of what was
// answered.
func (k *keys) get(ctx context.Context, uri string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := k.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: answered with status %d", uri, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxJWKS+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", uri, err)
	}
	if len(body) > maxJWKS {
		return nil, fmt.Errorf("%s: longer than %d bytes", uri, maxJWKS)
	}
	return body, nil
}

// parseKeys reads a JWK Set (RFC 7517, section 5) and keeps the RSA keys that
// have an id and may verify signatures. What else is in it is passed over, one
// by one: issuers publish keys of other kinds beside those, and package jose takes
// none of more than 4,096 bits.
func parseKeys(body []byte) (map[string][]jose.JSONWebKey, error) {
	var set struct {
		Keys []strictjson.RawMessage `json:"keys"`
	}
	if err := strictjson.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errors.New("not a JSON Web Key Set")
	}
	byID := make(map[string][]jose.JSONWebKey)
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil || key.KeyID == "" || !mayVerify(raw, key.Use) {
			continue
		}
		// A private key that an issuer published by mistake is no key any more, and
		// a short one is not enough (RFC 7518, section 3.3).
		if public, ok := key.Key.(*rsa.PublicKey); ok && public.N.BitLen() >= minKeyBits {
			byID[key.KeyID] = append(byID[key.KeyID], key)
		}
	}
	return byID, nil
}

// mayVerify reports whether an issuer lets a key verify signatures (RFC 7517,
// sections 4.2 and 4.3). Of the operations package jose tells nothing.
func mayVerify(key []byte, use string) bool {
	var is struct {
		For *[]string `json:"key_ops"`
	}
	return (use == "" || use == "sig") && strictjson.Unmarshal(key, &is) == nil && (is.For == nil || slices.Contains(*is.For, "verify"))
}

// keyClient returns a client that follows redirects within one origin only:
// what another origin says must not become the issuer's word.
func keyClient(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{}
	}
	own := *c
	own.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		if first := via[0].URL; req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
			return errors.New("redirected to another host, which is not followed")
		}
		return nil
	}
	return &own
}

func parseHTTPURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not an http or https URL", s)
	}
	return u, nil
}
