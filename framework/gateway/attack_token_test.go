package gateway

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/routegate/routegate/framework"
)

// b64 is how each part of a token is written.
func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// A signature makes the third part of a token of the first two.
type signature func(input string) string

// forge writes a token to the byte, without a library that could set it right.
func forge(header, payload string, sign signature) string {
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(sign(input))
}

func byRSA(key *rsa.PrivateKey) signature {
	return func(input string) string {
		digest := sha256.Sum256([]byte(input))
		sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		if err != nil {
			panic(err)
		}
		return string(sig)
	}
}

func byHMAC(h func() hash.Hash, secret string) signature {
	return func(input string) string {
		mac := hmac.New(h, []byte(secret))
		mac.Write([]byte(input))
		return string(mac.Sum(nil))
	}
}

// byEC signs with s as it comes or, with high, with its other value, which is as
// good by the mathematics.
func byEC(key *ecdsa.PrivateKey, high bool) signature {
	return func(input string) string {
		digest := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			panic(err)
		}
		n := key.Params().N
		if isHigh := s.Cmp(new(big.Int).Rsh(n, 1)) > 0; isHigh != high {
			s.Sub(n, s)
		}
		return string(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
}

func as(text string) signature { return func(string) string { return text } }

// forgery has what an attacker on tokens has at hand: a clock, an issuer that
// publishes several keys, a valid token's claims, and an own key and certificate.
type forgery struct {
	*fakeClock
	*issuer
	*Authorizer
	good             claims
	payload          string // the good claims
	key, stranger    *rsa.PrivateKey
	ec               *ecdsa.PrivateKey
	certificate, jwk string // the stranger's
}

const rs256 = `{"alg":"RS256","kid":"key-0"}`

func newForgery(t testing.TB) *forgery {
	t.Helper()
	f := &forgery{fakeClock: newClock(), issuer: newIssuer(t), key: testKeys()[0], stranger: testKeys()[1]}
	f.Authorizer = f.authorizer(t, f.fakeClock)
	f.good = f.issuer.claims(f.fakeClock).with(claims{"groups": []string{"ADMINS"}})
	payload, err := json.Marshal(f.good)
	if err != nil {
		t.Fatal(err)
	}
	f.payload = string(payload)
	if f.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	f.publish(jwk("key-0", f.key), jwk("key-2", f.key), jose.JSONWebKey{Key: &f.ec.PublicKey, KeyID: "ec", Use: "sig", Algorithm: "ES256"})
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "evil"}},
		&x509.Certificate{SerialNumber: big.NewInt(1)}, &f.stranger.PublicKey, f.stranger)
	if err != nil {
		t.Fatal(err)
	}
	f.certificate = base64.StdEncoding.EncodeToString(der)
	strangers, err := json.Marshal(jwk("key-0", f.stranger))
	if err != nil {
		t.Fatal(err)
	}
	f.jwk = string(strangers)
	return f
}

// with is a payload with changes; null takes a claim away.
func (f *forgery) with(changes claims) string {
	payload, err := json.Marshal(f.good.with(changes))
	if err != nil {
		panic(err)
	}
	return string(payload)
}

// and is the payload with more of JSON in it, which may be a claim again.
func (f *forgery) and(more string) string { return f.payload[:len(f.payload)-1] + "," + more + "}" }

// signed is a token of the issuer's own key.
func (f *forgery) signed(payload string) string { return forge(rs256, payload, byRSA(f.key)) }

// part replaces one of a valid token's three parts.
func (f *forgery) part(n int, change func(string) string) string {
	parts := strings.Split(f.signed(f.payload), ".")
	parts[n] = change(parts[n])
	return strings.Join(parts, ".")
}

// loose changes the last character of a part in the bits that no byte comes of.
func loose(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(part)%4 == 0 {
		panic("has no such bits")
	}
	last := len(part) - 1
	return part[:last] + string(alphabet[strings.IndexByte(alphabet, part[last])^1])
}

func fill(n int, s string) string { return strings.Repeat(s, n/len(s)) }

// unevenly makes a payload whose base64 has bits to spare.
func (f *forgery) unevenly() string {
	payload := f.payload
	for len(payload)%3 == 0 {
		payload += " "
	}
	return payload
}

func (f *forgery) attacks(t testing.TB) []tokenAttack {
	t.Helper()
	pkix, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	inPEM := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(&f.key.PublicKey)
	asJWK, err := json.Marshal(jwk("key-0", f.key))
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := f.fakeClock.now().Unix()
	none := func(alg string) string {
		return forge(`{"alg":`+alg+`,"kid":"key-0"}`, f.payload, as(""))
	}
	hs := func(alg string, h func() hash.Hash, secret string) string {
		return forge(`{"alg":"`+alg+`","kid":"key-0"}`, f.payload, byHMAC(h, secret))
	}
	head := func(more string) string { return `{"alg":"RS256","kid":"key-0",` + more + `}` }
	mine := func(more string) string { return forge(head(more), f.payload, byRSA(f.stranger)) } // signed by the attacker
	true_ := func(more string) string { return forge(head(more), f.payload, byRSA(f.key)) }     // signed by the issuer
	kid := func(kid string) string { return forge(`{"alg":"RS256","kid":`+kid+`}`, f.payload, byRSA(f.stranger)) }
	sig := func(change func([]byte) []byte) string {
		return forge(rs256, f.payload, func(input string) string { return string(change([]byte(byRSA(f.key)(input)))) })
	}
	raw := func(input string) string { return f.raw(input) }
	plusN := func(b []byte) []byte { return new(big.Int).Add(new(big.Int).SetBytes(b), f.key.N).Bytes() }

	return []tokenAttack{
		{"valid", f.signed(f.payload), ""},
		{"valid, by another published id", forge(`{"alg":"RS256","kid":"key-2"}`, f.payload, byRSA(f.key)), ""},

		// The algorithm.
		{"none", none(`"none"`), badAlgorithm},
		{"None", none(`"None"`), badAlgorithm},
		{"NONE", none(`"NONE"`), badAlgorithm},
		{"nOnE", none(`"nOnE"`), badAlgorithm},
		{"none with a space", none(`"none "`), badAlgorithm},
		{"none with escapes", none(`"\u006eone"`), badAlgorithm},
		{"none with a signature", forge(`{"alg":"none","kid":"key-0"}`, f.payload, byRSA(f.key)), badAlgorithm},
		{"alg null", none(`null`), badAlgorithm},
		{"alg empty", none(`""`), badAlgorithm},
		{"alg a list", none(`["RS256"]`), badAlgorithm},
		{"alg a number", none(`256`), badAlgorithm},
		{"alg in lower case", forge(`{"alg":"rs256","kid":"key-0"}`, f.payload, byRSA(f.key)), badAlgorithm},
		{"alg with a space", forge(`{"alg":"RS256 ","kid":"key-0"}`, f.payload, byRSA(f.key)), badAlgorithm},
		{"ALG", forge(`{"ALG":"RS256","kid":"key-0"}`, f.payload, byRSA(f.key)), badAlgorithm},
		{"alg twice, none last", forge(`{"alg":"RS256","kid":"key-0","alg":"none"}`, f.payload, as("")), badForm},
		{"alg twice, none first", forge(`{"alg":"none","kid":"key-0","alg":"RS256"}`, f.payload, as("")), badForm},
		{"alg twice, one with an escape", forge(`{"alg":"none","kid":"key-0","\u0061lg":"RS256"}`, f.payload, as("")), badForm},
		{"no header", "." + b64(f.payload) + ".", badAlgorithm},
		{"header of nothing", forge(`{}`, f.payload, as("")), badAlgorithm},
		{"header null", forge(`null`, f.payload, as("")), badForm},
		{"header a list", forge(`["RS256"]`, f.payload, byRSA(f.key)), badForm},
		{"header and more", forge(rs256+"{}", f.payload, byRSA(f.key)), badForm},
		{"header that does not end", forge(rs256[:len(rs256)-1], f.payload, byRSA(f.key)), badForm},

		// Another kind of key than the published one.
		{"HS256, the public key in PEM", hs("HS256", sha256.New, inPEM("PUBLIC KEY", pkix)), badAlgorithm},
		{"HS256, the public key in PEM without its last line end", hs("HS256", sha256.New, strings.TrimSpace(inPEM("PUBLIC KEY", pkix))), badAlgorithm},
		{"HS256, the public key in PEM of PKCS 1", hs("HS256", sha256.New, inPEM("RSA PUBLIC KEY", pkcs1)), badAlgorithm},
		{"HS256, the public key in DER", hs("HS256", sha256.New, string(pkix)), badAlgorithm},
		{"HS256, the public key in DER of PKCS 1", hs("HS256", sha256.New, string(pkcs1)), badAlgorithm},
		{"HS256, the public key as JWK", hs("HS256", sha256.New, string(asJWK)), badAlgorithm},
		{"HS256, the modulus", hs("HS256", sha256.New, string(f.key.N.Bytes())), badAlgorithm},
		{"HS256, the kid", hs("HS256", sha256.New, "key-0"), badAlgorithm},
		{"HS256, no secret", hs("HS256", sha256.New, ""), badAlgorithm},
		{"HS384, the public key in PEM", hs("HS384", sha512.New384, inPEM("PUBLIC KEY", pkix)), badAlgorithm},
		{"HS512, the public key in PEM", hs("HS512", sha512.New, inPEM("PUBLIC KEY", pkix)), badAlgorithm},
		{"an HMAC that says RS256", forge(rs256, f.payload, byHMAC(sha256.New, inPEM("PUBLIC KEY", pkix))), badSignature},
		{"ES256 by the published key", forge(`{"alg":"ES256","kid":"ec"}`, f.payload, byEC(f.ec, false)), badAlgorithm},
		{"ES256 by the published key, high s", forge(`{"alg":"ES256","kid":"ec"}`, f.payload, byEC(f.ec, true)), badAlgorithm},
		{"ES256 of zeros", forge(`{"alg":"ES256","kid":"ec"}`, f.payload, as(fill(64, "\x00"))), badAlgorithm},
		{"RS256 with the id of the EC key", forge(`{"alg":"RS256","kid":"ec"}`, f.payload, byRSA(f.key)), badKey},
		{"EC signature with the id of the EC key, that says RS256", forge(`{"alg":"RS256","kid":"ec"}`, f.payload, byEC(f.ec, false)), badKey},
		{"EdDSA", forge(`{"alg":"EdDSA","kid":"key-0"}`, f.payload, func(s string) string { return string(ed25519.Sign(edKey, []byte(s))) }), badAlgorithm},
		{"PS256 with a key for RS256", sign(t, jose.PS256, f.key, "key-0", f.good), badSignature},
		{"RSA-OAEP", forge(`{"alg":"RSA-OAEP","kid":"key-0"}`, f.payload, byRSA(f.key)), badAlgorithm},

		// The key's id. All but the last two are signed by a stranger.
		{"kid empty", kid(`""`), badKey},
		{"kid null", kid(`null`), badKey},
		{"kid a number", kid(`0`), badForm},
		{"kid a list", kid(`["key-0"]`), badForm},
		{"kid a path", kid(`"../../../../dev/null"`), badKey},
		{"kid an absolute path", kid(`"/proc/sys/kernel/randomize_va_space"`), badKey},
		{"kid a command", kid(`"key-0|whoami"`), badKey},
		{"kid SQL", kid(`"x' UNION SELECT 'secret' -- "`), badKey},
		{"kid a URL", kid(`"http://169.254.169.254/latest/meta-data/"`), badKey},
		{"kid a template", kid(`"${jndi:ldap://evil.example.com}%s%n{{7*7}}"`), badKey},
		{"kid with NUL", kid(`"key-0\u0000"`), badKey},
		{"kid in another case", kid(`"KEY-0"`), badKey},
		{"kid with a space", kid(`" key-0"`), badKey},
		{"kid of another alphabet", kid(`"k\u0435y-0"`), badKey},
		{"kid very long", kid(`"` + fill(6000, "k") + `"`), badKey},
		{"kid twice", forge(`{"alg":"RS256","kid":"x","kid":"key-0"}`, f.payload, byRSA(f.key)), badForm},
		{"no kid, with several keys", forge(`{"alg":"RS256"}`, f.payload, byRSA(f.key)), badKey},

		// Keys that the header brings, or says where to find.
		{"jwk", mine(`"jwk":` + f.jwk), badSignature},
		{"jwk of the published key", mine(`"jwk":` + string(asJWK)), badSignature},
		{"jwk that is private", mine(`"jwk":{"kty":"oct","k":"c2VjcmV0"}`), badForm},
		{"jwk and no kid", forge(`{"alg":"RS256","jwk":`+f.jwk+`}`, f.payload, byRSA(f.stranger)), badKey},
		{"jku", mine(`"jku":"http://evil.example.com/keys"`), badSignature},
		{"jku of this machine", mine(`"jku":"` + f.URL + `/evil"`), badSignature},
		{"x5u", mine(`"x5u":"` + f.URL + `/evil"`), badSignature},
		{"x5c", mine(`"x5c":["` + f.certificate + `"]`), badSignature},
		{"x5c that is none", mine(`"x5c":["evil"]`), badForm},
		{"x5t", mine(`"x5t":"AAAA","x5t#S256":"AAAA"`), badSignature},
		{"jwk, jku and x5u beside the issuer's signature", true_(`"jwk":` + f.jwk + `,"jku":"` + f.URL + `/evil","x5u":"` + f.URL + `/evil"`), ""},

		// Headers that change what the rest means.
		{"crit", true_(`"crit":["exp"],"exp":1`), badAlgorithm},
		{"crit of nothing", true_(`"crit":[]`), badAlgorithm},
		{"crit that is not there", true_(`"crit":["b64"]`), badAlgorithm},
		{"crit null", true_(`"crit":null`), ""},
		{"b64 true", true_(`"b64":true,"crit":["b64"]`), badAlgorithm},
		{"b64 false", raw(head(`"b64":false,"crit":["b64"]`)), badAlgorithm},
		{"b64 false, not critical", raw(head(`"b64":false`)), badAlgorithm},
		{"b64 false, signed as base64", true_(`"b64":false,"crit":["b64"]`), badAlgorithm},
		{"zip", true_(`"zip":"DEF"`), ""},
		{"typ of another kind of token", true_(`"typ":"secevent+jwt"`), ""},

		// Forms.
		{"JWE", b64(`{"alg":"RSA-OAEP","enc":"A256GCM","kid":"key-0"}`) + ".a2V5.aXY.dGV4dA.dGFn", badForm},
		{"JWE in three parts", forge(`{"alg":"dir","enc":"A256GCM","kid":"key-0"}`, f.payload, as("tag")), badAlgorithm},
		{"nested", forge(head(`"cty":"JWT"`), f.signed(f.payload), byRSA(f.key)), badForm},
		{"detached", f.part(1, func(string) string { return "" }), badSignature},
		{"no payload", forge(rs256, "", byRSA(f.key)), badForm},
		{"JSON serialization", `{"payload":"` + b64(f.payload) + `","protected":"` + b64(rs256) + `","signature":"` + strings.Split(f.signed(f.payload), ".")[2] + `"}`, badForm},
		{"JSON serialization with dots", `{"a.b.c":1}`, badForm},
		{"two parts", strings.Join(strings.Split(f.signed(f.payload), ".")[:2], "."), badForm},
		{"four parts", f.signed(f.payload) + "." + b64("x"), badForm},
		{"dots", "..", badAlgorithm},
		{"many dots", fill(5000, "."), badForm},

		// Other ways to write the same bytes.
		{"padded header", f.part(0, func(s string) string { return s + strings.Repeat("=", (4-len(s)%4)%4) + "=" }), badForm},
		{"padded payload", f.part(1, func(s string) string { return s + "==" }), badForm},
		{"padded signature", f.part(2, func(s string) string { return s + "==" }), badForm},
		{"standard base64", b64(rs256) + "." + base64.RawStdEncoding.EncodeToString([]byte(f.with(claims{"x": "???>>>"}))) + "." + b64("x"), badForm},
		{"loose bits in the header", func() string {
			header := rs256 + fill(3-len(rs256)%3, " ") + " "
			input := b64(header)
			return loose(input) + strings.TrimPrefix(forge(header, f.payload, byRSA(f.key)), input)
		}(), badForm},
		{"loose bits in the payload", func() string {
			parts := strings.Split(f.signed(f.unevenly()), ".")
			return parts[0] + "." + loose(parts[1]) + "." + parts[2]
		}(), badForm},
		{"loose bits in the signature", f.part(2, loose), badForm},
		{"percent sign", f.part(1, func(s string) string { return s + "%3D" }), badForm},

		// The signature.
		{"signature too short", sig(func(b []byte) []byte { return b[1:] }), badSignature},
		{"signature cut", sig(func(b []byte) []byte { return b[:len(b)-1] }), badSignature},
		{"signature with a zero in front", sig(func(b []byte) []byte { return append([]byte{0}, b...) }), badSignature},
		{"signature with a zero behind", sig(func(b []byte) []byte { return append(b, 0) }), badSignature},
		{"signature with the modulus added", sig(plusN), badSignature},
		{"signature of zeros", sig(func(b []byte) []byte { return make([]byte, len(b)) }), badSignature},
		{"signature one", sig(func(b []byte) []byte { return append(make([]byte, len(b)-1), 1) }), badSignature},
		{"signature the modulus", sig(func([]byte) []byte { return f.key.N.Bytes() }), badSignature},
		{"signature of all ones", sig(func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) }), badSignature},
		{"signature of another token", forge(rs256, f.payload, as(byRSA(f.key)(b64(rs256)+"."+b64(f.with(claims{"sub": "mallory"}))))), badSignature},
		{"signature of the payload alone", forge(rs256, f.payload, as(byRSA(f.key)(b64(f.payload)))), badSignature},
		{"one bit of the signature", sig(func(b []byte) []byte { b[100] ^= 1; return b }), badSignature},

		// Claims that stand twice, and bytes around them.
		{"iss twice", f.signed(f.and(`"iss":"https://evil.example.com"`)), badForm},
		{"aud twice", f.signed(f.and(`"aud":"other"`)), badForm},
		{"exp twice", f.signed(f.and(`"exp":9999999999`)), badForm},
		{"groups twice", f.signed(f.and(`"groups":["ADMINS"]`)), badForm},
		{"groups twice, one with an escape", f.signed(f.and(`"\u0067roups":["ADMINS"]`)), badForm},
		{"a claim twice, deep inside", f.signed(f.and(`"a":[{"b":{"c":1,"c":2}}]`)), badForm},
		{"two names that are not UTF-8", f.signed(f.and(`"` + "\xff" + `":1,"` + "\xfe" + `":2`)), badForm},
		{"claims in another case", f.signed(f.and(`"ISS":"x","Exp":1,"AUD":"x","Groups":["x"]`)), ""},
		{"space around", f.signed(" \t\r\n" + f.payload + "\n"), ""},
		{"bytes behind", f.signed(f.payload + "x"), badForm},
		{"NUL behind", f.signed(f.payload + "\x00"), badForm},
		{"byte order mark", f.signed("\ufeff" + f.payload), badForm},
		{"comment", f.signed(f.and(`"a":1/*x*/`)), badForm},
		{"comma at the end", f.signed(f.payload[:len(f.payload)-1] + ",}"), badForm},
		{"single quotes", f.signed(strings.ReplaceAll(f.payload, `"`, `'`)), badForm},
		{"UTF-16", f.signed("{\x00\"\x00"), badForm},
		{"a subject that is not UTF-8", f.signed(strings.Replace(f.payload, "alice", "al\xffce", 1)), ""},
		{"half a pair of surrogates", f.signed(strings.Replace(f.payload, "alice", `al\ud800ce`, 1)), ""},

		// Issuer.
		{"iss in another case", f.signed(f.with(claims{"iss": strings.ToUpper(f.name)})), badIssuer},
		{"iss and more", f.signed(f.with(claims{"iss": f.name + ".evil.example.com"})), badIssuer},
		{"iss with a name", f.signed(f.with(claims{"iss": strings.Replace(f.name, "http://", "http://"+f.URL[7:]+"@", 1)})), badIssuer},
		{"iss with a space", f.signed(f.with(claims{"iss": f.name + " "})), badIssuer},
		{"iss with NUL", f.signed(f.with(claims{"iss": f.name + "\x00"})), badIssuer},
		{"iss with a query", f.signed(f.with(claims{"iss": f.name + "?"})), badIssuer},
		{"iss with https", f.signed(f.with(claims{"iss": strings.Replace(f.name, "http:", "https:", 1)})), badIssuer},
		{"iss an object", f.signed(f.with(claims{"iss": claims{"iss": f.name}})), badIssuer},
		{"iss empty", f.signed(f.with(claims{"iss": ""})), badIssuer},
		{"iss true", f.signed(f.with(claims{"iss": true})), badIssuer},

		// Audience.
		{"aud a number", f.signed(f.with(claims{"aud": 1})), badAudience},
		{"aud true", f.signed(f.with(claims{"aud": true})), badAudience},
		{"aud an object", f.signed(f.with(claims{"aud": claims{"api": "api"}})), badAudience},
		{"aud in another case", f.signed(f.with(claims{"aud": "API"})), badAudience},
		{"aud with a space", f.signed(f.with(claims{"aud": "api "})), badAudience},
		{"aud with a comma", f.signed(f.with(claims{"aud": "api,other-api"})), badAudience},
		{"aud empty", f.signed(f.with(claims{"aud": ""})), badAudience},
		{"aud a pattern", f.signed(f.with(claims{"aud": "*"})), badAudience},
		{"aud a list in a list", f.signed(f.with(claims{"aud": []any{[]string{"api"}}})), badAudience},
		{"aud a list of what is no text", f.signed(f.with(claims{"aud": []any{nil, 1, claims{"api": 1}}})), badAudience},
		{"aud a list of others and the right one", f.signed(f.with(claims{"aud": []any{nil, 1, "api"}})), ""},
		{"azp in place of aud", f.signed(f.with(claims{"aud": nil, "azp": "api"})), badAudience},
		{"cid in place of aud", f.signed(f.with(claims{"aud": nil, "cid": "api"})), badAudience},
		{"client_id beside an empty aud", f.signed(f.with(claims{"aud": []string{}, "client_id": "api"})), badAudience},

		// Times.
		{"exp null", f.signed(strings.Replace(f.payload, fmt.Sprintf(`"exp":%d`, now+3600), `"exp":null`, 1)), badExpiry},
		{"exp true", f.signed(f.with(claims{"exp": true})), badExpiry},
		{"exp a list", f.signed(f.with(claims{"exp": []int64{now + 60}})), badExpiry},
		{"exp empty text", f.signed(f.with(claims{"exp": ""})), badExpiry},
		{"exp text of a date", f.signed(f.with(claims{"exp": "2099-01-01T00:00:00Z"})), badExpiry},
		{"expires now", f.signed(f.with(claims{"exp": now})), expired},
		{"expired a second ago", f.signed(f.with(claims{"exp": now - 1})), expired},
		{"expired an hour ago", f.signed(f.with(claims{"exp": now - 3600})), expired},
		{"not valid for a second", f.signed(f.with(claims{"nbf": now + 1})), notYet},
		{"issued in a second", f.signed(f.with(claims{"iat": now + 1})), fromFuture},
		{"exp zero", f.signed(f.with(claims{"exp": 0})), expired},
		{"exp minus zero", f.signed(f.with(claims{"exp": json.Number("-0")})), expired},
		{"exp negative and huge", f.signed(f.with(claims{"exp": json.Number("-1e300")})), expired},
		{"exp tiny", f.signed(f.with(claims{"exp": json.Number("1e-300")})), expired},
		{"exp a fraction", f.signed(f.with(claims{"exp": json.Number(fmt.Sprintf("%d.000001", now))})), ""},
		{"exp huge", f.signed(f.with(claims{"exp": json.Number("1e300")})), ""},
		{"exp beyond 64 bits", f.signed(f.with(claims{"exp": json.Number("18446744073709551616")})), ""},
		{"exp beyond all floats", f.signed(f.with(claims{"exp": json.Number("1e400")})), badForm},
		{"exp of many digits", f.signed(f.with(claims{"exp": json.Number("1" + fill(400, "0"))})), badForm},
		{"exp not a number", f.signed(strings.Replace(f.payload, fmt.Sprintf(`"exp":%d`, now+3600), `"exp":NaN`, 1)), badForm},
		{"exp infinite", f.signed(strings.Replace(f.payload, fmt.Sprintf(`"exp":%d`, now+3600), `"exp":Infinity`, 1)), badForm},
		{"exp in hexadecimal", f.signed(strings.Replace(f.payload, fmt.Sprintf(`"exp":%d`, now+3600), `"exp":0xffffffff`, 1)), badForm},
		{"exp with a plus", f.signed(strings.Replace(f.payload, `"exp":`, `"exp":+`, 1)), badForm},
		{"exp with a zero in front", f.signed(strings.Replace(f.payload, `"exp":`, `"exp":0`, 1)), badForm},
		{"nbf null", f.signed(f.and(`"nbf":null`)), notYet},
		{"nbf huge", f.signed(f.with(claims{"nbf": json.Number("1e300")})), notYet},
		{"nbf a fraction ahead", f.signed(f.with(claims{"nbf": json.Number(fmt.Sprintf("%d.5", now))})), notYet},
		{"nbf negative", f.signed(f.with(claims{"nbf": -1})), ""},
		{"nbf a list", f.signed(f.with(claims{"nbf": []int{0}})), notYet},
		{"iat null", f.signed(strings.Replace(f.payload, fmt.Sprintf(`"iat":%d`, now), `"iat":null`, 1)), fromFuture},
		{"iat huge", f.signed(f.with(claims{"iat": json.Number("1e300")})), fromFuture},
		{"iat an object", f.signed(f.with(claims{"iat": claims{}})), fromFuture},
		{"issued after it expires", f.signed(f.with(claims{"iat": now + 7200})), fromFuture},
	}
}

// A tokenAttack is a token and why it is refused: a description, "" for one that
// is let in.
type tokenAttack struct {
	name, token string
	want        string
}

// raw signs a payload as it is, which is what b64 false means (RFC 7797, section
// 3), and sends it in base64.
func (f *forgery) raw(header string) string {
	return b64(header) + "." + b64(f.payload) + "." + b64(byRSA(f.key)(b64(header)+"."+f.payload))
}

// Each token does the same in an Authorizer, in a function behind the gateway, and
// in a container that asks the Authorizer; no other host is asked for keys; and no
// log has anything of it.
func TestTokenAttacks(t *testing.T) {
	t.Parallel()
	f := newForgery(t)
	routes := []string{"GET /me groups:ADMINS"}
	var log bytes.Buffer
	app, err := framework.New(manifestOf(routes), framework.Handlers{"h0": func(http.ResponseWriter, *http.Request) {}},
		framework.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	var refusal string
	ways := map[string]http.Handler{
		"gateway": New(newTable(t, routes...), app, Options{Authorizer: f.Authorizer, Observe: func(x Exchange) {
			refusal = x.Refusal + strings.Join(x.Warnings, "")
		}}),
		"container": app.Handler(framework.HandlerOptions{Verify: f.Authorizer.Verify}),
	}
	seen := map[string]bool{}
	for _, attack := range f.attacks(t) {
		if seen[attack.name] {
			t.Fatalf("two attacks %q", attack.name)
		}
		seen[attack.name] = true
		log.Reset()
		payload, err := f.Verify(t.Context(), attack.token)
		var refused *TokenError
		switch {
		case attack.want == "" && err != nil:
			t.Errorf("%s: refused: %v", attack.name, err)
		case attack.want != "" && err == nil:
			t.Errorf("%s: let in", attack.name)
		case attack.want != "" && (!errors.As(err, &refused) || refused.Description != attack.want || payload != ""):
			t.Errorf("%s: refused with %+v and payload %q, want %q", attack.name, err, payload, attack.want)
		}
		for way, handler := range ways {
			r := httptest.NewRequest("GET", "/me", nil)
			r.Header.Set("Authorization", "Bearer "+attack.token)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			want := http.StatusOK
			if attack.want != "" {
				want = http.StatusUnauthorized
			}
			if w.Code != want {
				t.Errorf("%s: the %s says %d, want %d: %s", attack.name, way, w.Code, want, w.Body)
			}
		}
		said := log.String() + refusal + fmt.Sprint(err)
		for part := range strings.SplitSeq(attack.token, ".") {
			plain, _ := base64.RawURLEncoding.DecodeString(part)
			for _, part := range []string{part, string(plain)} {
				if len(part) > 24 && strings.Contains(said, part[len(part)-24:]) {
					t.Errorf("%s: the token is in what is said of it: %s", attack.name, said)
				}
			}
		}
		for _, value := range []string{"alice", "mallory", "evil", "ADMINS\",\""} {
			if strings.Contains(said, value) {
				t.Errorf("%s: %q is in what is said of the token: %s", attack.name, value, said)
			}
		}
	}
	if discovers, fetches := f.counts(); discovers != 1 || fetches != 1 {
		t.Errorf("%d discoveries, %d fetches: a token made it ask", discovers, fetches)
	}
}

// Tokens that are larger than all headers together may be are refused as soon as
// that is seen, whatever is in them, and without a look at the issuer's keys.
func TestHugeTokens(t *testing.T) {
	t.Parallel()
	f := newForgery(t)
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	objects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	tests := map[string]string{
		"100 kB of payload":              f.signed(f.and(`"x":"` + fill(100_000, "x") + `"`)),
		"10 MB of payload":               f.signed(f.and(`"x":"` + fill(10_000_000, "x") + `"`)),
		"10,000 groups":                  f.signed(f.and(`"roles":["x` + strings.Repeat(`","group`, 10_000) + `"]`)),
		"100,000 claims":                 f.signed(f.and(manyMembers(100_000))),
		"10 MB of header":                forge(`{"alg":"RS256","kid":"key-0","x":"`+fill(10_000_000, "x")+`"}`, f.payload, byRSA(f.key)),
		"10 MB of kid":                   forge(`{"alg":"RS256","kid":"`+fill(10_000_000, "k")+`"}`, f.payload, byRSA(f.key)),
		"10 MB of signature":             forge(rs256, f.payload, as(fill(10_000_000, "x"))),
		"10 MB of dots":                  fill(10_000_000, "."),
		"10 MB that is no base64":        fill(10_000_000, "!"),
		"10 MB of line ends":             fill(10_000_000, "\n") + f.signed(f.payload),
		"100,000 headers":                forge(`{"alg":"RS256","kid":"key-0",`+manyMembers(100_000)+`}`, f.payload, byRSA(f.key)),
		"100,000 certificates":           forge(`{"alg":"RS256","kid":"key-0","x5c":["`+strings.Repeat(f.certificate+`","`, 100)+f.certificate+`"]}`, f.payload, byRSA(f.key)),
		"10,000 deep header":             forge(`{"alg":"RS256","kid":"key-0","x":`+deep(10_000)+`}`, f.payload, byRSA(f.key)),
		"1,000,000 deep header":          forge(`{"alg":"RS256","kid":"key-0","x":`+deep(1_000_000)+`}`, f.payload, byRSA(f.key)),
		"3,000,000 deep header, objects": forge(`{"alg":"RS256","kid":"key-0","x":`+objects(3_000_000)+`}`, f.payload, byRSA(f.key)),
		"10,000 deep payload":            f.signed(f.and(`"x":` + deep(10_000))),
		"1,000,000 deep payload":         f.signed(f.and(`"x":` + deep(1_000_000))),
		"3,000,000 deep payload":         f.signed(f.and(`"x":` + objects(3_000_000))),
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		_, err := f.Verify(t.Context(), tests[name])
		var refused *TokenError
		if !errors.As(err, &refused) || refused.Description != badForm || len(refused.Reason) > 200 {
			t.Errorf("%s: %.300v", name, err)
		}
		if _, _, err := Inspect(tests[name], time.Now()); err == nil {
			t.Errorf("%s: taken for a token", name)
		}
	}
	if discovers, fetches := f.counts(); discovers+fetches > 0 {
		t.Errorf("%d discoveries, %d fetches", discovers, fetches)
	}
}

// manyMembers returns members of a JSON object.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"key%d":1,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// Tokens that just fit, with what a decoder could trip over, are answered the same
// way behind the gateway and in a container. What is nested deeper than any
// provider does, the function does not believe.
func TestNestedTokens(t *testing.T) {
	t.Parallel()
	f := newForgery(t)
	routes := []string{"GET /me groups:ADMINS"}
	app, err := framework.New(manifestOf(routes), framework.Handlers{"h0": func(http.ResponseWriter, *http.Request) {}},
		framework.Options{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ways := map[string]http.Handler{
		"gateway":   New(newTable(t, routes...), app, Options{Authorizer: f.Authorizer}),
		"container": app.Handler(framework.HandlerOptions{Verify: f.Authorizer.Verify}),
	}
	for _, test := range []struct {
		name, more string
		want       int
	}{
		{"30 deep", `"x":` + strings.Repeat("[", 30) + strings.Repeat("]", 30), 200},
		{"40 deep", `"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40), 401},
		{"3,000 deep", `"x":` + strings.Repeat("[", 3000) + strings.Repeat("]", 3000), 401},
		{"1,000 deep, objects", `"x":` + strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000), 401},
		{"500 claims", manyMembers(500), 200},
		{"1,000 groups of another claim", `"roles":["x` + strings.Repeat(`","r`, 1000) + `"]`, 200},
	} {
		for way, handler := range ways {
			r := httptest.NewRequest("GET", "/me", nil)
			r.Header.Set("Authorization", "Bearer "+f.signed(f.and(test.more)))
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("%s: the %s says %d, want %d: %s", test.name, way, w.Code, test.want, w.Body)
			}
		}
	}
}
