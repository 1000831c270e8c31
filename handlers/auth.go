package handlers

import (
	"net/http"

	"github.com/routegate/routegate/framework/oauth"
)

// authToken exchanges a user's name and password, or a client's credentials, for
// a token of the identity provider that the environment names.
func authToken() http.HandlerFunc {
	return oauth.Handler(oauth.ConfigFromEnv(), nil)
}
