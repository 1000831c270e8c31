// Package handlers has the service's own handlers, a file per resource.
//
// A handler is plain net/http: r.PathValue("id") is a variable of the route's
// path, r.Pattern the route key, and framework.PrincipalFrom(r.Context()) who
// calls. Who may call is the manifest's to say and checked before.
package handlers

import (
	"encoding/json"
	"net/http"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/swaggerui"
)

// All returns the service's handlers by the names that routes.yaml uses.
func All() framework.Handlers {
	return framework.Handlers{
		"auth_token":   authToken(),
		"docs":         swaggerui.Page,
		"health_check": healthCheck,
		"openapi_json": openapiJSON,
		"site_map":     siteMap,
		"whoami":       whoami,
	}
}

// writeJSON answers with v, which must be something that encoding/json takes.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone is told nothing
}
