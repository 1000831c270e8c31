package handlers

import (
	"net/http"

	"github.com/routegate/routegate/framework"
)

// siteMap lists the routes of the service, and who may call each, with the
// digest of the manifest that the function was built from: "routes drift"
// compares it.
func siteMap(w http.ResponseWriter, r *http.Request) {
	type entry struct {
		Name    string   `json:"name"`
		Method  string   `json:"method"`
		Path    string   `json:"path"`
		Summary string   `json:"summary"`
		Auth    string   `json:"auth"` // public, jwt or iam
		Groups  []string `json:"groups,omitempty"`
		Scopes  []string `json:"scopes,omitempty"`
	}
	entries := []entry{}
	digest := ""
	if table, ok := framework.TableFrom(r.Context()); ok {
		digest = table.Digest()
		for rt := range table.All() {
			entries = append(entries, entry{
				rt.Name, rt.Method, rt.Pattern.String(), rt.Summary,
				rt.Access.Auth.String(), rt.Access.Groups, rt.Access.Scopes,
			})
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"manifest_digest": digest, "routes": entries})
}
