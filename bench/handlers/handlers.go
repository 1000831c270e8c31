// Package handlers takes the place of the repository's own in the copy of it that
// is packaged and measured. It has no documentation assets.
package handlers

import (
	"io"
	"net/http"

	"github.com/routegate/routegate/framework"
)

// All returns the handlers of the sample API by name.
func All() framework.Handlers {
	return framework.Handlers{
		"echo": Echo,
		"show": func(w http.ResponseWriter, r *http.Request) { Show(w, r.PathValue("item")) },
	}
}

// Echo answers with the request's body.
func Echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // a client that has gone is told nothing
}

// Show answers with a small document; item is a variable of the path.
func Show(w http.ResponseWriter, item string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"`+item+`","status":"shipped","quantity":3}`)
}
