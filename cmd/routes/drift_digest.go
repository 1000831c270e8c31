package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// siteMapHandler is the handler that tells the digest of the manifest that the
// function was built from.
const siteMapHandler = "site_map"

// maxSiteMap is the size of an answer beyond which it is no site map. A Lambda
// function cannot answer as much.
const maxSiteMap = 8 << 20

// functionDigest asks the function which manifest it was built from. The file
// holds the token to ask with, which appears in no error.
func functionDigest(table *route.Table, endpoint, tokenFile string) (string, error) {
	path, err := siteMapPath(table)
	if err != nil {
		return "", err
	}
	target, err := siteMapURL(endpoint, path)
	if err != nil {
		return "", err
	}
	token, err := readToken(tokenFile)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), compareTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	client := &http.Client{
		// A redirect leads the token to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", target, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSiteMap+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", target, err)
	case len(body) > maxSiteMap:
		return "", fmt.Errorf("%s answers too much", target)
	}
	var siteMap struct {
		Digest string `json:"manifest_digest"`
	}
	if err := json.Unmarshal(body, &siteMap); err != nil {
		return "", fmt.Errorf("%s answers no JSON that could be read: %w", target, err)
	}
	if siteMap.Digest == "" {
		return "", fmt.Errorf(`%s answers without a "manifest_digest"`, target)
	}
	return siteMap.Digest, nil
}

// siteMapPath returns the path of the route that tells the digest.
func siteMapPath(table *route.Table) (string, error) {
	for r := range table.All() {
		takesGet := r.Method == http.MethodGet || r.Method == route.AnyMethod
		if r.Handler == siteMapHandler && takesGet && len(r.Pattern.Variables()) == 0 {
			return r.Pattern.String(), nil
		}
	}
	return "", fmt.Errorf("the manifest has no route with the handler %q, the method GET and no variable to ask", siteMapHandler)
}

// siteMapURL returns the URL of the path. A token may be read by everyone on
// the way of an http: URL, so it goes nowhere with one but to this machine.
func siteMapURL(endpoint, path string) (string, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return "", fmt.Errorf("the endpoint %q is no URL", endpoint)
	case u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "", fmt.Errorf("the endpoint %q is not of the form https://host/path", endpoint)
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(u.Hostname()):
	default:
		return "", fmt.Errorf("the endpoint %q does not start with https:// and a token may go nowhere else", endpoint)
	}
	return strings.TrimSuffix(u.String(), "/") + path, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// readToken reads a token that a header takes.
func readToken(file string) (string, error) {
	token, err := readTokenFile(file)
	switch {
	case err != nil:
		return "", err
	case token == "":
		return "", fmt.Errorf("%s holds no token", file)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New(file + " holds something else than one token")
	}
	return token, nil
}
