package apigw

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// everySource has an event of each source, and both forms of a load balancer's.
var everySource = map[string]*Event{
	"HTTP API":        {Source: HTTPAPI},
	"Function URL":    {Source: FunctionURL},
	"HTTP API 1.0":    {Source: HTTPAPIv1},
	"REST API":        {Source: REST},
	"load balancer":   {Source: ALB},
	"multiple values": {Source: ALB, multi: true},
}

// Encode sends a body as text or as base64, whichever makes the shorter payload. A
// REST API gets text as long as that fits.
func TestEncodeBodyForm(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		base64     bool // except for a REST API
	}{
		{"one quote in three bytes", `"ab`, false},
		{"as long", `"abc"d`, false},               // 8 bytes and 8
		{"JSON of short names", `{"a":"b"}`, true}, // 13 bytes and 12
		{"short escapes", "\n\t\r\b\f", true},
		{"long escapes", "ab\x00", true},
		{"quotes", `""""""`, true},
		{"JSON", `{"id":"42","status":"shipped","tags":["a","b"]}`, false},
		{"JSON of nearly nothing but quotes", `["","","",""]`, true},
		{"lines", strings.Repeat("some text\n", 100), false},
		{"other alphabets", strings.Repeat("größe ☕", 100), false},
	} {
		for name, e := range everySource {
			r := NewResponse("GET")
			r.Header().Set("Content-Type", "a/b")
			_, _ = r.WriteString(tt.body)
			payload := encode(t, e, r)
			want := tt.base64 && e.Source != REST
			if got := isBase64(t, payload); got != want {
				t.Errorf("%s, %s: base64 is %v, want %v: %s", tt.name, name, got, want, payload)
			}
			if got := client(t, e.Source, payload); got.Body != tt.body {
				t.Errorf("%s, %s: the client gets %q", tt.name, name, got.Body)
			}
		}
	}
}

func isBase64(t *testing.T, payload []byte) bool {
	t.Helper()
	var answer struct{ IsBase64Encoded bool }
	if err := json.Unmarshal(payload, &answer); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return answer.IsBase64Encoded
}

// Of the two forms of every short body over characters that JSON writes in
// different lengths, the payload has the shorter one.
func TestEncodeIsShortest(t *testing.T) {
	e := &Event{Source: HTTPAPI}
	alphabet := []string{"a", `"`, "\n", "\x01", "é"}
	var try func(body string)
	try = func(body string) {
		r := NewResponse("GET")
		_, _ = r.WriteString(body)
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		binary, err := json.Marshal([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := isBase64(t, encode(t, e, r)), len(binary) < len(text) && body != ""; got != want {
			t.Errorf("%q: base64 is %v, the text has %d bytes and base64 %d", body, got, len(text), len(binary))
		}
		if len(body) < 5 {
			for _, c := range alphabet {
				try(body + c)
			}
		}
	}
	try("")
}

// A REST API gets text up to the last byte that fits, and base64 beyond that: it
// decodes base64 only for the binary media types that it is configured with.
func TestEncodeRESTLimit(t *testing.T) {
	e := everySource["REST API"]
	write := func(zeros, more int) *Response {
		r := NewResponse("GET")
		r.Header().Set("Content-Type", "application/octet-stream")
		_, _ = r.WriteString(strings.Repeat("\x00", zeros) + strings.Repeat("a", more))
		return r
	}
	frame := len(encode(t, e, write(0, 1))) - 1
	zeros := (lambdaLimit - frame) / len(`\u0000`)
	more := (lambdaLimit - frame) % len(`\u0000`)
	payload := encode(t, e, write(zeros, more))
	if len(payload) != lambdaLimit || isBase64(t, payload) {
		t.Errorf("%d bytes, base64 is %v", len(payload), isBase64(t, payload))
	}
	payload = encode(t, e, write(zeros, more+1))
	if !isBase64(t, payload) {
		t.Errorf("%d bytes of text", len(payload))
	}
	// What fits in neither form is an error, with the length of the shorter form.
	if _, err := e.Encode(write(5<<20, 0)); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), " 699") {
		t.Errorf("error %v", err)
	}
}

// A body of zeros is six times as long as JSON text, and must not be too large
// before it is too large in base64.
func TestEncodeZeros(t *testing.T) {
	for name, e := range everySource {
		n := 1_100_000
		if e.Source == ALB {
			n = 700_000
		}
		r := NewResponse(http.MethodGet)
		r.Header().Set("Content-Type", "application/octet-stream")
		body := strings.Repeat("\x00", n)
		_, _ = r.WriteString(body)
		payload, err := e.Encode(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := client(t, e.Source, payload); got.Body != body {
			t.Errorf("%s: the client gets %d bytes", name, len(got.Body))
		}
	}
}

// The length that a handler names in the response to HEAD is sent if it is a number.
func TestEncodeHeadLength(t *testing.T) {
	for _, tt := range []struct {
		named []string // nil for none
		want  string
	}{
		{nil, "5"},
		{[]string{"7"}, "7"},
		{[]string{"0"}, "0"},
		{[]string{" 7 "}, "7"},
		{[]string{""}, "5"},
		{[]string{"x"}, "5"},
		{[]string{"-1"}, "5"},
		{[]string{"+7"}, "5"},
		{[]string{"9223372036854775807"}, "9223372036854775807"},
		{[]string{"9223372036854775808"}, "5"},
	} {
		for name, e := range everySource {
			r := NewResponse("HEAD")
			r.Header()["Content-Length"] = tt.named
			_, _ = r.WriteString("hello")
			got := client(t, e.Source, encode(t, e, r))
			if length := strings.Join(got.Header["Content-Length"], ", "); length != tt.want || got.Body != "" {
				t.Errorf("%q, %s: Content-Length %q, body %q, want %q", tt.named, name, length, got.Body, tt.want)
			}
		}
	}
}
