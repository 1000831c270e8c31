package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework/route"
)

// The documentation page in front of the real gateway, function and identity
// provider: a person without a token reads what there is, gets one, and uses it.
func TestDocs(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	table, report := route.Load("routes.yaml", routegate.Manifest, nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ stage, mapping string }{
		"default stage": {},
		"named stage":   {stage: "mvp"},
		"mapping key":   {mapping: "/shop/v2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, func(conf *config) { conf.stage = c.stage })
			tb := openDocs(t, mapped(t, r, c.mapping), browser)
			tb.wait(fmt.Sprintf(`document.querySelectorAll(".opblock").length >= %d`, table.Len()))
			tb.waitText("#operations-users-whoami", "/v1/users/whoami")
			tb.waitText("#operations-admin-site_map", "Get endpoints list")
			if got := tb.eval("document.title"); got != "Routegate" {
				t.Errorf("the title is %q", got)
			}

			// Without a token the gateway refuses.
			tryWhoami(tb)
			tb.waitText(whoamiAnswer, "401")

			authorize(tb, "alice", "wrong")
			tb.waitText(passwordFlow, "invalid_grant")
			fillPassword(tb, "alice")
			tb.waitText(".modal-ux", "Authorized")
			tb.click(".modal-ux .close-modal")
			tb.click("#operations-users-whoami .execute")
			tb.waitText(whoamiAnswer, "200")
			tb.waitText(whoamiAnswer, `"sub": "alice"`)
			tb.picture("docs " + name)

			// Nothing came from elsewhere, and the page's policy stopped nothing.
			if got := tb.eval(`performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin) && !n.startsWith("data:")).join()`); got != "" {
				t.Errorf("loaded from elsewhere: %s", got)
			}
			if got := tb.eval(`window.violations.join()`); got != "" {
				t.Errorf("the policy stopped %s", got)
			}
			r.shows("POST    /v1/auth/token")
			if out := r.out.String(); strings.Contains(out, "eyJ") {
				t.Errorf("the terminal shows a token\n%s", out)
			}
		})
	}
}

// Where the document is private the page asks for a token.
func TestDocsPrivate(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	r := start(t, func(c *config) {
		editFile(t, c.manifest, "    summary: Get the OpenAPI document\n    tags: [docs]\n    public: true\n", "    summary: Get the OpenAPI document\n    tags: [docs]\n    groups: [ADMINS]\n")
		editFile(t, c.manifest, "    allow: [GET /v1/openapi.json, GET", "    allow: [GET")
	})
	tb := openDocs(t, r.url, browser)
	tb.waitText("#ask", "for those who have a token")
	tb.fill("#token", r.token("-as", "mallory"))
	tb.click("#ask button")
	tb.waitText("#problem", "The token is not enough: 403")
	tb.fill("#token", r.token("-as", "alice"))
	tb.click("#ask button")
	tb.waitText("#operations-users-whoami", "/v1/users/whoami")
	tb.wait(`document.querySelector("#ask").hidden`)
}

const (
	whoamiAnswer = "#operations-users-whoami .live-responses-table"
	passwordFlow = ".auth-container:has(#oauth_password)"
)

// openDocs shows the documentation page in a new tab, as a link with a slash too
// many has it.
func openDocs(t *testing.T, api string, browser context.Context) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	tb := &tab{t, ctx}
	_, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{
		Source: `window.violations = []; addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample))`,
	})
	if err != nil {
		t.Fatal(err)
	}
	tb.do(chromedp.EmulateViewport(1280, 1600), chromedp.Navigate(api+"/v1/docs/"))
	return tb
}

// mapped returns the API's address behind a mapping key, which a custom domain
// takes off the path.
func mapped(t *testing.T, r *running, key string) string {
	t.Helper()
	target, err := url.Parse(r.url)
	if err != nil || key == "" {
		return r.url
	}
	domain := httptest.NewServer(http.StripPrefix(key, httputil.NewSingleHostReverseProxy(target)))
	t.Cleanup(domain.Close)
	return domain.URL + key
}

func tryWhoami(tb *tab) {
	tb.Helper()
	tb.click("#operations-users-whoami .opblock-summary-control")
	tb.wait(`document.querySelector("#operations-users-whoami .try-out__btn") !== null`)
	tb.click("#operations-users-whoami .try-out__btn")
	tb.wait(`document.querySelector("#operations-users-whoami .execute") !== null`)
	tb.click("#operations-users-whoami .execute")
}

func authorize(tb *tab, name, password string) {
	tb.Helper()
	tb.click(".auth-wrapper .authorize")
	tb.wait(`document.querySelector("#oauth_username") !== null`)
	tb.fill("#oauth_username", name)
	fillPassword(tb, password)
}

func fillPassword(tb *tab, password string) {
	tb.Helper()
	tb.fill("#oauth_password", password)
	tb.click(passwordFlow + " .authorize")
}

func editFile(t *testing.T, name, old, new string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s does not have %q", name, old)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(data), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}
