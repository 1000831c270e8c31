package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"

	strictjson "github.com/go-jose/go-jose/v4/json"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// decodeTwice is decodeClaims by others: by go-jose's decoder, which refuses names
// that stand twice, and by the standard library's, which has numbers as they are.
func decodeTwice(payload string) (map[string]any, bool) {
	var once map[string]any
	if err := strictjson.Unmarshal([]byte(payload), &once); err != nil || once == nil {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(payload)))
	dec.UseNumber()
	var claims map[string]any
	if err := dec.Decode(&claims); err != nil {
		return nil, false
	}
	_, err := dec.Token()
	return claims, err == io.EOF
}

var payloads = []string{
	// Taken.
	`{}`, " \t\r\n{ \t\r\n} \t\r\n", `{"":""}`, `{"a":{"a":{"a":[]}}}`, `{"a":[1,[2,{"b":null}],true,false]}`, "{ \"a\" : [ 1 , 2 ] , \"b\" : { } }",
	`{"iss":"https://issuer.example.com/","sub":"alice","aud":["api","web"],"exp":1700003600,"iat":1700000000.5,"on":true,"off":false,"none":null}`,
	`{"n":[0,-0,1,-1,10,0.5,-0.50,1e5,1E+5,1e-5,0e0,0.0e-0,123456789012345678,1234567890123456789,12345678901234567890123456789,1e308,1e-999,1.7e3]}`,
	`{"s":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00","é":"€😀","\u0061":"a"}`,
	`{"s":"\ud800 \udc00 \ud800\ud800 \ud800x","t":"` + "\xff\xc3\xe2\x82" + `","u":"` + "\x7f\u2028" + `"}`,
	`{"a":1,"A":2,"a ":3}`, `{"a":{"b":1},"c":{"b":1}}`, `{"\\":1,"\\\\":2,"\"":3}`,
	// Refused.
	``, ` `, `null`, `[]`, `"a"`, `1`, `true`, `{`, `}`, `{}}`, `{}{}`, `{} x`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{"a":1;"b":2}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{"a" 1}`, `{"a"::1}`,
	`{"a":[1,]}`, `{"a":[,]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":[1}`, `{"a":{]}`, `{"a":1]`,
	`{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `{"a":{"b":1,"b":2}}`, `{"a":[{"b":1,"b":2}]}`, `{"é":1,"\u00e9":2}`, `{"":1,"":2}`, `{"` + "\xff" + `":1,"` + "\xfe" + `":2}`, `{"\ud800":1,"\ufffd":2}`,
	`{"a":01}`, `{"a":-}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":1e}`, `{"a":1e+}`, `{"a":0x1}`, `{"a":1_0}`, `{"a":-01}`, `{"a":1.e1}`, `{"a":--1}`, `{"a":1e999}`, `{"a":-1e999}`, `{"a":1E999}`, `{"a":[1e309]}`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":1` + strings.Repeat("0", 400) + `}`,
	`{"a":tru}`, `{"a":truee}`, `{"a":True}`, `{"a":nul}`, `{"a":nulll}`, `{"a":falsy}`, `{"a":t}`,
	`{"a":"`, `{"a":"\`, `{"a":"\"`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\U0041"}`, "{\"a\":\"\n\"}", "{\"a\":\"\x00\"}", "{\"a\":\"\x1f\"}", "{\"a\n\":1}", "\ufeff{}", "{\v}", "{\u00a0}", "{}\x00", "\x00{}", "{\"a\":1\x00}", "{\"a\":\x001}", "{\x00\"a\":1}", "{\"a\":[\x00]}",
}

func TestDecodeClaims(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n) + "1" + strings.Repeat("]", n) + `}` }
	taken := 0
	for _, payload := range append(payloads, deep(100), deep(rawjson.MaxDepth-1), deep(rawjson.MaxDepth), deep(rawjson.MaxDepth+1)) {
		if sameClaims(t, payload) {
			taken++
		}
	}
	if taken != 13+2 {
		t.Errorf("%d payloads were taken", taken)
	}
}

func FuzzDecodeClaims(f *testing.F) {
	for _, payload := range payloads {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) { sameClaims(t, payload) })
}

// sameClaims reports whether a payload is taken.
func sameClaims(t *testing.T, payload string) bool {
	t.Helper()
	want, ok := decodeTwice(payload)
	got, err := decodeClaims(payload)
	if ok != (err == nil) {
		t.Errorf("%.200q: taken %v, by others %v", payload, err == nil, ok)
	} else if !reflect.DeepEqual(want, got) { // which goes deeper than cmp
		t.Errorf("%.200q: got %.500q, want %.500q", payload, got, want)
	}
	return ok
}

func BenchmarkDecodeClaims(b *testing.B) {
	const payload = `{"aud":"https://api.example.com","auth_time":1764108800,"client_id":"web","exp":1764195260,"groups":["users","staff"],"iat":1764108800,"iss":"http://127.0.0.1:40123","jti":"ABCDEFGHIJKLMNOPQRSTUVWXYZ","nbf":1764108800,"scope":"openid profile email orders/read orders/write","sub":"user-000123","token_use":"access"}`
	for name, decode := range map[string]func(){
		"once":  func() { _, _ = decodeClaims(payload) },
		"twice": func() { decodeTwice(payload) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				decode()
			}
		})
	}
}
