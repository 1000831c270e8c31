package oauth

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
)

// A Config names the identity provider. The zero Config names none.
type Config struct {
	// TokenURL is the provider's token endpoint (RFC 6749, section 3.2). With
	// FirebaseKey it is another address for Firebase's signInWithPassword, its
	// emulator's for one, and may be left out.
	TokenURL string

	// ClientID and ClientSecret are the client that this service is at the
	// provider, for the password grant. The client credentials grant never uses
	// them: who asks for it has credentials, or would get ours.
	ClientID, ClientSecret string

	// Audience is sent as "audience", which some providers need: Auth0 gives no
	// JSON Web Token without it.
	Audience string

	// FirebaseKey is the key of a Firebase project's web API, which is no secret.
	FirebaseKey string
}

// firebaseURL is signInWithPassword
// (https://firebase.google.com/docs/reference/rest/auth#section-sign-in-email-password).
const firebaseURL = "https://identitytoolkit.googleapis.com/v1/accounts:signInWithPassword"

// errNotConfigured is the error of a Config that names no provider.
var errNotConfigured = errors.New("no identity provider is configured: set AUTH_TOKEN_URL or AUTH_FIREBASE_API_KEY")

// ConfigFromEnv reads the Config that a deployment sets:
//
//	AUTH_TOKEN_URL         TokenURL
//	AUTH_CLIENT_ID         ClientID
//	AUTH_CLIENT_SECRET     ClientSecret
//	AUTH_AUDIENCE          Audience
//	AUTH_FIREBASE_API_KEY  FirebaseKey
func ConfigFromEnv() Config {
	return Config{
		TokenURL:     os.Getenv("AUTH_TOKEN_URL"),
		ClientID:     os.Getenv("AUTH_CLIENT_ID"),
		ClientSecret: os.Getenv("AUTH_CLIENT_SECRET"),
		Audience:     os.Getenv("AUTH_AUDIENCE"),
		FirebaseKey:  os.Getenv("AUTH_FIREBASE_API_KEY"),
	}
}

// endpoint returns where tokens are asked for. The error quotes nothing that
// could be secret.
func (c Config) endpoint() (*url.URL, error) {
	address := c.TokenURL
	switch {
	case address == "" && c.FirebaseKey == "":
		return nil, errNotConfigured
	case address == "":
		address = firebaseURL
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("AUTH_TOKEN_URL is not a URL")
	case u.User != nil, u.Fragment != "":
		return nil, errors.New("AUTH_TOKEN_URL has a user or a fragment")
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return nil, fmt.Errorf("AUTH_TOKEN_URL is %q: want https, or http on loopback", u.Scheme+"://"+u.Host)
	case c.ClientSecret != "" && c.ClientID == "":
		return nil, errors.New("AUTH_CLIENT_SECRET is set, and AUTH_CLIENT_ID is not")
	}
	if c.FirebaseKey != "" {
		q := u.Query()
		q.Set("key", c.FirebaseKey)
		u.RawQuery = q.Encode()
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
