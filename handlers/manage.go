package handlers

import "net/http"

// healthCheck says that the service is up.
func healthCheck(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}
