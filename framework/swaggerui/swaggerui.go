// Package swaggerui serves Swagger UI, which shows an OpenAPI document and tries
// its routes, as one page that loads nothing else but the document.
//
// The document is openapi.json beside the page (/v1/docs shows
// /v1/openapi.json), so that no address is written down anywhere: it works behind
// a stage, behind a mapping key, and on localhost. Where the document asks for a
// token the page asks for one, too.
//
// page.html.gz is made by make.go of the npm package swagger-ui-dist, whose
// licence is in dist: Apache 2.0, with parts under MIT, BSD and others.
package swaggerui

//go:generate sh -c "npm pack --silent swagger-ui-dist@5.35.0 && go run make.go swagger-ui-dist-5.35.0.tgz && rm swagger-ui-dist-5.35.0.tgz"

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

//go:embed page.html.gz
var page []byte

// policy has the hashes of the page's script and style: nothing else runs, and
// nothing is asked of another origin.
//
//go:embed page.csp
var policy string

var tag = sync.OnceValue(func() string {
	sum := sha256.Sum256(page)
	return hex.EncodeToString(sum[:16])
})

// plain is the page for the few clients that do not take gzip.
var plain = sync.OnceValues(func() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(page))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
})

// Page answers with the page.
func Page(w http.ResponseWriter, r *http.Request) {
	// Two encodings of a page are two representations, each with its own tag
	// (RFC 9110, section 8.8.3).
	zipped := takesGzip(strings.Join(r.Header.Values("Accept-Encoding"), ","))
	etag := `"` + tag() + `"`
	if zipped {
		etag = `"` + tag() + `-gzip"`
	}
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", strings.TrimSpace(policy))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if zipped {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(page) // a client that went away
		return
	}
	data, err := plain()
	if err != nil {
		http.Error(w, "the page is damaged", http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(data)
}

// takesGzip reads an Accept-Encoding header (RFC 9110, section 12.5.3).
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, weight, _ := strings.Cut(strings.ToLower(part), ";")
		if strings.TrimSpace(coding) != "gzip" {
			continue
		}
		q, weighed := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		if !weighed {
			return true
		}
		value, err := strconv.ParseFloat(q, 64)
		return err == nil && value > 0
	}
	return false
}
