package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load from here and nowhere else, run no script that
// is not a file of it, and be framed by nobody: a frame could make the developer
// click on what a stranger placed there.
const pagePolicy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// streamWrite is how long a follower's connection may take to accept what is
// written to it.
const streamWrite = 10 * time.Second

// A page serves what is below /_routegate/: the page, what it asks for, and the
// built-in issuer. api.go lists it.
type page struct {
	state   func() state
	changed func() <-chan struct{} // closed when the state changes the next time
	decide  func(caller) []decided
	history *history
	issuer  http.Handler    // nil: there is none
	done    <-chan struct{} // ends the streams, which otherwise end with their requests only; nil: never

	heartbeat time.Duration // between comments of a stream without events; 0: 15 seconds
}

// handler serves requests whose path begins with /_routegate/.
func (p *page) handler() http.Handler {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the folder is embedded under this name
	}
	mux := http.NewServeMux()
	static := http.StripPrefix(pagePath, http.FileServerFS(files))
	mux.Handle("GET "+pagePath+"{$}", static)
	mux.Handle("GET "+pagePath+"{file}", static)
	mux.HandleFunc("GET "+pagePath+"state", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, p.state())
	})
	mux.HandleFunc("POST "+pagePath+"decide", p.serveDecide)
	mux.HandleFunc("GET "+pagePath+"requests", p.serveStream)
	mux.HandleFunc("GET "+pagePath+"requests/{id}", func(w http.ResponseWriter, r *http.Request) {
		d, ok := p.history.find(r.PathValue("id"))
		if !ok {
			http.Error(w, "no such request among the last "+fmt.Sprint(keptRequests), http.StatusNotFound)
			return
		}
		answerJSON(w, http.StatusOK, d)
	})
	if p.issuer != nil {
		mux.Handle(pagePath+"issuer/", http.StripPrefix(pagePath+"issuer", p.issuer))
	}
	return guard(mux)
}

// guard refuses what a page of another origin sends, except that a link may lead
// to the page itself. Everything else holds tokens or events, or changes something.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		isLink := (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.TrimSuffix(r.URL.Path, "/")+"/" == pagePath
		if siteOf(r) != own && !isLink {
			http.Error(w, "this is not for pages of another origin", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *page) serveDecide(w http.ResponseWriter, r *http.Request) {
	var c caller
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		http.Error(w, "cannot read the caller: "+err.Error(), http.StatusBadRequest)
		return
	}
	if c.Auth != "" && c.Auth != "jwt" && c.Auth != "iam" {
		http.Error(w, fmt.Sprintf(`auth %q: want "", "jwt" or "iam"`, c.Auth), http.StatusBadRequest)
		return
	}
	answerJSON(w, http.StatusOK, p.decide(c))
}

// serveStream sends the kept requests, the state, and from then on what is new
// of both, as server-sent events. It ends when the reader is gone or too slow,
// or when p is done; a browser then connects again.
func (p *page) serveStream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	send := func(event string, v any) bool {
		text := ":\n\n" // a comment
		if event != "" {
			data, err := json.Marshal(v)
			if err != nil {
				return false
			}
			text = "event: " + event + "\ndata: " + string(data) + "\n\n" // JSON has no line ends
		}
		// A server without deadlines has none to move; then writing may wait.
		_ = control.SetWriteDeadline(time.Now().Add(streamWrite))
		_, err := w.Write([]byte(text))
		return err == nil
	}
	every := p.heartbeat
	if every == 0 {
		every = 15 * time.Second
	}
	heartbeat := time.NewTicker(every)
	defer heartbeat.Stop()

	kept, live := p.history.follow(r.Context())
	// Taken before the state, so that no change is missed between the two.
	changed := p.changed()
	ok := true
	for _, q := range kept {
		ok = ok && send("request", q)
	}
	ok = ok && send("state", p.state())
	for ok {
		if control.Flush() != nil {
			return
		}
		select {
		case q, open := <-live:
			ok = open && send("request", q)
		case <-changed:
			changed = p.changed()
			ok = send("state", p.state())
		case <-heartbeat.C:
			ok = send("", nil)
		case <-p.done:
			return
		}
	}
}
