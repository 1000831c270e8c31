package oauth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/oauth"
)

// newFirebase starts a server that answers signInWithPassword as its REST API's reference has it
// (https://firebase.google.com/docs/reference/rest/auth): one user, and for any
// other name the error that the name says.
func newFirebase(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fail := func(status int, message string) {
			w.WriteHeader(status)
			json.NewEncoder(w).Encode(object{"error": object{
				"code": status, "message": message,
				"errors": []object{{"message": message, "domain": "global", "reason": "invalid"}},
			}})
		}
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		var body struct {
			Email, Password   string
			ReturnSecureToken bool
		}
		err := json.NewDecoder(r.Body).Decode(&body)
		switch {
		case err != nil || r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || !body.ReturnSecureToken:
			t.Errorf("%s %s %v: %v", r.Method, r.Header, body, err)
			fail(400, "INVALID_ARGUMENT")
		case r.URL.Query().Get("key") != apiKey:
			fail(400, "API key not valid. Please pass a valid API key.")
		case body.Email == "second-factor@example.com":
			json.NewEncoder(w).Encode(object{"kind": "identitytoolkit#VerifyPasswordResponse", "mfaPendingCredential": accessToken})
		case body.Email != userName:
			fail(400, strings.ReplaceAll(body.Email, "?", password))
		case body.Password != password:
			fail(400, "INVALID_LOGIN_CREDENTIALS")
		default:
			json.NewEncoder(w).Encode(object{
				"kind": "identitytoolkit#VerifyPasswordResponse", "localId": "ZY1rJK0", "email": body.Email, "displayName": "",
				"idToken": accessToken, "registered": true, "refreshToken": refreshToken, "expiresIn": "3600",
			})
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func TestFirebase(t *testing.T) {
	t.Parallel()
	server := newFirebase(t)
	r := newRoute(t, oauth.Config{TokenURL: server.URL + "/v1/accounts:signInWithPassword", FirebaseKey: apiKey})
	status, body, _ := r.send(signIn("scope", "a"))
	want := object{"access_token": accessToken, "token_type": "Bearer", "expires_in": 3600.0}
	if diff := cmp.Diff(want, body); diff != "" || status != 200 {
		t.Errorf("status %d; answer (-want +got):\n%s", status, diff)
	}
	jsonBody := fmt.Sprintf(`{"grant_type": "password", "username": %q, "password": %q}`, userName, password)
	if status, body, _ := r.send(request("application/json", jsonBody)); status != 200 {
		t.Errorf("JSON: %d %v", status, body)
	}
	// This is what "curl -F username=... -F password=..." sends.
	if status, body, _ := r.send(multipartForm("username", userName, "password", password)); status != 200 || !cmp.Equal(want, body) {
		t.Errorf("multipart: %d %v", status, body)
	}

	for name, want := range map[string]struct {
		status int
		code   string
	}{
		"INVALID_LOGIN_CREDENTIALS": {400, "invalid_grant"},
		"EMAIL_NOT_FOUND":           {400, "invalid_grant"},
		"INVALID_PASSWORD":          {400, "invalid_grant"},
		"INVALID_EMAIL":             {400, "invalid_grant"},
		"USER_DISABLED":             {400, "invalid_grant"},
		"second-factor@example.com": {400, "invalid_grant"},
		"TOO_MANY_ATTEMPTS_TRY_LATER : Access to this account?": {429, "temporarily_unavailable"},
		"PASSWORD_LOGIN_DISABLED":                               {400, "unauthorized_client"},
		"OPERATION_NOT_ALLOWED":                                 {400, "unauthorized_client"},
		"CONFIGURATION_NOT_FOUND":                               {502, "server_error"},
		"? is what you sent":                                    {502, "server_error"},
	} {
		status, body, _ := r.send(form("grant_type", "password", "username", name, "password", password))
		if status != want.status || body["error"] != want.code {
			t.Errorf("%s: %d %v, want %d %s", name, status, body, want.status, want.code)
		}
	}
	// A provider that repeats a password which looks like a code.
	if status, body, _ := r.send(form("grant_type", "password", "username", "SESAME", "password", "OPENSESAME")); status != 502 || strings.Contains(r.log.String(), "SESAME") {
		t.Errorf("%d %v; the log:\n%s", status, body, r.log.String())
	}

	// Whether a name has an account is not to be told from the answers.
	_, unknown, _ := r.send(form("grant_type", "password", "username", "EMAIL_NOT_FOUND", "password", password))
	_, wrong, _ := r.send(form("grant_type", "password", "username", userName, "password", "x"))
	if diff := cmp.Diff(unknown, wrong); diff != "" {
		t.Errorf("an unknown user and a wrong password (-one +other):\n%s", diff)
	}

	if status, body, _ := r.send(form("grant_type", "client_credentials", "client_id", "x", "client_secret", callerSecret)); status != 400 || body["error"] != "unsupported_grant_type" {
		t.Errorf("client credentials: %d %v", status, body)
	}
	if status, body, _ := r.send(form("grant_type", "refresh_token", "refresh_token", refreshToken)); status != 400 || body["error"] != "unsupported_grant_type" {
		t.Errorf("refresh token: %d %v", status, body)
	}
	r = newRoute(t, oauth.Config{TokenURL: server.URL, FirebaseKey: "another key"})
	if status, body, _ := r.send(signIn()); status != 502 || body["error"] != "server_error" {
		t.Errorf("another key: %d %v", status, body)
	}
}
