package apigw

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

// handlers are well-behaved and other handlers, each of which net/http has an
// answer for.
var handlers = map[string]http.HandlerFunc{
	"nothing": func(w http.ResponseWriter, r *http.Request) {},
	"write only": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "hello")
	},
	"status only": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	},
	"status twice": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, "created")
	},
	"status after write": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "fine")
		w.WriteHeader(http.StatusInternalServerError)
	},
	"invalid status after write": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "fine")
		w.WriteHeader(7)
	},
	"header after status": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Test", "before")
		w.WriteHeader(http.StatusOK)
		w.Header().Set("X-Test", "after")
		w.Header().Set("X-Late", "yes")
	},
	"header value after status": func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Test"] = []string{"before"}
		w.WriteHeader(http.StatusOK)
		w.Header()["X-Test"][0] = "after"
	},
	"header after write": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a")
		w.Header().Set("X-Late", "yes")
		io.WriteString(w, "b")
	},
	"header after nothing": func(w http.ResponseWriter, r *http.Request) {
		w.Write(nil)
		w.Header().Set("X-Late", "yes")
	},
	"early hints": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, "ok")
	},
	"body of 204": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		n, err := io.WriteString(w, "no")
		w.Header().Set("X-Late", fmt.Sprint(n, err))
	},
	"body of 304": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
		w.Write([]byte("no"))
	},
	"html": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "<!DOCTYPE html><p>hello")
	},
	"json without type": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"a":"<&>"}`)
	},
	"binary": func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("\x89PNG\r\n\x1a\n\x00\xff"))
	},
	"type": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		io.WriteString(w, "<html>")
	},
	"type of nil": func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "<html>")
	},
	"compressed": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, "hello")
		z.Close()
	},
	"several values": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("X-Test", "a, b")
		w.Header().Add("X-Test", "c")
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Path: "/"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2", Path: "/"})
	},
	"header splitting": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Test", " a\r\nSet-Cookie: admin=1\n")
	},
	"bad header name": func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X Bad: \r\n"] = []string{"x"}
		w.Header()[""] = []string{"x"}
	},
	"trailer": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
		io.WriteString(w, "ok")
	},
	"redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/login?next=%2Fa", http.StatusFound)
	},
	"error": func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no such thing", http.StatusNotFound)
	},
	"file": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Last-Modified", "Tue, 15 Nov 1994 08:12:31 GMT")
		http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
	},
	"type of 304": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotModified)
	},
	"length of 204": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.WriteHeader(http.StatusNoContent)
	},
	"length of another body": func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", "1234")
		}
		io.WriteString(w, "hello")
	},
	"wrong length": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "hello")
	},
}

// TestResponseIsLikeNetHTTP runs every handler on a real server and on a Response
// of every source, and compares what a client would see.
func TestResponseIsLikeNetHTTP(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for name, handler := range handlers {
			t.Run(method+" "+name, func(t *testing.T) {
				server := httptest.NewUnstartedServer(handler)
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				server.Start()
				defer server.Close()
				req, err := http.NewRequest(method, server.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				transport := &http.Transport{DisableCompression: true}
				resp, err := transport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				// These belong to the connection, or the gateway adds them.
				for _, h := range []string{"Date", "Connection", "Transfer-Encoding"} {
					resp.Header.Del(h)
				}
				// For HEAD only the function knows the length. net/http does not
				// compute it before a trailer.
				hasLength := method == http.MethodHead && name != "trailer"
				if !hasLength {
					resp.Header.Del("Content-Length")
				}
				want := seen{resp.StatusCode, resp.Header, string(body)}

				for _, event := range []string{"httpapi-form", "functionurl", "httpapiv1-jwt", "rest-iam", "alb-single", "alb-multi"} {
					e := decode(t, edit(t, event))
					r := NewResponse(method)
					req := httptest.NewRequest(method, "/", nil)
					handler(r, req)
					first := encode(t, e, r)
					if again := encode(t, e, r); !bytes.Equal(first, again) {
						t.Errorf("%s: Encode gives %s, then %s", event, first, again)
					}
					got := client(t, e.Source, first)
					if r.Status() != got.Status {
						t.Errorf("%s: Status %d, sent %d", event, r.Status(), got.Status)
					}
					if !hasLength {
						got.Header.Del("Content-Length")
					}
					expect := want
					if e.Source == HTTPAPI || e.Source == FunctionURL || event == "alb-single" {
						expect.Header = http.Header{}
						for name, values := range want.Header {
							if name != "Set-Cookie" {
								values = []string{strings.Join(values, ", ")}
							}
							expect.Header[name] = values
						}
					}
					if diff := cmp.Diff(expect, got); diff != "" {
						t.Errorf("%s: %s (-net/http +apigw):\n%s", event, first, diff)
					}
				}
			})
		}
	}
}

// seen is what a client gets.
type seen struct {
	Status int
	Header http.Header
	Body   string
}

// client reads an answer as the service does, by the types that AWS publishes for
// it. Keys that those do not have are an error.
func client(t *testing.T, source Source, payload []byte) seen {
	t.Helper()
	var status int
	var single map[string]string
	var multi map[string][]string
	var cookies []string
	var body string
	var encoded bool
	strict := func(v any) {
		dec := json.NewDecoder(bytes.NewReader(payload))
		dec.DisallowUnknownFields()
		if err := dec.Decode(v); err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
	}
	switch source {
	case HTTPAPI:
		var r events.APIGatewayV2HTTPResponse
		strict(&r)
		if r.MultiValueHeaders != nil {
			t.Errorf("multiValueHeaders in payload 2.0: %s", payload)
		}
		status, single, cookies, body, encoded = r.StatusCode, r.Headers, r.Cookies, r.Body, r.IsBase64Encoded
	case FunctionURL:
		var r events.LambdaFunctionURLResponse
		strict(&r)
		status, single, cookies, body, encoded = r.StatusCode, r.Headers, r.Cookies, r.Body, r.IsBase64Encoded
	case HTTPAPIv1, REST:
		var r events.APIGatewayProxyResponse
		strict(&r)
		status, single, multi, body, encoded = r.StatusCode, r.Headers, r.MultiValueHeaders, r.Body, r.IsBase64Encoded
	case ALB:
		var r events.ALBTargetGroupResponse
		strict(&r)
		if want := strings.TrimSpace(fmt.Sprint(r.StatusCode, " ", http.StatusText(r.StatusCode))); r.StatusDescription != want {
			t.Errorf("statusDescription %q, want %q", r.StatusDescription, want)
		}
		if r.Headers != nil && r.MultiValueHeaders != nil {
			t.Errorf("both forms of headers: %s", payload)
		}
		status, single, multi, body, encoded = r.StatusCode, r.Headers, r.MultiValueHeaders, r.Body, r.IsBase64Encoded
	}
	header := http.Header{}
	for name, value := range single {
		if strings.EqualFold(name, "Set-Cookie") && source != ALB {
			t.Errorf("set-cookie in headers: %s", payload)
		}
		header.Add(name, value)
	}
	if header["Set-Cookie"] != nil { // from spellings, in no order
		slices.Sort(header["Set-Cookie"])
	}
	for name, values := range multi {
		header[name] = values
	}
	for _, cookie := range cookies {
		header.Add("Set-Cookie", cookie)
	}
	if encoded {
		data, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			t.Fatal(err)
		}
		body = string(data)
	}
	return seen{status, header, body}
}

func encode(t testing.TB, e *Event, r *Response) []byte {
	t.Helper()
	payload, err := e.Encode(r)
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	return payload
}

func TestResponseInvalidStatusPanics(t *testing.T) {
	for _, code := range []int{-1, 0, 7, 99, 1000} {
		func() {
			defer func() {
				if got, want := recover(), fmt.Sprintf("invalid WriteHeader code %d", code); got != want {
					t.Errorf("recovered %v, want %q", got, want)
				}
			}()
			NewResponse("GET").WriteHeader(code)
		}()
	}
}

func TestResponseBodyNotAllowed(t *testing.T) {
	for _, code := range []int{204, 304} {
		r := NewResponse("GET")
		r.WriteHeader(code)
		n, err := r.Write([]byte("x"))
		if n != 0 || !errors.Is(err, http.ErrBodyNotAllowed) {
			t.Errorf("%d: Write gives %d, %v", code, n, err)
		}
		if n, err := r.WriteString("x"); n != 0 || !errors.Is(err, http.ErrBodyNotAllowed) {
			t.Errorf("%d: WriteString gives %d, %v", code, n, err)
		}
		if _, err := r.Write(nil); err != nil {
			t.Errorf("%d: empty Write gives %v", code, err)
		}
		if got := client(t, HTTPAPI, encode(t, &Event{Source: HTTPAPI}, r)); got.Body != "" || got.Status != code {
			t.Errorf("%d: sent %+v", code, got)
		}
	}
}

func TestResponseHead(t *testing.T) {
	r := NewResponse("HEAD")
	r.Header().Set("Content-Length", "5")
	if n, err := io.WriteString(r, "hello"); n != 5 || err != nil {
		t.Errorf("write gives %d, %v", n, err)
	}
	const want = `{"statusCode":200,"headers":{"Content-Length":"5","Content-Type":"text/plain; charset=utf-8"},"body":"","isBase64Encoded":false}`
	if got := encode(t, &Event{Source: HTTPAPI}, r); string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestResponseInterfaces(t *testing.T) {
	var w http.ResponseWriter = NewResponse("GET")
	if _, ok := w.(http.Flusher); ok {
		t.Error("a Response cannot flush, and must not say so")
	}
	if _, ok := w.(io.StringWriter); !ok {
		t.Error("no WriteString")
	}
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("Flush: %v", err)
	}
}

func TestEncode(t *testing.T) {
	write := func(status int, body string, headers ...string) *Response {
		r := NewResponse("GET")
		for i := 0; i < len(headers); i += 2 {
			r.Header()[headers[i]] = append(r.Header()[headers[i]], headers[i+1])
		}
		r.WriteHeader(status)
		if body != "" {
			io.WriteString(r, body)
		}
		return r
	}
	cookies := write(200, "", "Set-Cookie", "a=1", "Set-Cookie", "b=2; Expires=Tue, 15 Nov 1994 08:12:31 GMT", "set-cookie", "c=3")
	tests := []struct {
		name  string
		event Event
		resp  *Response
		want  string
	}{
		{"untouched", Event{Source: HTTPAPI}, NewResponse("GET"), `{"statusCode":200,"body":"","isBase64Encoded":false}`},
		{"no HTML escapes", Event{Source: HTTPAPI}, write(200, `<a href="?b&c">`, "Content-Type", "x"),
			`{"statusCode":200,"headers":{"Content-Type":"x"},"body":"<a href=\"?b&c\">","isBase64Encoded":false}`},
		{"cookies, 2.0", Event{Source: HTTPAPI}, cookies,
			`{"statusCode":200,"cookies":["a=1","b=2; Expires=Tue, 15 Nov 1994 08:12:31 GMT","c=3"],"body":"","isBase64Encoded":false}`},
		{"cookies, function url", Event{Source: FunctionURL}, cookies,
			`{"statusCode":200,"cookies":["a=1","b=2; Expires=Tue, 15 Nov 1994 08:12:31 GMT","c=3"],"body":"","isBase64Encoded":false}`},
		{"cookies, 1.0", Event{Source: HTTPAPIv1}, cookies,
			`{"statusCode":200,"multiValueHeaders":{"Set-Cookie":["a=1","b=2; Expires=Tue, 15 Nov 1994 08:12:31 GMT","c=3"]},"body":"","isBase64Encoded":false}`},
		{"cookies, balancer", Event{Source: ALB}, cookies,
			`{"statusCode":200,"statusDescription":"200 OK","headers":{"Set-cookie":"b=2; Expires=Tue, 15 Nov 1994 08:12:31 GMT","sEt-cookie":"c=3","set-cookie":"a=1"},"body":"","isBase64Encoded":false}`},
		{"cookies, balancer with many values", Event{Source: ALB, multi: true}, cookies,
			`{"statusCode":200,"statusDescription":"200 OK","multiValueHeaders":{"Set-Cookie":["a=1","b=2; Expires=Tue, 15 Nov 1994 08:12:31 GMT","c=3"]},"body":"","isBase64Encoded":false}`},
		{"balancer, odd status", Event{Source: ALB}, write(599, ""), `{"statusCode":599,"body":"","isBase64Encoded":false}`},
		{"names in two cases", Event{Source: HTTPAPI}, write(200, "", "x-a", "2", "X-A", "1"), `{"statusCode":200,"headers":{"X-A":"1, 2"},"body":"","isBase64Encoded":false}`},
		{"values, 1.0", Event{Source: REST}, write(200, "", "X-A", "1, 2", "X-A", "3"), `{"statusCode":200,"multiValueHeaders":{"X-A":["1, 2","3"]},"body":"","isBase64Encoded":false}`},
		{"empty value", Event{Source: HTTPAPI}, write(200, "", "X-A", ""), `{"statusCode":200,"headers":{"X-A":""},"body":"","isBase64Encoded":false}`},
		{"empty type", Event{Source: HTTPAPI}, write(200, "<p>", "Content-Type", ""), `{"statusCode":200,"body":"<p>","isBase64Encoded":false}`},
		{"type in lower case", Event{Source: HTTPAPI}, write(200, "<p>", "content-type", "a/b"), `{"statusCode":200,"headers":{"Content-Type":"a/b"},"body":"<p>","isBase64Encoded":false}`},
		{"more header than body", Event{Source: HTTPAPI}, write(302, "", "Location", "/"+strings.Repeat("a", 500)), `{"statusCode":302,"headers":{"Location":"/` + strings.Repeat("a", 500) + `"},"body":"","isBase64Encoded":false}`},
		{"framing", Event{Source: HTTPAPI}, write(200, "", "Content-Length", "99", "Transfer-Encoding", "chunked", "Trailer", "X-T"), `{"statusCode":200,"body":"","isBase64Encoded":false}`},
		{"tab and controls", Event{Source: HTTPAPI}, write(200, "", "X-A", "a\tb\x00c\x1b"), `{"statusCode":200,"headers":{"X-A":"a\tb c"},"body":"","isBase64Encoded":false}`},
		{"not UTF-8", Event{Source: HTTPAPI}, write(200, "\xff\xfe", "Content-Type", "a/b"), `{"statusCode":200,"headers":{"Content-Type":"a/b"},"body":"//4=","isBase64Encoded":true}`},
		{"encoding", Event{Source: HTTPAPI}, write(200, "abc", "Content-Encoding", "br"), `{"statusCode":200,"headers":{"Content-Encoding":"br"},"body":"YWJj","isBase64Encoded":true}`},
		{"encoding of nothing", Event{Source: HTTPAPI}, write(200, "", "Content-Encoding", "br"), `{"statusCode":200,"headers":{"Content-Encoding":"br"},"body":"","isBase64Encoded":false}`},
		{"no encoding", Event{Source: HTTPAPI}, write(200, "abc", "Content-Encoding", "Identity"), `{"statusCode":200,"headers":{"Content-Encoding":"Identity"},"body":"abc","isBase64Encoded":false}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := encode(t, &tt.event, tt.resp); string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	if _, err := new(Event).Encode(NewResponse("GET")); err == nil {
		t.Error("an event without source encodes")
	}
}

func TestEncodeManyCookies(t *testing.T) {
	r := NewResponse("GET")
	for i := range 512 {
		r.Header().Add("Set-Cookie", fmt.Sprint("c=", i))
	}
	if got := client(t, ALB, encode(t, &Event{Source: ALB}, r)); len(got.Header["Set-Cookie"]) != 512 {
		t.Errorf("%d cookies are left", len(got.Header["Set-Cookie"]))
	}
	r.Header().Add("Set-Cookie", "one=more")
	if _, err := (&Event{Source: ALB}).Encode(r); err == nil || !strings.Contains(err.Error(), "513 cookies, but only 512 fit") {
		t.Errorf("error %v", err)
	}
}

func TestEncodeLimit(t *testing.T) {
	for source, limit := range map[Source]int{HTTPAPI: 6291456, FunctionURL: 6291456, HTTPAPIv1: 6291456, REST: 6291456, ALB: 1048576} {
		e := &Event{Source: source}
		r := NewResponse("GET")
		r.Header().Set("Content-Type", "text/plain")
		r.WriteHeader(200)
		frame := len(encode(t, e, r))
		io.WriteString(r, strings.Repeat("a", limit-frame))
		if got := len(encode(t, e, r)); got != limit {
			t.Errorf("%v: %d bytes, want %d", source, got, limit)
		}
		io.WriteString(r, "a")
		_, err := e.Encode(r)
		if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), fmt.Sprintf("%d bytes of JSON, the limit of the %v is %d", limit+1, source, limit)) {
			t.Errorf("%v: error %v", source, err)
		}
	}
}

// Header values are checked as JSON will carry them.
func TestEncodeIsUTF8(t *testing.T) {
	r := NewResponse("GET")
	r.Header().Set("X-A", "caf\xe9")
	if payload := encode(t, &Event{Source: HTTPAPI}, r); !utf8.Valid(payload) || !json.Valid(payload) {
		t.Errorf("got %q", payload)
	}
}

// An answer that is written in small pieces is not copied over and over.
func TestManyWritesAllocate(t *testing.T) {
	const pieces = 100_000
	w := NewResponse("GET")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range pieces {
		_, _ = w.Write([]byte("0123456789"))
		_, _ = w.WriteString("abcdef")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4*16*pieces {
		t.Errorf("%d bytes are allocated for an answer of %d", got, 16*pieces)
	}
	if want := strings.Repeat("0123456789abcdef", pieces); string(w.body) != want {
		t.Error("the body is not what was written")
	}
}
