package gateway

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	strictjson "github.com/go-jose/go-jose/v4/json"
)

// parseCertificates reads a JSON object of X.509 certificates in PEM by key id, as
// Firebase publishes its keys ("Verify ID Tokens", "Verify ID tokens using a
// third-party JWT library"). Like parseKeys it keeps the RSA keys that may verify
// signatures, and passes over the rest. The error means that the document has no
// certificate at all.
//
// A certificate that is not valid at now does not count. Who signed a certificate
// does not matter, because the issuer's keys are the ones that its URI has.
func parseCertificates(document []byte, now time.Time) (map[string][]jose.JSONWebKey, error) {
	errNone := errors.New("neither a JSON Web Key Set nor a JSON object of X.509 certificates")
	var texts map[string]string
	if strictjson.Unmarshal(document, &texts) != nil {
		return nil, errNone
	}
	byID, found := make(map[string][]jose.JSONWebKey), false
	for id, text := range texts {
		certificate := parseCertificate(text)
		if certificate == nil {
			continue
		}
		found = true
		public, ok := certificate.PublicKey.(*rsa.PublicKey)
		switch usage := certificate.KeyUsage; {
		case id == "", now.Before(certificate.NotBefore), now.After(certificate.NotAfter):
		case usage != 0 && usage&x509.KeyUsageDigitalSignature == 0:
		case !ok || public.N.BitLen() < minKeyBits || public.N.BitLen() > jose.MaxRSAModulusBits:
		default:
			byID[id] = []jose.JSONWebKey{{Key: public, KeyID: id}}
		}
	}
	if !found {
		return nil, errNone
	}
	return byID, nil
}

// parseCertificate returns the certificate of a PEM text, or nil if the text is
// anything but one certificate.
func parseCertificate(text string) *x509.Certificate {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
		return nil
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return certificate
}
