package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A weakKey is an RSA key that package rsa would not make.
type weakKey struct {
	n, d *big.Int
	e    *big.Int
}

// newWeakKey returns a key whose modulus is so many bits long. An exponent without
// an inverse has no d; e is then its own.
func newWeakKey(bits int, e int64) weakKey {
	for {
		p, err := rand.Prime(rand.Reader, bits/2)
		if err != nil {
			panic(err)
		}
		q, err := rand.Prime(rand.Reader, bits-bits/2)
		if err != nil {
			panic(err)
		}
		one := big.NewInt(1)
		order := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		k := weakKey{n: new(big.Int).Mul(p, q), e: big.NewInt(e)}
		if k.d = new(big.Int).ModInverse(k.e, order); k.d != nil || e%2 == 0 {
			return k
		}
	}
}

// sign makes the signature of RFC 8017, section 8.2.1.
func (k weakKey) sign(input string) string {
	digest := sha256.Sum256([]byte(input))
	info := append([]byte("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"), digest[:]...)
	size := (k.n.BitLen() + 7) / 8
	if size < len(info)+11 {
		return ""
	}
	padded := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-len(info)-3)...)
	padded = append(append(padded, 0), info...)
	if k.d == nil {
		return string(padded)
	}
	return string(new(big.Int).Exp(new(big.Int).SetBytes(padded), k.d, k.n).FillBytes(make([]byte, size)))
}

func (k weakKey) jwk(more string) string { return rsaJWK(k.n.Bytes(), k.e.Bytes(), more) }

// rsaJWK is a public key "weak".
func rsaJWK(n, e []byte, more string) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":"weak","n":%q,"e":%q%s}`, base64.RawURLEncoding.EncodeToString(n), base64.RawURLEncoding.EncodeToString(e), more)
}

func set(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

const weak256 = `{"alg":"RS256","kid":"weak"}`

// Keys that nobody should have published. Each is passed over, whatever it signs,
// and the good one beside it goes on being good.
func TestWeakKeys(t *testing.T) {
	t.Parallel()
	f := newForgery(t)
	good, err := json.Marshal(jwk("key-0", f.key))
	if err != nil {
		t.Fatal(err)
	}
	n, three := f.key.N.Bytes(), newWeakKey(2048, 3)
	by := func(k weakKey) string { return forge(weak256, f.payload, k.sign) }
	byKey := forge(weak256, f.payload, byRSA(f.key))
	e := func(e int64) []byte { return big.NewInt(e).Bytes() }
	type row struct{ name, jwk, token string }
	tests := []row{
		{"exponent 0", rsaJWK(n, []byte{0}, ""), byKey},
		{"exponent of nothing", rsaJWK(n, nil, ""), byKey},
		{"exponent of 32 bits and more", rsaJWK(three.n.Bytes(), new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 32), three.e).Bytes(), ""), by(three)},
		{"exponent of 64 bits and more", rsaJWK(three.n.Bytes(), new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 64), three.e).Bytes(), ""), by(three)},
		{"exponent of 10,000 bytes", rsaJWK(n, bytes.Repeat([]byte{1}, 10_000), ""), byKey},
		{"modulus of 17,000 bits", rsaJWK(bytes.Repeat([]byte{0xff}, 17_000/8), e(65537), ""), forge(weak256, f.payload, as(fill(17_000/8, "s")))},
		{"modulus of 800,000 bits", rsaJWK(bytes.Repeat([]byte{0xff}, 100_000), e(65537), ""), forge(weak256, f.payload, as(fill(6000, "s")))},
		{"even modulus", rsaJWK(append(n[:len(n)-1:len(n)-1], n[len(n)-1]-1), e(65537), ""), byKey},
		{"modulus 1", rsaJWK([]byte{1}, e(65537), ""), forge(weak256, f.payload, as(""))},
		{"modulus 0", rsaJWK(make([]byte, 256), e(65537), ""), forge(weak256, f.payload, as(fill(256, "\x00")))},
		{"no modulus", `{"kty":"RSA","kid":"weak","e":"AQAB"}`, byKey},
		{"private", fmt.Sprintf(`{"kty":"RSA","kid":"weak","n":%q,"e":"AQAB","d":%q,"p":%q,"q":%q}`,
			base64.RawURLEncoding.EncodeToString(n), base64.RawURLEncoding.EncodeToString(f.key.D.Bytes()),
			base64.RawURLEncoding.EncodeToString(f.key.Primes[0].Bytes()), base64.RawURLEncoding.EncodeToString(f.key.Primes[1].Bytes())), byKey},
		{"for encryption", rsaJWK(n, e(65537), `,"use":"enc"`), byKey},
		{"for encryption, by its operations", rsaJWK(n, e(65537), `,"key_ops":["encrypt","wrapKey"]`), byKey},
		{"for signatures, and for encryption by its operations", rsaJWK(n, e(65537), `,"use":"sig","key_ops":["encrypt"]`), byKey},
		{"for no operation", rsaJWK(n, e(65537), `,"key_ops":[]`), byKey},
		{"for signing only", rsaJWK(n, e(65537), `,"key_ops":["sign"]`), byKey},
		{"operations that are no list", rsaJWK(n, e(65537), `,"key_ops":"verify"`), byKey},
		{"use in another case", rsaJWK(n, e(65537), `,"use":"SIG"`), byKey},
		{"for another algorithm", rsaJWK(n, e(65537), `,"alg":"RS512"`), byKey},
		{"for an HMAC", rsaJWK(n, e(65537), `,"alg":"HS256"`), byKey},
		{"for none", rsaJWK(n, e(65537), `,"alg":"none"`), byKey},
		{"for none, and a token of none", rsaJWK(n, e(65537), `,"alg":"none"`), forge(`{"alg":"none","kid":"weak"}`, f.payload, as(""))},
		{"symmetric", `{"kty":"oct","kid":"weak","k":"c2VjcmV0","alg":"HS256"}`, forge(`{"alg":"HS256","kid":"weak"}`, f.payload, byHMAC(sha256.New, "secret"))},
		{"symmetric, that says RS256", `{"kty":"oct","kid":"weak","k":"c2VjcmV0","alg":"RS256"}`, forge(weak256, f.payload, byHMAC(sha256.New, "secret"))},
		{"EC that says RS256", fmt.Sprintf(`{"kty":"EC","kid":"weak","crv":"P-256","x":%q,"y":%q,"alg":"RS256"}`,
			base64.RawURLEncoding.EncodeToString(f.ec.X.FillBytes(make([]byte, 32))), base64.RawURLEncoding.EncodeToString(f.ec.Y.FillBytes(make([]byte, 32)))),
			forge(weak256, f.payload, byEC(f.ec, false))},
		{"EC with the parts of RSA", strings.Replace(rsaJWK(n, e(65537), ""), `"RSA"`, `"EC"`, 1), byKey},
		{"kty in lower case", strings.Replace(rsaJWK(n, e(65537), ""), `"RSA"`, `"rsa"`, 1), byKey},
		{"kty twice", rsaJWK(n, e(65537), `,"kty":"RSA"`), byKey},
		{"modulus twice", rsaJWK(f.stranger.N.Bytes(), e(65537), `,"n":"`+base64.RawURLEncoding.EncodeToString(n)+`"`), byKey},
		{"no kid", strings.Replace(rsaJWK(n, e(65537), ""), `"kid":"weak",`, "", 1), forge(`{"alg":"RS256"}`, f.payload, byRSA(f.key))},
		{"empty kid", strings.Replace(rsaJWK(n, e(65537), ""), `"weak"`, `""`, 1), forge(`{"alg":"RS256","kid":""}`, f.payload, byRSA(f.key))},
		{"kid a number", strings.Replace(rsaJWK(n, e(65537), ""), `"weak"`, `7`, 1), forge(`{"alg":"RS256","kid":"7"}`, f.payload, byRSA(f.key))},
		{"a certificate of another key", rsaJWK(n, e(65537), `,"x5c":["`+f.certificate+`"]`), byKey},
		{"nested 9,000 deep", rsaJWK(n, e(65537), `,"use":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)), byKey},
		{"a list", `[` + rsaJWK(n, e(65537), "") + `]`, byKey},
	}
	for name, k := range map[string]weakKey{
		"512 bits": newWeakKey(512, 65537), "1,024 bits": newWeakKey(1024, 65537), "2,047 bits": newWeakKey(2047, 65537),
		"exponent 1": {n: f.key.N, e: big.NewInt(1)}, "exponent 2": {n: f.key.N, e: big.NewInt(2)},
	} {
		tests = append(tests, row{name, k.jwk(""), by(k)})
	}
	for _, test := range tests {
		f.set(func() { f.issuer.keys = set(test.jwk, string(good)) })
		a := f.authorizer(t, f.fakeClock)
		if payload, err := a.Verify(t.Context(), test.token); err == nil {
			t.Errorf("%s: a token of it is let in, with %s", test.name, payload)
		}
		if _, err := a.Verify(t.Context(), f.signed(f.payload)); err != nil {
			t.Errorf("%s: the good key is lost: %v", test.name, err)
		}
	}

	// The signatures are as good as those of package rsa, and keys that are just
	// long enough are taken.
	for name, k := range map[string]weakKey{"2,048 bits": {f.stranger.N, f.stranger.D, big.NewInt(65537)}, "exponent 3": three} {
		f.set(func() { f.issuer.keys = set(k.jwk("")) })
		if _, err := f.authorizer(t, f.fakeClock).Verify(t.Context(), by(k)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// bomb answers with 200 MB, which are 200 kB on the way.
func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	chunk := make([]byte, 1<<20)
	for range 200 {
		if _, err := z.Write(chunk); err != nil {
			return
		}
	}
	_ = z.Close() // the client may be gone
}

// What an issuer answers takes little memory, however much it is. No other test
// runs meanwhile, so that memory can be measured; the issuer's is in it.
func TestHostileIssuerMemory(t *testing.T) {
	f := newForgery(t)
	token := f.signed(f.payload)
	for name, answer := range map[string]http.HandlerFunc{
		"compressed": bomb,
		"endless": func(w http.ResponseWriter, r *http.Request) {
			chunk := make([]byte, 64<<10)
			for n, err := 0, error(nil); n < 200<<20 && err == nil; n += len(chunk) {
				_, err = w.Write(chunk)
			}
		},
	} {
		f.set(func() { f.intercept = answer })
		a := f.authorizer(t, f.fakeClock)
		a.keys.timeout = time.Minute
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := a.Verify(t.Context(), token)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "longer than 150000 bytes") {
			t.Errorf("%s: %v", name, err)
		}
		if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 16 {
			t.Errorf("%s: %d MB of memory", name, n)
		}
	}
}

// A hostile issuer answers in place of the good one. Nothing that it says takes
// long, or lets a token in that the good one did not sign: what is no set of keys
// leaves the old ones.
func TestHostileIssuer(t *testing.T) {
	t.Parallel()
	says := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
	}
	status := func(code int, f *forgery) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			if code != http.StatusNoContent {
				_, _ = io.WriteString(w, set(f.jwk))
			}
		}
	}
	redirect := func(code int, to string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(code)
		}
	}
	var written atomic.Int64
	endless := func(chunk string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				n, err := io.WriteString(w, chunk)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}
	}
	// raw answers with bytes of its own, over and over.
	raw := func(head, rest string, pause time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			_, err = io.WriteString(conn, head)
			for err == nil && rest != "" {
				var n int
				n, err = io.WriteString(conn, rest)
				written.Add(int64(n))
				time.Sleep(pause)
			}
		}
	}
	const hangs = "deadline exceeded"
	type row struct {
		name   string
		keys   http.HandlerFunc // in place of the keys, or of the discovery document if found is false
		found  bool
		about  string // a part of the reason that a token is refused for, without old keys
		forget bool   // the answer is a set of keys, and the old ones are gone
	}
	// As a function, because some rows need the issuer.
	rows := func(f *forgery) []row {
		stranger := set(f.jwk)
		document := func(issuer, keys string) http.HandlerFunc {
			return says(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, keys))
		}
		return []row{
			// Keys.
			{"a stranger's key under the old id", says(stranger), true, "signature", true},
			{"an empty set", says(set()), true, "publishes no RSA key", true},
			{"nothing", says(""), true, "not a JSON Web Key Set", false},
			{"null", says("null"), true, "not a JSON Web Key Set", false},
			{"a list", says("[" + f.jwk + "]"), true, "not a JSON Web Key Set", false},
			{"one key", says(f.jwk), true, "not a JSON Web Key Set", false},
			{"keys null", says(`{"keys":null}`), true, "not a JSON Web Key Set", false},
			{"keys an object", says(`{"keys":{"key-0":` + f.jwk + `}}`), true, "not a JSON Web Key Set", false},
			{"keys in another case", says(`{"KEYS":[` + f.jwk + `]}`), true, "not a JSON Web Key Set", false},
			{"keys twice", says(`{"keys":[],"keys":[` + f.jwk + `]}`), true, "not a JSON Web Key Set", false},
			{"more behind", says(stranger + "{}"), true, "not a JSON Web Key Set", false},
			{"HTML", says("<!doctype html><title>Sign in</title>"), true, "not a JSON Web Key Set", false},
			{"certificates by their ids", says(`{"key-0":"-----BEGIN CERTIFICATE-----"}`), true, "not a JSON Web Key Set", false},
			{"nested 70,000 deep", says(`{"keys":` + strings.Repeat("[", 70_000) + strings.Repeat("]", 70_000) + `}`), true, "not a JSON Web Key Set", false},
			{"a key nested 70,000 deep", says(`{"keys":[{"kty":` + strings.Repeat("[", 70_000) + strings.Repeat("]", 70_000) + `}]}`), true, "not a JSON Web Key Set", false},
			{"10,000 members", says(`{` + manyMembers(10_000) + `,"keys":[]}`), true, "publishes no RSA key", true},
			{"a key of 10,000 members", says(`{"keys":[{"kty":"RSA",` + manyMembers(10_000) + `}]}`), true, "publishes no RSA key", true},
			{"50,000 keys that are none", says(`{"keys":[` + strings.TrimSuffix(strings.Repeat("{},", 49_000), ",") + `]}`), true, "publishes no RSA key", true},
			{"300 keys of one id", says(set(strings.Repeat(f.jwk+",", 299) + f.jwk)), true, "signature", true},
			{"a long id", says(set(strings.Replace(f.jwk, "key-0", fill(100_000, "k"), 1))), true, "publishes no RSA key", true},

			// Answers.
			{"status 201", status(201, f), true, "status 201", false},
			{"status 203", status(203, f), true, "status 203", false},
			{"status 204", status(204, f), true, "status 204", false},
			{"status 206", status(206, f), true, "status 206", false},
			{"status 304", status(304, f), true, "status 304", false},
			{"status 401", status(401, f), true, "status 401", false},
			{"status 500", status(500, f), true, "status 500", false},
			{"10 MB", says(stranger + fill(10<<20, " ")), true, "longer than 150000 bytes", false},
			{"endless", endless(fill(64<<10, " ")), true, "longer than 150000 bytes", false},
			{"endless keys", endless(`{"keys":[` + strings.Repeat(f.jwk+",", 100)), true, "longer than 150000 bytes", false},
			{"endless headers", raw("HTTP/1.1 200 OK\r\n", strings.Repeat("X-A: "+fill(60_000, "a")+"\r\n", 1), 0), true, "", false},
			{"an endless header", raw("HTTP/1.1 200 OK\r\nX-A: ", fill(64<<10, "a"), 0), true, "", false},
			{"endless hints", raw("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0), true, "", false},
			{"headers that do not end", raw("HTTP/1.1 200 OK\r\n", "X: y\r\n", 50*time.Millisecond), true, hangs, false},
			{"a body that does not end", raw("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", " ", 50*time.Millisecond), true, hangs, false},
			{"chunks that do not end", raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", 50*time.Millisecond), true, hangs, false},
			{"less than announced", raw("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+stranger, "", 0), true, "EOF", false},
			{"two lengths", raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"+stranger, "", 0), true, "", false},
			{"no HTTP", raw("SSH-2.0-OpenSSH_9.9\r\n", "", 0), true, "", false},
			{"nothing at all", raw("", "", 0), true, "EOF", false},
			{"compressed, 200 MB", bomb, true, "longer than 150000 bytes", false},
			{"an encoding that is none", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = io.WriteString(w, stranger)
			}, true, "gzip", false},

			// Redirects.
			{"redirect to a file", redirect(302, "file:///etc/passwd"), true, "redirected to another host", false},
			{"redirect to the metadata of a cloud", redirect(302, "http://169.254.169.254/latest/meta-data/"), true, "redirected to another host", false},
			{"redirect to the metadata in IPv6", redirect(307, "http://[fd00:ec2::254]/latest/meta-data/"), true, "redirected to another host", false},
			{"redirect to another port", redirect(302, "http://127.0.0.1:1/keys"), true, "redirected to another host", false},
			{"redirect to the host by another name", redirect(302, strings.Replace(f.URL, "127.0.0.1", "localhost", 1)+"/keys"), true, "redirected to another host", false},
			{"redirect without a scheme", redirect(301, "//evil.example.com/keys"), true, "redirected to another host", false},
			{"redirect to https", redirect(308, strings.Replace(f.URL, "http:", "https:", 1)+"/keys"), true, "redirected to another host", false},
			{"redirect to a name before the host", redirect(303, strings.Replace(f.URL, "http://", "http://"+f.URL[7:]+"@evil.example.com/", 1)), true, "redirected to another host", false},
			{"redirect to itself", redirect(302, "/keys"), true, "more than 3 redirects", false},
			{"redirect to nowhere", redirect(302, ""), true, "status 302", false},
			{"redirect to what is no URL", redirect(302, "http://[::1"), true, "", false},
			{"redirect to a script", redirect(302, "javascript:alert(1)"), true, "redirected to another host", false},

			// Discovery.
			{"document of another issuer", document("https://evil.example.com", f.URL+"/keys"), false, "calls itself", false},
			{"document of the issuer in another case", document(strings.ToUpper(f.URL), f.URL+"/keys"), false, "calls itself", false},
			{"document of nobody", says(`{"jwks_uri":"` + f.URL + `/keys"}`), false, "calls itself", false},
			{"document whose issuer is a list", says(`{"issuer":["` + f.URL + `"],"jwks_uri":"` + f.URL + `/keys"}`), false, "not the JSON of a discovery document", false},
			{"document with two issuers", says(`{"issuer":"https://evil.example.com","issuer":"` + f.URL + `","jwks_uri":"` + f.URL + `/keys"}`), false, "not the JSON of a discovery document", false},
			{"document with two places of keys", says(`{"issuer":"` + f.URL + `","jwks_uri":"` + f.URL + `/keys","JWKS_URI":"` + f.URL + `/evil","jwks_uri":"` + f.URL + `/evil"}`), false, "not the JSON of a discovery document", false},
			{"document with a place in another case", says(`{"issuer":"` + f.URL + `","JWKS_URI":"` + f.URL + `/evil"}`), false, "jwks_uri", false},
			{"document without keys", says(`{"issuer":"` + f.URL + `"}`), false, "jwks_uri", false},
			{"keys in a file", document(f.URL, "file:///etc/passwd"), false, "jwks_uri", false},
			{"keys by FTP", document(f.URL, "ftp://127.0.0.1/keys"), false, "jwks_uri", false},
			{"keys by gopher", document(f.URL, "gopher://127.0.0.1:70/keys"), false, "jwks_uri", false},
			{"keys in the document", document(f.URL, "data:application/json,"+stranger), false, "jwks_uri", false},
			{"keys at a path", document(f.URL, "/evil"), false, "jwks_uri", false},
			{"keys on no host", document(f.URL, "http:///evil"), false, "jwks_uri", false},
			{"keys at a host with a space", document(f.URL, "http://a b/evil"), false, "jwks_uri", false},
			{"keys at an address with a line", document(f.URL, "http://127.0.0.1/evil\r\nX: y"), false, "jwks_uri", false},
			{"document is HTML", says("<html>"), false, "not the JSON of a discovery document", false},
			{"document is null", says("null"), false, "calls itself", false},
			{"document is the keys", says(stranger), false, "calls itself", false},
			{"document nested 70,000 deep", says(`{"issuer":` + strings.Repeat("[", 70_000) + strings.Repeat("]", 70_000) + `}`), false, "not the JSON of a discovery document", false},
			{"document endless", endless(" "), false, "longer than 150000 bytes", false},
			{"document redirects to another host", redirect(302, "http://evil.example.com/.well-known/openid-configuration"), false, "redirected to another host", false},
			{"document redirects to a stranger's keys", redirect(302, "/evil"), false, "calls itself", false},
		}
	}
	for _, row := range rows(newForgery(t)) {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newForgery(t)
			for _, own := range rows(f) {
				if own.name == row.name {
					row = own
				}
			}
			client, asked := watchedClient(f.Listener.Addr().String())
			newAuthorizer := func() *Authorizer {
				a, err := NewAuthorizer(AuthorizerOptions{Issuer: f.name, Audiences: []string{"api"}, Now: f.fakeClock.now, Client: client})
				if err != nil {
					t.Fatal(err)
				}
				a.keys.timeout = time.Minute // only what hangs needs a limit
				return a
			}
			fresh, old := newAuthorizer(), newAuthorizer()
			good := f.signed(f.payload)
			if _, err := old.Verify(t.Context(), good); err != nil {
				t.Fatal(err)
			}
			if row.about == hangs {
				fresh.keys.timeout, old.keys.timeout = 300*time.Millisecond, 300*time.Millisecond
			}
			f.advance(keysLifetime)
			good = f.signed(f.with(claims{"exp": f.fakeClock.now().Unix() + 60}))
			forged := forge(`{"alg":"RS256","kid":"key-0"}`, f.with(claims{"exp": f.fakeClock.now().Unix() + 60}), byRSA(f.stranger))
			f.set(func() {
				f.intercept = func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.URL.Path == "/evil":
						says(set(f.jwk))(w, r)
					case row.found == (r.URL.Path == "/keys"):
						row.keys(w, r)
					default:
						_ = json.NewEncoder(w).Encode(map[string]string{"issuer": f.name, "jwks_uri": f.URL + "/keys"})
					}
				}
			})

			_, err := fresh.Verify(t.Context(), good)
			var refused *TokenError
			if !errors.As(err, &refused) || !strings.Contains(refused.Reason, row.about) {
				t.Errorf("a good token without old keys: %v, want a refusal with %q", err, row.about)
			}
			if refused != nil && len(refused.Reason) > 1000 {
				t.Errorf("a reason of %d bytes: %.200s", len(refused.Reason), refused.Reason)
			}
			if _, err := old.Verify(t.Context(), good); (err == nil) == row.forget {
				t.Errorf("a good token with old keys: %v", err)
			}
			// A stranger's set is the issuer's word, if the issuer gives it.
			if row.name != "a stranger's key under the old id" && row.name != "300 keys of one id" {
				for name, a := range map[string]*Authorizer{"without": fresh, "with": old} {
					if _, err := a.Verify(t.Context(), forged); err == nil {
						t.Errorf("a stranger's token %s old keys is let in", name)
					}
				}
			}
			for address := range asked() {
				if address != f.Listener.Addr().String() {
					t.Errorf("%s was asked", address)
				}
			}
		})
	}
	t.Cleanup(func() { // after the parallel rows
		if n := written.Load(); n > 256<<20 {
			t.Errorf("the hostile issuers could send %d MB", n>>20)
		}
	})
}

// watchedClient returns a client that connects to one address only, and tells
// which others it was told to.
func watchedClient(allowed string) (c *http.Client, asked func() map[string]bool) {
	var mu sync.Mutex
	addresses := map[string]bool{}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		mu.Lock()
		addresses[address] = true
		mu.Unlock()
		if address != allowed {
			return nil, errors.New("not in this test")
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}, func() map[string]bool {
		mu.Lock()
		defer mu.Unlock()
		return addresses
	}
}

// An issuer behind TLS cannot send the gateway to where there is none, be it its
// own host or the one from which machines of a cloud learn their credentials.
func TestHostileIssuerWithTLS(t *testing.T) {
	t.Parallel()
	f := newForgery(t)
	var answer func(w http.ResponseWriter, r *http.Request)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer secure.Close()
	plain := strings.Replace(secure.URL, "https:", "http:", 1)
	document := func(keys string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": secure.URL, "jwks_uri": keys})
		}
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		about  string
	}{
		"keys without TLS":                   {document(plain + "/keys"), "not https"},
		"keys from the metadata":             {document("http://169.254.169.254/latest/meta-data/"), "not https"},
		"redirect to no TLS":                 {redirect(plain + "/"), "redirected to another host"},
		"redirect to the metadata":           {redirect("http://169.254.169.254/"), "redirected to another host"},
		"redirect to the issuer without TLS": {redirect(f.URL), "redirected to another host"},
	} {
		answer = test.answer
		base := secure.Client().Transport.(*http.Transport).Clone()
		asked := map[string]bool{}
		base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			asked[address] = true
			return new(net.Dialer).DialContext(ctx, network, secure.Listener.Addr().String())
		}
		a, err := NewAuthorizer(AuthorizerOptions{Issuer: secure.URL, Audiences: []string{"api"}, Client: &http.Client{Transport: base}, Now: f.fakeClock.now})
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Verify(t.Context(), f.signed(f.with(claims{"iss": secure.URL})))
		if err == nil || !strings.Contains(err.Error(), test.about) {
			t.Errorf("%s: %v", name, err)
		}
		if len(asked) != 1 || !asked[secure.Listener.Addr().String()] {
			t.Errorf("%s: %v were asked", name, asked)
		}
	}
}
