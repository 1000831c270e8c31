package gateway

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestCertificates verifies tokens with keys that are published as Firebase
// publishes them: a JSON object of self-signed certificates by key id.
func TestCertificates(t *testing.T) {
	t.Parallel()
	now := newClock().now()
	old, fresh := testKeys()[0], testKeys()[1]
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	long := new(big.Int).SetBit(big.NewInt(1), 4096, 1) // of 4,097 bits; nobody signs with it

	// certificateOf returns a certificate of a public key that is valid for an hour.
	certificateOf := func(public crypto.PublicKey, signer crypto.Signer, edits ...func(*x509.Certificate)) string {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "securetoken.system.gserviceaccount.com"},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		}
		for _, edit := range edits {
			edit(c)
		}
		der, err := x509.CreateCertificate(rand.Reader, c, c, public, signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	certificate := func(key crypto.Signer, edits ...func(*x509.Certificate)) string {
		return certificateOf(key.Public(), key, edits...)
	}
	document := func(m map[string]string) string {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	good := certificate(old)
	privateKey := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(old)}))
	const (
		neither = "neither a JSON Web Key Set nor a JSON object of X.509 certificates"
		unknown = "publishes no RSA key"
	)
	tests := []struct {
		name, document string
		refusal        string // a part of the reason, "" if the token is good
	}{
		{"one", document(map[string]string{"key-0": good}), ""},
		{"beside others", document(map[string]string{"key-0": good, "key-1": certificate(fresh), "key-2": certificate(ec), "note": "x"}), ""},
		{"any key usage", document(map[string]string{"key-0": certificate(old, func(c *x509.Certificate) { c.KeyUsage = 0 })}), ""},
		{"another key", document(map[string]string{"key-0": certificate(fresh)}), "the signature is not by the issuer's key"},
		{"another id", document(map[string]string{"key-1": good}), unknown},
		{"an empty id", document(map[string]string{"": good}), unknown},
		{"expired", document(map[string]string{"key-0": certificate(old, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })}), unknown},
		{"not valid yet", document(map[string]string{"key-0": certificate(old, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })}), unknown},
		{"for encryption only", document(map[string]string{"key-0": certificate(old, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })}), unknown},
		{"an elliptic curve", document(map[string]string{"key-0": certificate(ec)}), unknown},
		{"1,024 bits", document(map[string]string{"key-0": certificate(short)}), unknown},
		{"4,097 bits", document(map[string]string{"key-0": certificateOf(&rsa.PublicKey{N: long, E: 65537}, old)}), unknown},
		{"two in one", document(map[string]string{"key-0": good + certificate(fresh)}), neither},
		{"a private key", document(map[string]string{"key-0": privateKey}), neither},
		{"a broken certificate", document(map[string]string{"key-0": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}), neither},
		{"an id twice", `{"key-0":` + quoted(good) + `,"key-0":` + quoted(certificate(fresh)) + `}`, neither},
		{"a certificate under keys", document(map[string]string{"keys": good}), unknown},
		{"an error", `{"error":"x"}`, neither},
		{"nothing", `{}`, neither},
		{"null", `null`, neither},
		{"a list", `[` + quoted(good) + `]`, neither},
		{"deeper", `{"keys":{"key-0":` + quoted(good) + `}}`, neither},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, iss := newClock(), newIssuer(t)
			iss.set(func() { iss.keys = test.document })
			a, err := NewAuthorizer(AuthorizerOptions{Issuer: iss.URL, Audiences: []string{"api"}, KeysURI: iss.URL + "/keys", Now: c.now})
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.Verify(t.Context(), sign(t, jose.RS256, old, "key-0", iss.claims(c)))
			refused := (*TokenError)(nil)
			if test.refusal == "" && err != nil || test.refusal != "" && (!errors.As(err, &refused) || !strings.Contains(refused.Reason, test.refusal)) {
				t.Errorf("got %v, want %q", err, test.refusal)
			}
		})
	}

	// API Gateway takes no certificates, so discovery does not either.
	t.Run("discovery", func(t *testing.T) {
		t.Parallel()
		c, iss := newClock(), newIssuer(t)
		iss.set(func() { iss.keys = document(map[string]string{"key-0": good}) })
		_, err := iss.authorizer(t, c).Verify(t.Context(), sign(t, jose.RS256, old, "key-0", iss.claims(c)))
		if err == nil || !strings.HasSuffix(err.Error(), "not a JSON Web Key Set") {
			t.Errorf("got %v", err)
		}
	})
}

// TestCertificatesRotate keeps the keys of the last good document, and takes those
// of the next one.
func TestCertificatesRotate(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	publish := func(id string, key *rsa.PrivateKey) {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: c.now(), NotAfter: c.now().Add(24 * time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		iss.set(func() {
			iss.keys = `{"` + id + `":` + quoted(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))) + `}`
		})
	}
	a, err := NewAuthorizer(AuthorizerOptions{Issuer: iss.URL, Audiences: []string{"api"}, KeysURI: iss.URL + "/keys", Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	verify := func(id string, key *rsa.PrivateKey) error {
		_, err := a.Verify(t.Context(), sign(t, jose.RS256, key, id, iss.claims(c)))
		return err
	}
	publish("key-0", testKeys()[0])
	if err := verify("key-0", testKeys()[0]); err != nil {
		t.Error(err)
	}
	iss.set(func() { iss.keys = `{"error":"try again later"}` })
	c.advance(keysLifetime)
	if err := verify("key-0", testKeys()[0]); err != nil {
		t.Errorf("the keys are gone because the issuer is down: %v", err)
	}
	publish("key-1", testKeys()[1])
	c.advance(fetchInterval)
	if err := verify("key-1", testKeys()[1]); err != nil {
		t.Error(err)
	}
	if err := verify("key-0", testKeys()[0]); err == nil {
		t.Error("a key that is no longer published was taken")
	}
}

// quoted returns s as a JSON string.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}
