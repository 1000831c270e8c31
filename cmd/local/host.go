package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// parseHost returns the name that a -host flag adds, in lower case. It returns an
// error if the name could never be a Host header without its port.
func parseHost(name string) (string, error) {
	if name == "" || net.ParseIP(name) == nil && strings.ContainsAny(name, ":/@*[] ") {
		return "", errors.New("want a host name without a scheme and a port, such as api.test")
	}
	return strings.ToLower(name), nil
}

// hasHost reports whether a Host header, with or without a port, names this
// machine: a loopback address, localhost, a name under localhost (RFC 6761,
// section 6.3), or a name from -host.
func (c config) hasHost(header string) bool {
	name := strings.ToLower(hostName(header))
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() {
		return true
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(c.hosts, name)
}

// hostName returns a Host header, or the host of a URL, without its port and
// without the brackets of an IPv6 address.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.TrimSuffix(inner, "]")
	}
	return host
}

// checkHost answers 421 (RFC 9110, section 15.5.20) to a request for a host that
// is not this machine. An attacker's name that resolves to 127.0.0.1, which is DNS
// rebinding, would otherwise make the attacker's page one of the API's own origin.
func (s *service) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.hasHost(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "this server has no host of that name: use localhost or 127.0.0.1, or start it with -host NAME", http.StatusMisdirectedRequest)
		path, _, _ := strings.Cut(r.RequestURI, "?")
		s.terminal.request(request{
			Method: r.Method, Path: path, Status: http.StatusMisdirectedRequest, By: "local",
			Reason: fmt.Sprintf("the host %q is not this machine; if the name is yours, start with -host", r.Host),
		}, s.manifest)
	})
}
