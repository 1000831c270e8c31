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

// A page of another origin may use the API if -cors names the origin, preflights
// and credentials included, and otherwise not. A deployed API does the same.
func TestFetchFromAnotherOrigin(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<!doctype html><title>another origin</title>"))
	}))
	t.Cleanup(other.Close) // after the parallel subtests
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
			r := start(t, func(c *config) {
				if test.cors != "" {
					cors, err := parseCORS(test.cors)
					if err != nil {
						t.Fatal(err)
					}
					c.cors = cors
				}
			})
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
