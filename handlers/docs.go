package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/openapi"
)

// Documentation says of the service what its manifest does not: to the handler
// below, and to "routes openapi".
func Documentation() openapi.Options {
	return openapi.Options{Title: "Routegate", TokenHandler: "auth_token"}
}

// openapiJSON answers with the routes as an OpenAPI document.
//
// The document names the API's address relative to its own, which holds behind a
// stage, behind a mapping key, and on localhost.
func openapiJSON(w http.ResponseWriter, r *http.Request) {
	table, ok := framework.TableFrom(r.Context())
	if !ok {
		http.Error(w, "there are no routes to describe", http.StatusInternalServerError)
		return
	}
	opts := Documentation()
	opts.Server = upToTheTop(r.URL.Path)
	document := openapi.Document(table, opts)
	sum := sha256.Sum256(document)
	etag := `"` + hex.EncodeToString(sum[:16]) + `"`
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "no-cache")
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(document) // a client that has gone is told nothing
}

// upToTheTop returns the relative address that leads from a path to the API's
// own: "." from /openapi.json, ".." from /v1/openapi.json.
func upToTheTop(path string) string {
	up := strings.Repeat("/..", max(strings.Count(path, "/")-1, 0))
	if up == "" {
		return "."
	}
	return up[1:]
}
