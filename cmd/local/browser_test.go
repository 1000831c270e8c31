package main

import (
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

// A page of another origin uses the API as it would the real one, preflight
// included.
func TestFetchFromAnotherOrigin(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<!doctype html><title>another origin</title>"))
	}))
	defer other.Close()
	tb := &tab{t, newBrowser(t)}
	tb.do(chromedp.Navigate(other.URL))
	fetch := func(path, headers string) string {
		tb.eval(`(window.result = "", fetch(` + quoted(r.url+path) + `, {headers: ` + headers + `}).then(async r => {
			window.result = r.status + " " + await r.text()
		}, e => { window.result = "failed: " + e }), "")`)
		tb.wait(`window.result !== ""`)
		return tb.eval(`window.result`)
	}
	if got := fetch("/v1/manage/hc", `{"x-app": "1"}`); got != `200 {"status":"ok"}`+"\n" {
		t.Errorf("a public route: %s", got)
	}
	if got := fetch("/v1/users/whoami", `{authorization: "Bearer `+r.token()+`"}`); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, `"sub":"alice"`) {
		t.Errorf("with a token: %s", got)
	}
	// The gateway's own refusals can be read, too.
	if got := fetch("/v1/users/whoami", `{}`); got != `401 {"message":"Unauthorized"}` {
		t.Errorf("without a token: %s", got)
	}
	r.shows("204 OPTIONS /v1/users/whoami")
}
