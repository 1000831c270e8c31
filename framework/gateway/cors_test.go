package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// openCORS allows every origin, method and header.
func openCORS() *CORS {
	return &CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}
}

// Sources: AWS's page "Configure CORS for HTTP APIs"; captures of live traffic
// for the 204 without content-type. What is a choice says so.
//
// The number in front of a row is the section of the project's collection of
// facts about API Gateway that it comes from.
func TestCORS(t *testing.T) {
	t.Parallel()
	narrow := &CORS{
		AllowOrigins: []string{"https://app.example.com", "http://*"}, AllowMethods: []string{"GET", "POST"}, AllowHeaders: []string{"authorization", "x-a"},
		ExposeHeaders: []string{"x-b"}, MaxAge: 600, AllowCredentials: true,
	}
	const (
		app   = "Origin: https://app.example.com"
		wants = "Access-Control-Request-Method: GET"
	)
	function := `{"statusCode":200,"headers":{"access-control-allow-origin":"https://function","access-control-max-age":"1","x-b":"2","content-type":"a/b"}}`
	pre := func(headers ...string) string {
		return "HTTP/1.1 204 No Content\n" + strings.Join(append(headers, "Apigw-Requestid: I", "Date: D"), "\n") + "\n\n"
	}
	ok := func(headers ...string) string {
		return "HTTP/1.1 200 OK\n" + strings.Join(append(headers, "Apigw-Requestid: I", "Content-Length: 0", "Content-Type: a/b", "Date: D", "X-B: 2"), "\n") + "\n\n"
	}
	all := []string{"Access-Control-Allow-Headers: *", "Access-Control-Allow-Methods: *", "Access-Control-Allow-Origin: *"}
	credentials := "Access-Control-Allow-Credentials: true"
	exposes := "Access-Control-Expose-Headers: x-b"

	tests := []struct {
		name    string
		cors    *CORS
		request string
		want    string
		warning string
	}{
		{"6 preflight", openCORS(), request("OPTIONS /x", app, wants), pre(all...), ""},
		{"6 preflight needs no route", openCORS(), request("OPTIONS /nowhere", app, wants), pre(all...), ""},
		{"6 preflight needs no token", openCORS(), request("OPTIONS /secret", app, wants), pre(all...), ""},
		{"6 preflight before ANY", openCORS(), request("OPTIONS /any", app, wants), pre(all...), ""},
		{"6 preflight for authorization", openCORS(), request("OPTIONS /x", app, wants, "Access-Control-Request-Headers: Authorization"), pre(all...), "Fetch standard"},
		{"6 no Origin: no preflight", openCORS(), request("OPTIONS /any", wants), ok(), ""},
		{"6 no request method: no preflight", openCORS(), request("OPTIONS /any", app), ok(all[2]), ""},
		{"6 nor without a route", openCORS(), request("OPTIONS /x", app), gatewaySays(404, "Not Found", all[2]), ""},
		{"6 only OPTIONS", openCORS(), request("GET /x", app, wants), ok(all[2]), ""},
		{"6 narrow preflight", narrow, request("OPTIONS /x", app, wants), pre(credentials, "Access-Control-Allow-Headers: authorization,x-a",
			"Access-Control-Allow-Methods: GET,POST", "Access-Control-Allow-Origin: https://app.example.com", "Access-Control-Max-Age: 600"), ""},
		{"6 narrow, by scheme", narrow, request("OPTIONS /x", "Origin: http://localhost:3000", wants), pre(credentials, "Access-Control-Allow-Headers: authorization,x-a",
			"Access-Control-Allow-Methods: GET,POST", "Access-Control-Allow-Origin: http://localhost:3000", "Access-Control-Max-Age: 600"), ""},
		{"11 choice: another origin", narrow, request("OPTIONS /x", "Origin: https://evil.example.com", wants), pre(), "not known"},
		{"6 a longer origin", narrow, request("OPTIONS /x", "Origin: https://app.example.com.evil.com", wants), pre(), "not known"},
		{"6 null", narrow, request("OPTIONS /x", "Origin: null", wants), pre(), "not known"},
		{"6 answer: the function's are replaced", openCORS(), request("GET /x", app), ok(all[2]), ""},
		{"6 answer, narrow", narrow, request("GET /x", app), ok(credentials, "Access-Control-Allow-Origin: https://app.example.com", exposes), ""},
		{"6 answer to another origin", narrow, request("GET /x", "Origin: https://evil.example.com"), ok(), ""},
		{"6 answer without Origin", openCORS(), request("GET /x"), ok(), ""},
		{"11 choice: on errors, too", openCORS(), request("GET /secret", app), gatewaySays(401, "Unauthorized", all[2], "Www-Authenticate: Bearer"), ""},
		{"6 but not for another origin", narrow, request("GET /nowhere", "Origin: https://evil.example.com"), gatewaySays(404, "Not Found"), ""},
		{"6 none configured: the function's", nil, request("GET /x", app), ok("Access-Control-Allow-Origin: https://function", "Access-Control-Max-Age: 1"), ""},
		{"6 none configured: OPTIONS is a method", nil, request("OPTIONS /x", app, wants), gatewaySays(404, "Not Found"), "no CORS configuration"},
		{"6 none configured: which a route may take", nil, request("OPTIONS /any", app, wants), ok("Access-Control-Allow-Origin: https://function", "Access-Control-Max-Age: 1"), ""},
		{"6 none allowed", &CORS{}, request("OPTIONS /x", app, wants), pre(), "not known"},
		{"6 not valid: none allowed", &CORS{AllowOrigins: []string{"*"}, AllowCredentials: true}, request("GET /x", app), ok(), "not valid"},
	}
	for _, test := range tests {
		l := serve(t, newTable(t, "GET /x public", "ANY /any public", "GET /secret"), says(function), Options{CORS: test.cors})
		got, x := l.send(t, test.request)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if told := strings.Join(x.Warnings, "\n"); !strings.Contains(told, test.warning) || (test.warning == "") != (told == "") {
			t.Errorf("%s: warnings %q, want %q", test.name, told, test.warning)
		}
	}
}

func TestPreflightUnderAStage(t *testing.T) {
	t.Parallel()
	l := serve(t, newTable(t, "GET /x"), says(""), Options{CORS: openCORS(), Stage: "dev"})
	for path, want := range map[string]int{"/dev/x": http.StatusNoContent, "/x": http.StatusNotFound} {
		if _, x := l.send(t, request("OPTIONS "+path, "Origin: https://a.example", "Access-Control-Request-Method: GET")); x.Status != want {
			t.Errorf("%s: %d, want %d", path, x.Status, want)
		}
	}
}

// Sources: the same page, the API reference for the numbers, and AWS's error
// text for credentials beside *.
func TestCORSValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		cors CORS
		want string // "" is valid
	}{
		{CORS{}, ""},
		{*openCORS(), ""},
		{CORS{AllowOrigins: []string{"https://*", "http://*", "http://localhost:3000"}, AllowCredentials: true, MaxAge: -1}, ""},
		{CORS{AllowOrigins: []string{"*"}, AllowCredentials: true}, "allow-credentials is not supported if 'allow-origin' is *"},
		{CORS{AllowOrigins: []string{"https://*.example.com"}}, "with a *"},
		{CORS{AllowOrigins: []string{"example.com"}}, "scheme://host"},
		{CORS{AllowOrigins: []string{"https://example.com/"}}, "scheme://host"},
		{CORS{AllowMethods: []string{""}}, "1 to 64"},
		{CORS{MaxAge: 86401}, "86400"},
		{CORS{MaxAge: -2}, "86400"},
	}
	for _, test := range tests {
		err := test.cors.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want %q", test.cors, err, test.want)
		}
	}
}

// In front of what is no gateway, the same.
func TestCORSHandler(t *testing.T) {
	t.Parallel()
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "https://function")
		h.Set("Access-Control-Max-Age", "1")
		h.Set("Vary", "Accept")
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte("x"))
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	})
	narrow := &CORS{AllowOrigins: []string{"https://app.example.com"}, AllowMethods: []string{"GET"}, AllowHeaders: []string{"authorization"}, ExposeHeaders: []string{"x-b"}}
	tests := []struct {
		cors                 *CORS
		method, path, origin string
		status               int
		want                 http.Header
	}{
		{narrow, "GET", "/", "https://app.example.com", 200, http.Header{"Access-Control-Allow-Origin": {"https://app.example.com"}, "Access-Control-Expose-Headers": {"x-b"}, "Vary": {"Accept", "Origin"}}},
		{narrow, "GET", "/refused", "https://app.example.com", 401, http.Header{"Access-Control-Allow-Origin": {"https://app.example.com"}, "Access-Control-Expose-Headers": {"x-b"}, "Vary": {"Accept", "Origin"}}},
		{narrow, "GET", "/", "https://evil.example.com", 200, http.Header{"Vary": {"Accept", "Origin"}}},
		{narrow, "GET", "/", "", 200, http.Header{"Vary": {"Accept", "Origin"}}},
		{narrow, "OPTIONS", "/", "https://app.example.com", 204, http.Header{"Access-Control-Allow-Origin": {"https://app.example.com"}, "Access-Control-Allow-Methods": {"GET"}, "Access-Control-Allow-Headers": {"authorization"}}},
		{narrow, "OPTIONS", "/", "https://evil.example.com", 204, http.Header{}},
		{openCORS(), "GET", "/", "https://any.example.com", 200, http.Header{"Access-Control-Allow-Origin": {"*"}, "Vary": {"Accept"}}},
	}
	for _, test := range tests {
		r := httptest.NewRequest(test.method, test.path, nil)
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		if test.method == "OPTIONS" {
			r.Header.Set("Access-Control-Request-Method", "GET")
		}
		w := httptest.NewRecorder()
		test.cors.Handler(next).ServeHTTP(w, r)
		got := w.Result().Header
		got.Del("Content-Type")
		if diff := cmp.Diff(test.want, got); diff != "" || w.Code != test.status {
			t.Errorf("%s %s from %q: status %d (-want +got):\n%s", test.method, test.path, test.origin, w.Code, diff)
		}
	}
}
