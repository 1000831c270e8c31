package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The page in front of the real gateway and the real function.
func TestPageOfTheService(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	tb := open(t, newBrowser(t), &httptest.Server{URL: r.url}, 1280)

	const siteMap = "GET /v1/admin/endpoints"
	tb.choose("#who", "alice")
	tb.waitVerdict(siteMap, "allowed", "has the group ADMINS")
	tb.choose("#who", "mallory")
	tb.waitVerdict(siteMap, "refused", "needs the group ADMINS")
	tb.waitText(row(siteMap)+" .line", "routes.yaml:21")

	tb.click(row(siteMap) + " button")
	tb.click("#send")
	tb.waitText("#answer-line", "403 Forbidden: "+siteMap)
	tb.waitText("#answer-note", "Refused: missing_group")
	tb.waitText("#steps", "✗ failed: groups")
	tb.choose("#who", "alice")
	tb.click("#send")
	tb.waitText("#answer-line", "200 OK: "+siteMap)
	tb.waitText("#answer-body", `"health_check"`)
	tb.click("#event summary")
	tb.waitText("#event pre", `"groups": "[ADMINS]"`)
	tb.choose("#who", "no token")
	tb.click("#send")
	tb.waitText("#answer-line", "401 Unauthorized")
	tb.waitText("#answer-note", "gateway")

	// A problem is shown, and goes.
	r.edit("routes.yaml", "groups: [ADMINS]", "groups: [ADMIN]")
	tb.waitText("#problem", `unknown group "ADMIN", did you mean "ADMINS"?`)
	r.edit("routes.yaml", "groups: [ADMIN]", "groups: [ADMINS]")
	tb.wait(`document.querySelector("#problem").hidden`)
}

// newEmptyPage serves a page without content.
func newEmptyPage(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<!doctype html><title>another origin</title>"))
	}))
	t.Cleanup(server.Close)
	return server
}

// A page of another origin may use the API if -cors names the origin, preflights
// and credentials included, and otherwise not. A deployed API does the same.
func TestFetchFromAnotherOrigin(t *testing.T) {
	t.Parallel()
	other := newEmptyPage(t)
	browser := newBrowser(t)
	const refused = "failed: TypeError"
	tests := []struct {
		name string
		cors string
		want [4]string // the beginning of the result of each request below
	}{
		{"off", "", [4]string{refused, refused, refused, refused}},
		{"another origin", `{"allow_origins": ["https://app.example"]}`, [4]string{refused, refused, refused, refused}},
		{"on", `{"allow_origins": ["` + other.URL + `"]}`, [4]string{`200 {"status":"ok"}`, "200 {", refused, `401 {"message":"Unauthorized"}`}},
		{"on, with credentials", `{"allow_origins": ["` + other.URL + `"], "allow_credentials": true}`,
			[4]string{`200 {"status":"ok"}`, "200 {", `200 {"status":"ok"}`, `401 {"message":"Unauthorized"}`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, func(c *config) { c.cors = mustCORS(t, test.cors) })
			tb := newTab(t, browser)
			tb.do(chromedp.Navigate(other.URL))
			got := [4]string{
				tb.fetch(r.url+"/v1/manage/hc", `{headers: {"content-type": "application/json"}}`), // needs a preflight
				tb.fetch(r.url+"/v1/users/whoami", `{headers: {authorization: "Bearer `+r.token()+`"}}`),
				tb.fetch(r.url+"/v1/manage/hc", `{credentials: "include"}`),
				tb.fetch(r.url+"/v1/users/whoami", `{}`), // refused by the gateway itself
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("request %d: %q, want %q", i, got[i], want)
				}
			}
			r.shows("OPTIONS /v1/users/whoami")
		})
	}
}

// A page of another site gets no token from a browser, by any route, although -cors
// allows every origin. Nor does a page whose own name leads to this machine.
func TestAnotherSiteInABrowser(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	r := start(t, func(c *config) {
		c.cors = mustCORS(t, `{"allow_origins": ["*"]}`)
		c.addr = freeAddress(t)
		withMyToken(t, c)
	})
	evil := strings.Replace(newEmptyPage(t).URL, "127.0.0.1", "evil.example", 1)
	rebound := strings.Replace(r.url, "127.0.0.1", "rebound.example", 1)
	tb := newTab(t, browser)

	fetchAll := func(base string, check func(what, got string)) {
		t.Helper()
		for _, route := range tokenRoutes {
			options := map[string]any{"method": route.method}
			if route.body != "" {
				options["body"], options["headers"] = route.body, map[string]string{"content-type": route.contentType}
			}
			text, err := json.Marshal(options)
			if err != nil {
				t.Fatal(err)
			}
			check(route.method+" "+route.path, tb.fetch(base+route.path, string(text)))
		}
	}
	// The page may have one.
	tb.do(chromedp.Navigate(r.url + "/v1/manage/hc"))
	fetchAll(r.url, func(what, got string) {
		if !strings.HasPrefix(got, "200 ") || !strings.Contains(got, `"access_token"`) {
			t.Errorf("the API's own page, %s: %s", what, got)
		}
	})
	tb.do(chromedp.Navigate(evil))
	if got := tb.fetch(r.url+"/v1/manage/hc", "{}"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("a page of another site does not reach the API at all: %s", got)
	}
	fetchAll(r.url, func(what, got string) {
		if strings.Contains(got, "eyJ") || strings.HasPrefix(what, "POST") && strings.HasPrefix(got, "200 ") {
			t.Errorf("a page of another site, %s: %s", what, got)
		}
	})
	r.shows("400 POST    /v1/auth/token  ")
	// A form, whose answer the browser shows in place of the page.
	for _, path := range []string{"/v1/auth/token", "/_routegate/issuer/token"} {
		tb.do(chromedp.Navigate(evil))
		tb.eval(`(document.body.innerHTML = '<form method="post" action="` + r.url + path + `"><input name="grant_type" value="password"><input name="username" value="alice"><input name="password" value="alice"></form>', document.forms[0].submit())`)
		tb.wait(`location.href === ` + quoted(r.url+path) + ` && document.readyState === "complete"`)
		if got := tb.eval(`document.documentElement.innerText`); strings.Contains(got, "eyJ") {
			t.Errorf("a form of another site, %s: %s", path, got)
		}
	}
	// A link to the page is no attack.
	tb.do(chromedp.Navigate(evil))
	tb.eval(`(location.href = ` + quoted(r.url+pagePath) + `, "")`)
	tb.waitText("#connection", "live")

	// DNS rebinding: to the browser, the API is of the attacker's own origin.
	tb.do(chromedp.Navigate(rebound + pagePath))
	if got := tb.eval(`location.origin + " " + document.body.innerText`); !strings.HasPrefix(got, rebound+" this server has no host of that name") {
		t.Errorf("a name of the attacker: %s", got)
	}
	fetchAll(rebound, func(what, got string) {
		if !strings.HasPrefix(got, "421 ") {
			t.Errorf("a name of the attacker, %s: %s", what, got)
		}
	})
	r.shows(`local: the host "rebound.example`)
}
