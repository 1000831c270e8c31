package handlers

import (
	"net/http"

	"github.com/routegate/routegate/framework"
)

// whoami answers with the claims of the caller's token, typed as in the token.
func whoami(w http.ResponseWriter, r *http.Request) {
	p, _ := framework.PrincipalFrom(r.Context())
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, map[string]any{"claims": p.Claims})
}
