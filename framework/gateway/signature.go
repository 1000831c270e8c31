package gateway

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are the signatures that are accepted. AWS says that "only RSA-based
// algorithms" are supported and names none: PS ones are RSA-based, too.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}

// verifySignature checks form, key and signature of a token.
func (a *Authorizer) verifySignature(ctx context.Context, token string) (*verifiedToken, *TokenError) {
	s, isKnown := a.header.Load().read(token)
	if !isKnown {
		jws, refusal := parseToken(token)
		if refusal != nil {
			return nil, refusal
		}
		header := jws.Signatures[0].Protected
		s = signed{header.KeyID, header.Algorithm, jws.Verify}
	}
	found, err := a.keys.find(ctx, s.kid)
	switch {
	case errors.Is(err, errUnknownKey):
		return nil, &TokenError{badKey, err.Error()}
	case err != nil:
		return nil, &TokenError{badKeys, "the issuer's keys could not be had: " + err.Error()}
	}
	for _, key := range found {
		// A key that names an algorithm is for no other (RFC 7517, section 4.4).
		if key.Algorithm != "" && key.Algorithm != s.algorithm {
			continue
		}
		// The bare key, so that nothing of the header can choose another.
		if payload, err := s.verify(key.Key); err == nil {
			if encoded, _, _ := strings.Cut(token, "."); !isKnown && s.algorithm == string(jose.RS256) {
				a.header.Store(&knownHeader{strings.Clone(encoded), s.kid})
			}
			return &verifiedToken{payload: string(payload), kid: s.kid, key: key.Key}, nil
		}
	}
	return nil, &TokenError{badSignature, "the signature is not by the issuer's key that the token names"}
}

// A signed is what is known of a token without the issuer's keys.
type signed struct {
	kid, algorithm string

	// verify returns the payload if the signature is by the key.
	verify func(key any) ([]byte, error)
}

// parseToken takes a token as far as one gets without the issuer's keys.
func parseToken(token string) (*jose.JSONWebSignature, *TokenError) {
	if len(token) > maxHeader {
		return nil, &TokenError{badForm, fmt.Sprintf("the token has %d bytes: API Gateway takes %d of all headers", len(token), maxHeader)}
	}
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if wrong := (*jose.ErrUnexpectedSignatureAlgorithm)(nil); errors.As(err, &wrong) {
		return nil, &TokenError{badAlgorithm, fmt.Sprintf("the token is signed with %.20q: only RSA is accepted", string(wrong.Got))}
	}
	if err != nil || !isCanonical(token) { // the error's text may quote the token
		return nil, &TokenError{badForm, "not a signed JWT"}
	}
	// Both change what the signature is of; b64 is not for JWTs (RFC 7797, section
	// 7), and AWS names no crit that it understands (RFC 7515, section 4.1.11).
	for _, name := range []jose.HeaderKey{"crit", "b64"} {
		if _, has := jws.Signatures[0].Protected.ExtraHeaders[name]; has {
			return nil, &TokenError{badAlgorithm, fmt.Sprintf("the token's header has %q, which no JWT for API Gateway needs", name)}
		}
	}
	if jws.Signatures[0].Protected.KeyID == "" {
		return nil, &TokenError{badKey, "the token has no kid, which API Gateway requires"}
	}
	return jws, nil
}

// isCanonical reports whether each part of a token is the only way to write its
// bytes in base64, of which package jose takes others: with line ends, and with
// bits at the end of which no byte comes. The function takes none of them, so that
// a container must not either.
func isCanonical(token string) bool {
	if strings.ContainsAny(token, "\r\n") {
		return false
	}
	for part := range strings.SplitSeq(token, ".") {
		last := part[len(part)&^3:]
		if _, err := strictBase64.DecodeString(last); err != nil {
			return false
		}
	}
	return true
}

// A knownHeader is the header of a token that was found good, signed with RS256 as
// nearly all are. Until an issuer's key changes its tokens have the same header,
// which need not be read again: that and package jose's own copies take nearly as
// long as the signature. nil is none.
type knownHeader struct {
	encoded string // as it stands in the token
	kid     string
}

// read takes a token apart if it has this header and is well-formed. If not, why is
// parseToken's to say.
func (h *knownHeader) read(token string) (s signed, ok bool) {
	if h == nil || len(token) > maxHeader || strings.ContainsAny(token, "\r\n") {
		return signed{}, false
	}
	encoded, rest, _ := strings.Cut(token, ".")
	middle, last, _ := strings.Cut(rest, ".")
	if encoded != h.encoded || last == "" {
		return signed{}, false
	}
	payload, err := strictBase64.DecodeString(middle)
	if err != nil {
		return signed{}, false
	}
	signature, err := strictBase64.DecodeString(last) // which fails where there is a fourth part
	if err != nil {
		return signed{}, false
	}
	return signed{h.kid, string(jose.RS256), func(key any) ([]byte, error) {
		public, ok := key.(*rsa.PublicKey)
		if !ok {
			return nil, errors.New("not an RSA key")
		}
		// RFC 7518, section 3.3, of what RFC 7515, section 5.2, has signed.
		digest := sha256.Sum256([]byte(token[:len(token)-len(last)-1]))
		return payload, rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature)
	}}, true
}

// strictBase64 is how a JWT is encoded (RFC 7515, section 2), each one way only.
var strictBase64 = base64.RawURLEncoding.Strict()
