package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/routegate/routegate/framework/route"
)

// useAWS points the SDK at a server, with credentials that mean nothing there,
// and keeps it away from this machine's own settings.
func useAWS(t *testing.T, endpoint string) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_PAGER": "", "AWS_API_GW_STAGE_NAME": "", "JWT_ISSUER": "", "JWT_AUTHORIZED_AUDIENCES": "",
	} {
		t.Setenv(name, value)
	}
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "") // put back at the end; the aws command line takes no empty one
		os.Unsetenv(name)
	}
}

// runDrift runs the command, and returns its exit code and what it printed.
func runDrift(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = run(append([]string{"drift"}, args...), nil, &out, &err)
	return code, out.String(), err.String()
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const liveManifest = `version: 1
routes:
  - {path: /hc, method: GET, handler: health_check, public: true}
  - {path: /me, method: GET, handler: whoami}
  - {path: /map, method: GET, handler: site_map, groups: [ADMINS]}
`

// A fakeAWS answers as the APIs of API Gateway and Lambda do, and fails as often as
// it is told to.
type fakeAWS struct {
	api      string              // the answer to GetApi
	pages    map[string][]string // what each path answers, page by page; "denied" is a refusal
	failures []int               // the next answers are these statuses
	requests atomic.Int32
}

func (f *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests.Add(1)
	w.Header().Set("Content-Type", "application/json")
	if len(f.failures) > 0 {
		status := f.failures[0]
		f.failures = f.failures[1:]
		if status == http.StatusTooManyRequests {
			w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `{"message":"not now"}`)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/v2/apis/a1")
	path = strings.TrimPrefix(path, "/2015-03-31/functions/"+liveFunction)
	path = strings.TrimPrefix(path, "/2021-10-31/functions/"+liveFunction)
	if path == "" {
		fmt.Fprint(w, f.api)
		return
	}
	pages, page := f.pages[path], 0
	if len(pages) == 1 && pages[0] == "denied" {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"message":"not yours"}`)
		return
	}
	if token := r.URL.Query().Get("nextToken"); token != "" {
		fmt.Sscanf(token, "page%d", &page)
	}
	if page >= len(pages) {
		w.Header().Set("X-Amzn-Errortype", "NotFoundException")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"message":"Invalid API\nidentifier specified %s"}`, r.URL.Path)
		return
	}
	fmt.Fprint(w, pages[page])
}

// page makes one page of a list.
func page(next int, items ...string) string {
	token := ""
	if next > 0 {
		token = fmt.Sprintf(`, "nextToken": "page%d"`, next)
	}
	return `{"items": [` + strings.Join(items, ", ") + `]` + token + `}`
}

const (
	liveHC  = `{"routeId": "r1", "routeKey": "GET /hc", "authorizationType": "NONE", "target": "integrations/i1"}`
	liveMe  = `{"routeId": "r2", "routeKey": "GET /me", "authorizationType": "JWT", "authorizerId": "j", "target": "integrations/i1"}`
	liveMap = `{"routeId": "r3", "routeKey": "GET /map", "authorizationType": "JWT", "authorizerId": "j", "target": "integrations/i2"}`
	liveJWT = `{"authorizerId": "j", "authorizerType": "JWT", "name": "main", "identitySource": ["$request.header.Authorization"], "jwtConfiguration": {"issuer": "https://issuer/", "audience": ["app"]}}`
)

const (
	liveFunction = "arn:aws:lambda:eu-west-1:1:function:f"
	liveCall     = `{"integrationId": "i1", "integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0", "integrationUri": "` + liveFunction + `"}`
	liveCall2    = `{"integrationId": "i2", "integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0", "integrationUri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/` + liveFunction + `/invocations"}`
)

// newFakeAWS returns an API that does what liveManifest says, in several pages.
func newFakeAWS() *fakeAWS {
	return &fakeAWS{
		api: `{"apiId": "a1", "protocolType": "HTTP", "apiEndpoint": "https://a1.example"}`,
		pages: map[string][]string{
			"/routes":        {page(1, liveMap), page(2), page(0, liveHC, liveMe)},
			"/authorizers/j": {liveJWT},
			"/integrations":  {page(1, liveCall), page(0, liveCall2)},
			"/stages":        {page(0, `{"stageName": "mvp", "autoDeploy": true}`)},

			"/v2/domainnames":                   {page(0)},
			"/aliases":                          {`{"Aliases": []}`},
			"/urls":                             {`{"FunctionUrlConfigs": []}`},
			"/2015-03-31/event-source-mappings": {`{"EventSourceMappings": []}`},
		},
	}
}

// What the SDK reads is all of it or nothing.
func TestDriftLive(t *testing.T) {
	useAWS(t, "")
	manifest := writeFile(t, "routes.yaml", liveManifest)
	for _, test := range []struct {
		name   string
		change func(*fakeAWS)
		args   []string
		code   int
		want   string // standard output, or in case of an error standard error, has it
	}{
		{name: "pages", code: 0, want: "clean: 0 exposed, 0 unknown, 0 blocked, 0 orphans, 0 missing\n"},
		{name: "issuer and audience", args: []string{"-issuer", "https://issuer/", "-audience", "app"}, code: 0, want: "0 exposed"},
		{name: "another audience", args: []string{"-audience", "web"}, code: 4, want: `takes tokens with the audience "app"`},
		{name: "busy and broken, then fine", change: func(f *fakeAWS) { f.failures = []int{429, 500} }, code: 0, want: "0 exposed"},
		{name: "broken", change: func(f *fakeAWS) { f.failures = []int{500, 500, 500} }, code: 3, want: "GetApi"},
		{name: "busy", change: func(f *fakeAWS) { f.failures = []int{429, 429, 429} }, code: 3, want: "TooManyRequestsException"},
		{name: "not allowed", change: func(f *fakeAWS) { f.failures = []int{403} }, code: 3, want: "not now"},
		{name: "no such API", args: []string{"-api-id", "a2"}, code: 3, want: "AWS answers to GetApi: NotFoundException: Invalid API identifier specified /v2/apis/a2\n"},
		{name: "a WebSocket API", change: func(f *fakeAWS) { f.api = `{"apiId": "a1", "protocolType": "WEBSOCKET"}` }, code: 3, want: `its protocol is "WEBSOCKET": want an HTTP API`},
		{name: "an empty answer", change: func(f *fakeAWS) { f.pages["/routes"] = []string{`{}`} }, code: 3, want: "its routes: the answer has no items"},
		{name: "a page is cut short", change: func(f *fakeAWS) { f.pages["/routes"][2] = f.pages["/routes"][2][:40] }, code: 3, want: "its routes: "},
		{name: "a page is HTML", change: func(f *fakeAWS) { f.pages["/routes"][1] = "<html>\n</html>" }, code: 3, want: "its routes: "},
		{name: "a page is missing", change: func(f *fakeAWS) { f.pages["/routes"] = f.pages["/routes"][:2] }, code: 3, want: "NotFoundException"},
		{name: "pages without an end", change: func(f *fakeAWS) { f.pages["/routes"][2] = page(1) }, code: 3, want: "the pages go in a circle"},
		{name: "no routes", change: func(f *fakeAWS) { f.pages["/routes"] = []string{page(0)} }, code: 1, want: "3 missing"},
		{name: "no authorizer", change: func(f *fakeAWS) { delete(f.pages, "/authorizers/j") }, args: []string{"-issuer", "x"}, code: 3, want: "AWS answers to GetAuthorizer: NotFoundException"},
		{name: "no integrations", change: func(f *fakeAWS) { delete(f.pages, "/integrations") }, code: 3, want: "AWS answers to GetIntegrations: NotFoundException"},
		{name: "an integration that is not among the integrations", change: func(f *fakeAWS) { f.pages["/integrations"][1] = page(0) }, code: 3, want: `route "GET /map" has the integration "i2", which is not among the integrations`},
		{name: "another integration", change: func(f *fakeAWS) {
			f.pages["/integrations"][1] = page(0, `{"integrationId": "i2", "integrationType": "HTTP_PROXY", "integrationUri": "https://map.example/"}`)
		}, code: 4, want: `it goes to "https://map.example/", which is not the function`},
		{name: "two functions", change: func(f *fakeAWS) {
			f.pages["/integrations"][1] = page(0, strings.ReplaceAll(liveCall2, "function:f", "function:g"))
		}, code: 5, want: "UNKNOWN   which function was built from the manifest"},
		{name: "two functions, and one is named", change: func(f *fakeAWS) {
			f.pages["/integrations"][1] = page(0, strings.ReplaceAll(liveCall2, "function:f", "function:g"))
		}, args: []string{"-function", "f"}, code: 4, want: `which is not the function: nothing refuses it`},
		{name: "a Function URL", change: func(f *fakeAWS) {
			f.pages["/urls"] = []string{`{"FunctionUrlConfigs": [{"AuthType": "NONE", "FunctionArn": "` + liveFunction + `", "FunctionUrl": "https://u.example/"}]}`}
		}, code: 1, want: "ORPHAN    function URL at https://u.example/\n"},
		{name: "a resource policy for everybody", change: func(f *fakeAWS) {
			f.pages["/policy"] = []string{`{"Policy": "{\"Statement\": [{\"Sid\": \"all\", \"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"lambda:InvokeFunction\"}]}"}`}
		}, code: 4, want: "EXPOSED   resource policy statement at "},
		{name: "an event source", change: func(f *fakeAWS) {
			f.pages["/2015-03-31/event-source-mappings"] = []string{`{"EventSourceMappings": [{"UUID": "u", "EventSourceArn": "arn:aws:sqs:eu-west-1:1:q", "FunctionArn": "` + liveFunction + `"}]}`}
		}, code: 1, want: "ORPHAN    event source mapping at u\n"},
		{name: "a stage that does not deploy by itself", change: func(f *fakeAWS) { f.pages["/stages"] = []string{page(0, `{"stageName": "mvp", "autoDeploy": false}`)} }, code: 5, want: `what the stage "mvp" (mvp) serves`},
		{name: "no permission to read the resource policy", change: func(f *fakeAWS) { f.pages["/policy"] = []string{"denied"} }, code: 5, want: "lacks the permission lambda:GetPolicy"},
		{name: "no permission to read aliases", change: func(f *fakeAWS) { f.pages["/aliases"] = []string{"denied"} }, code: 5, want: "lacks the permission lambda:ListAliases"},
		{name: "no permission to read Function URLs", change: func(f *fakeAWS) { f.pages["/urls"] = []string{"denied"} }, code: 5, want: "lacks the permission lambda:ListFunctionUrlConfigs"},
		{name: "no permission to read event sources", change: func(f *fakeAWS) { f.pages["/2015-03-31/event-source-mappings"] = []string{"denied"} }, code: 5, want: "lacks the permission lambda:ListEventSourceMappings"},
		{name: "no permission to read stages", change: func(f *fakeAWS) { f.pages["/stages"] = []string{"denied"} }, code: 5, want: "lacks the permission apigateway:GET"},
		{name: "no permission to read an authorizer", change: func(f *fakeAWS) { f.pages["/authorizers/j"] = []string{"denied"} }, code: 5, want: `the authorizer "j": the caller lacks the permission apigateway:GET`},
		{name: "a type that is not known", change: func(f *fakeAWS) {
			f.pages["/routes"] = []string{page(0, strings.Replace(liveMe, `"JWT"`, `"OPEN"`, 1))}
		}, code: 3, want: `unknown authorization type "OPEN"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := newFakeAWS()
			if test.change != nil {
				test.change(fake)
			}
			server := httptest.NewServer(fake)
			defer server.Close()
			t.Setenv("AWS_ENDPOINT_URL", server.URL)
			code, stdout, stderr := runDrift(append([]string{"-api-id", "a1", "-manifest", manifest}, test.args...)...)
			got := stdout
			if test.code == 3 {
				got = stderr
				if strings.Count(stderr, "\n") != 1 || stdout != "" {
					t.Errorf("standard output %q, standard error %q", stdout, stderr)
				}
			}
			if code != test.code || !strings.Contains(got, test.want) {
				t.Errorf("exit code %d, want %d; want %q\n%s%s", code, test.code, test.want, stdout, stderr)
			}
			if test.code != 3 && (stderr != "" || !strings.Contains(stdout, "the function was built from this manifest (-token asks it)")) {
				t.Errorf("standard error is %q, and nothing is said of the function's manifest:\n%s", stderr, stdout)
			}
		})
	}
}

// What AWS cannot be asked without is said in one line.
func TestDriftLiveWithoutSettings(t *testing.T) {
	manifest := writeFile(t, "routes.yaml", liveManifest)
	server := httptest.NewServer(newFakeAWS())
	address := server.URL
	server.Close() // nobody listens any more
	for _, test := range []struct {
		name, value, want string
	}{
		{"AWS_REGION", "", "no region is set: set AWS_REGION"},
		{"AWS_ACCESS_KEY_ID", "", "credentials"},
		{"AWS_ENDPOINT_URL", address, "connection refused"},
		{"AWS_PROFILE", "nobody", "nobody"},
	} {
		t.Run(test.name, func(t *testing.T) {
			useAWS(t, address)
			t.Setenv("AWS_DEFAULT_REGION", "")
			if test.name == "AWS_ACCESS_KEY_ID" {
				t.Setenv("AWS_SECRET_ACCESS_KEY", "")
			}
			t.Setenv(test.name, test.value)
			code, stdout, stderr := runDrift("-api-id", "a1", "-manifest", manifest)
			if code != 3 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
		})
	}
}

// The function tells which manifest it was built from, to those who may ask.
func TestDriftDigest(t *testing.T) {
	manifest := writeFile(t, "routes.yaml", liveManifest)
	table, _ := route.Load("routes.yaml", []byte(liveManifest), nil)
	const token = "e30.e30.c2VjcmV0"
	tokenFile := writeFile(t, "token", "  "+token+"\n")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirection was followed, with the token %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()

	right := fmt.Sprintf(`{"manifest_digest": %q, "routes": []}`, table.Digest())
	other := fmt.Sprintf(`{"manifest_digest": %q}`, strings.Repeat("0", 64))
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); r.Method != "GET" || got != "Bearer "+token {
				t.Errorf("%s with authorization %q", r.Method, got)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		stage   string
		env     string
		token   string
		code    int
		want    string
	}{
		{name: "the same", handler: answer(200, right), code: 0, want: "0 missing; the function was built from this manifest\n"},
		{name: "behind a stage", handler: answer(200, right), stage: "mvp", code: 0, want: "0 exposed"},
		{name: "behind a stage of the environment", handler: answer(200, right), env: "mvp", code: 0, want: "0 exposed"},
		{name: "behind no stage", handler: answer(200, right), stage: "$default", env: "mvp", code: 0, want: "0 exposed"},
		{name: "another", handler: answer(200, other), code: 1, want: "MANIFEST  the function was built from another manifest\n  its digest is 0000"},
		{name: "not told", handler: answer(200, `{"routes": []}`), code: 3, want: `without a "manifest_digest"`},
		{name: "no JSON", handler: answer(200, "<html>"), code: 3, want: "no JSON that could be read"},
		{name: "refused", handler: answer(403, `{"message":"Forbidden"}`), code: 3, want: "answers 403 Forbidden"},
		{name: "too much", handler: answer(200, strings.Repeat(" ", maxSiteMap+1)), code: 3, want: "answers too much"},
		{name: "a redirection", handler: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, code: 3, want: "answers 307"},
		{name: "no token", handler: answer(200, right), token: writeFile(t, "token", "\n"), code: 3, want: "holds no token"},
		{name: "something else", handler: answer(200, right), token: writeFile(t, "token", "a\nb"), code: 3, want: "holds something else than one token"},
		{name: "no file", handler: answer(200, right), token: "missing", code: 3, want: "open missing"},
		{name: "with Bearer", handler: answer(200, right), token: writeFile(t, "token", "Bearer "+token), code: 0, want: "0 exposed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux := http.NewServeMux()
			fake := newFakeAWS()
			for _, path := range []string{"/v2/", "/2015-03-31/", "/2021-10-31/"} {
				mux.Handle(path, fake)
			}
			prefix := test.stage
			if prefix == "" {
				prefix = test.env
			}
			if prefix = strings.Trim(prefix, "$"); prefix == "default" {
				prefix = ""
			} else if prefix != "" {
				prefix = "/" + prefix
			}
			mux.HandleFunc(prefix+"/map", test.handler)
			server := httptest.NewServer(mux)
			defer server.Close()
			fake.api = fmt.Sprintf(`{"apiId": "a1", "protocolType": "HTTP", "apiEndpoint": %q}`, server.URL)
			useAWS(t, server.URL)
			t.Setenv("AWS_API_GW_STAGE_NAME", test.env)
			args := []string{"-api-id", "a1", "-manifest", manifest, "-token", tokenFile}
			if test.token != "" {
				args[5] = test.token
			}
			if test.stage != "" {
				args = append(args, "-stage", test.stage)
			}
			code, stdout, stderr := runDrift(args...)
			got := stdout
			if test.code == 3 {
				got = stderr
			}
			if code != test.code || !strings.Contains(got, test.want) {
				t.Errorf("exit code %d, want %d; want %q\n%s%s", code, test.code, test.want, stdout, stderr)
			}
			if strings.Contains(stdout+stderr, token) {
				t.Errorf("the token is printed:\n%s%s", stdout, stderr)
			}
		})
	}
}

// The function can be asked beside any source, where it is said where it is.
// A token goes nowhere where it could be read on the way.
func TestDriftDigestBesideFiles(t *testing.T) {
	useAWS(t, "http://127.0.0.1:1")
	manifest := writeFile(t, "routes.yaml", liveManifest)
	routes := writeFile(t, "routes.json", `{"Items": [`+liveHC+`, `+liveMe+`, `+strings.Replace(liveMap, "i2", "i1", 1)+`]}`)
	token := writeFile(t, "token", "secret")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/base/map" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		fmt.Fprint(w, `{"manifest_digest": "other"}`)
	}))
	defer server.Close()
	authorizers, integrations := writeFile(t, "a.json", `{"Items": [`+liveJWT+`]}`), writeFile(t, "i.json", `{"Items": [`+liveCall+`]}`)
	code, stdout, stderr := runDrift("-manifest", manifest, "-routes", routes, "-authorizers", authorizers, "-integrations", integrations, "-token", token, "-endpoint", server.URL+"/base/", "-json")
	var printed struct {
		Function struct {
			ManifestDigest string `json:"manifest_digest"`
			Want           string
			Same           bool
		}
	}
	if err := json.Unmarshal([]byte(stdout), &printed); err != nil || code != 5 || printed.Function.ManifestDigest != "other" || printed.Function.Same || len(printed.Function.Want) != 64 {
		t.Errorf("exit code %d, error %v\n%s%s", code, err, stdout, stderr)
	}
	for endpoint, want := range map[string]string{
		"http://api.example.com":    "does not start with https://",
		"http://127.0.0.1.evil.com": "does not start with https://",
		"ftp://127.0.0.1":           "does not start with https://",
		"api.example.com":           "not of the form",
		"https://a:b@example.com":   "not of the form",
		"https://example.com?x=y":   "not of the form",
		"https://exa mple.com":      "is no URL",
		"http://127.0.0.1:1":        "connection refused",
	} {
		code, stdout, stderr := runDrift("-manifest", manifest, "-routes", routes, "-token", token, "-endpoint", endpoint)
		if code != 3 || stdout != "" || !strings.Contains(stderr, want) || strings.Contains(stderr, "secret") {
			t.Errorf("%s: exit code %d\n%s%s", endpoint, code, stdout, stderr)
		}
	}
	without := writeFile(t, "routes.yaml", "version: 1\nroutes: [{path: '/{x}', method: GET, handler: site_map}, {path: /hc, method: POST, handler: health_check}]\n")
	if code, _, stderr := runDrift("-manifest", without, "-routes", routes, "-token", token, "-endpoint", server.URL); code != 3 || !strings.Contains(stderr, `no route with the handler "site_map"`) {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// What cannot be written was not compared.
func TestDriftOutputFails(t *testing.T) {
	useAWS(t, "")
	manifest := writeFile(t, "routes.yaml", liveManifest)
	routes := writeFile(t, "routes.json", `{"Items": [`+liveHC+`]}`)
	for _, args := range [][]string{{"drift"}, {"drift", "-json"}} {
		var stderr strings.Builder
		if code := run(append(args, "-manifest", manifest, "-routes", routes), nil, &limitedWriter{}, &stderr); code != exitError || stderr.Len() == 0 {
			t.Errorf("%v: exit code %d, want %d; standard error %q", args, code, exitError, stderr.String())
		}
	}
}

// Ten thousand routes take a few seconds, most of which the manifest and the
// file take. Logged only: machines differ.
func TestDriftOfManyRoutes(t *testing.T) {
	useAWS(t, "")
	for _, n := range []int{300, 10000} {
		if n > 300 && testing.Short() {
			continue
		}
		var manifest, routes strings.Builder
		manifest.WriteString("version: 1\nroutes:\n")
		routes.WriteString(`{"Items": [`)
		for i := range n {
			fmt.Fprintf(&manifest, "  - {path: '/v1/r%d/{id}/s%d', method: GET, handler: whoami, name: n%d, groups: [G%d], scopes: [s%d]}\n", i/10, i%10, i, i%40, i%7)
			fmt.Fprintf(&routes, `{"RouteId": "r%d", "RouteKey": "GET /v1/r%d/{id}/s%d", "AuthorizationType": "NONE", "Target": "integrations/i"},`, i, i/10, i%10)
		}
		list := strings.TrimSuffix(routes.String(), ",") + "]}"
		start := time.Now()
		code, stdout, stderr := runDrift("-manifest", writeFile(t, "routes.yaml", manifest.String()), "-routes", writeFile(t, "routes.json", list),
			"-integrations", writeFile(t, "i.json", `{"Items": [`+strings.Replace(liveCall, "i1", "i", 1)+`]}`))
		if want := fmt.Sprintf("%d exposed, 2 unknown, %d blocked, 0 orphans, 0 missing\n", n, n); code != 4 || !strings.HasSuffix(stdout, want) {
			t.Errorf("exit code %d, want %q\n%.300s%.300s", code, want, stdout[max(0, len(stdout)-200):], stderr)
		}
		t.Logf("%d routes: %v", n, time.Since(start).Round(time.Millisecond))
	}
}
