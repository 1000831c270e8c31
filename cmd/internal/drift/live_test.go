package drift_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/routegate/routegate/cmd/internal/drift"
)

// useAWS lets the SDK find nothing but an endpoint, a region and credentials that mean
// nothing.
func useAWS(t *testing.T, endpoint string) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_MAX_ATTEMPTS": "1",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
	} {
		t.Setenv(name, value)
	}
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "") // restores the variable at the end
		os.Unsetenv(name)
	}
}

// A fakeAWS gives AWS's answers for paths. Each path without an answer is a thing that
// AWS does not have.
type fakeAWS struct {
	answers map[string]string // by path, with "?Qualifier=x" if there is one
	mu      sync.Mutex
	denied  string // a path for which the caller has no permission
	asked   []string
}

func (f *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := r.URL.Path
	for _, name := range []string{"Qualifier", "FunctionName", "nextToken", "Marker"} {
		if value := r.URL.Query().Get(name); value != "" {
			path += "?" + name + "=" + value
		}
	}
	f.asked = append(f.asked, path)
	w.Header().Set("Content-Type", "application/json")
	switch answer, ok := f.answers[path]; {
	case path == f.denied:
		w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"message": "User is not authorized"}`))
	case ok:
		_, _ = w.Write([]byte(answer))
	case strings.Contains(path, "/functions/"):
		w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"Message": "not found"}`))
	default:
		w.Header().Set("X-Amzn-ErrorType", "NotFoundException")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"message": "Invalid API identifier specified"}`))
	}
}

const (
	usersARN     = "arn:aws:lambda:eu-west-1:123456789012:function:users"
	usersPath    = "/2015-03-31/functions/" + usersARN
	mappingsPath = "/2015-03-31/event-source-mappings?FunctionName=" + usersARN
)

// statement is one of a resource policy, as lambda add-permission writes it.
func statement(sid, principal, action, condition string) string {
	if condition == "" {
		condition = "{}"
	}
	return `{"Sid":"` + sid + `","Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `","Resource":"` + usersARN + `","Condition":` + condition + `}`
}

func service(name string) string { return `{"Service":"` + name + `"}` }

func sourceARN(arn string) string { return `{"ArnLike":{"AWS:SourceArn":"` + arn + `"}}` }

func policy(statements ...string) string {
	text, _ := json.Marshal(`{"Version":"2012-10-17","Id":"default","Statement":[` + strings.Join(statements, ",") + `]}`)
	return `{"Policy":` + string(text) + `,"RevisionId":"1"}`
}

const own = "arn:aws:execute-api:eu-west-1:123456789012:a1/*/*"

// newFakeAWS has an API with one JWT route to the function users, whose policy lets
// only that API in.
func newFakeAWS() *fakeAWS {
	return &fakeAWS{answers: map[string]string{
		"/v2/apis/a1":                                 `{"apiId":"a1","protocolType":"HTTP","apiEndpoint":"https://a1.execute-api.eu-west-1.amazonaws.com"}`,
		"/v2/apis/a1/routes":                          `{"items":[{"routeId":"r1","routeKey":"GET /me","authorizationType":"JWT","authorizerId":"j1","target":"integrations/i1"}]}`,
		"/v2/apis/a1/integrations":                    `{"items":[{"integrationId":"i1","integrationType":"AWS_PROXY","integrationUri":"` + usersARN + `","payloadFormatVersion":"2.0"}]}`,
		"/v2/apis/a1/stages":                          `{"items":[{"stageName":"$default","autoDeploy":true}]}`,
		"/v2/apis/a1/authorizers/j1":                  `{"authorizerId":"j1","name":"jwt","authorizerType":"JWT","identitySource":["$request.header.Authorization"],"jwtConfiguration":{"issuer":"https://issuer.example/","audience":["users-app"]}}`,
		"/v2/domainnames":                             `{"items":[]}`,
		usersPath + "/aliases":                        `{"Aliases":[]}`,
		usersPath + "/policy":                         policy(statement("api", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", sourceARN(own))),
		mappingsPath:                                  `{"EventSourceMappings":[]}`,
		"/2021-10-31/functions/" + usersARN + "/urls": `{"FunctionUrlConfigs":[]}`,
	}}
}

func readLive(t *testing.T, f *fakeAWS, opts drift.ReadOptions) (*drift.Live, error) {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	useAWS(t, server.URL)
	opts.API = "a1"
	return drift.ReadLive(context.Background(), opts)
}

// dumpLive is dump for what AWS says.
func dumpLive(live *drift.Live, err error) string {
	if err != nil {
		return dump(nil, err)
	}
	return dump(live.Deployment, nil)
}

// Each file of testdata/live is what is read when AWS has something besides the API.
func TestReadLive(t *testing.T) {
	for name, test := range map[string]struct {
		answers map[string]string
		opts    drift.ReadOptions
	}{
		"plain": {},
		"doors": {answers: map[string]string{
			usersPath + "/aliases": `{"Aliases":[{"Name":"live"},{"Name":"beta"},{"Name":"old"}]}`,
			usersPath + "/policy": policy(
				statement("api", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", sourceARN(own)),
				statement("everybody", `"*"`, "lambda:InvokeFunction", ""),
				statement("account", `{"AWS":["arn:aws:iam::999999999999:root","*"]}`, "lambda:*", ""),
				statement("any-api", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", ""),
				statement("any-api-of-account", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:execute-api:eu-west-1:123456789012:*")),
				statement("not-an-api", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:s3:::bucket")),
				statement("second", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:execute-api:eu-west-1:123456789012:a2/*/*")),
				statement("second-again", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:execute-api:eu-west-1:123456789012:a2/*/GET/x")),
				statement("chat", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:execute-api:eu-west-1:123456789012:w1/*/*")),
				statement("rest", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:execute-api:eu-west-1:123456789012:r1/*/*")),
				statement("own-by-anybody", `"*"`, "lambda:InvokeFunction", sourceARN(own)),
				statement("topic", service("sns.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:sns:eu-west-1:123456789012:orders")),
				statement("rule", service("events.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:events:eu-west-1:123456789012:rule/warm")),
				statement("any-rule", service("events.amazonaws.com"), "lambda:InvokeFunction", ""),
				statement("stranger", service("new.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:new:eu-west-1:123456789012:x")),
				statement("url", `"*"`, "lambda:InvokeFunctionUrl", `{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`),
				statement("via-url", `"*"`, "lambda:InvokeFunction", `{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}`),
				statement("not-via-url", `"*"`, "lambda:InvokeFunction", `{"BoolIfExists":{"lambda:InvokedViaFunctionUrl":"true"}}`),
				statement("in-the-organization", `"*"`, "lambda:InvokeFunction", `{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`),
				statement("reader", `"*"`, "lambda:GetFunction", ""),
				`{"Sid":"deny","Effect":"Deny","Principal":"*","Action":"lambda:InvokeFunction","Resource":"*"}`,
				`{"Sid":"not","Effect":"Allow","NotPrincipal":{"AWS":"123456789012"},"NotAction":"lambda:GetFunction","Resource":"*"}`,
			),
			usersPath + "/policy?Qualifier=beta":                   policy(statement("devices", service("iot.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:iot:eu-west-1:123456789012:rule/all"))),
			mappingsPath:                                           `{"EventSourceMappings":[{"UUID":"e1","EventSourceArn":"arn:aws:sqs:eu-west-1:123456789012:orders"}]}`,
			mappingsPath + ":live":                                 `{"EventSourceMappings":[{"UUID":"e2","EventSourceArn":"arn:aws:sqs:eu-west-1:123456789012:users"}]}`,
			mappingsPath + ":beta":                                 `{"EventSourceMappings":[]}`,
			mappingsPath + ":old":                                  `{"EventSourceMappings":[]}`,
			"/2021-10-31/functions/" + usersARN + "/urls":          `{"FunctionUrlConfigs":[{"FunctionArn":"` + usersARN + `","FunctionUrl":"https://u1/","AuthType":"NONE"}],"NextMarker":"2"}`,
			"/2021-10-31/functions/" + usersARN + "/urls?Marker=2": `{"FunctionUrlConfigs":[{"FunctionArn":"` + usersARN + `:live","FunctionUrl":"https://u2/","AuthType":"AWS_IAM"}]}`,
			"/v2/apis/a2":                                          `{"apiId":"a2","protocolType":"HTTP"}`,
			"/v2/apis/a2/routes":                                   `{"items":[{"routeId":"n","routeKey":"GET /n","authorizationType":"NONE","target":"integrations/i"},{"routeId":"j","routeKey":"GET /j","authorizationType":"JWT","target":"integrations/i"},{"routeId":"h","routeKey":"GET /h","target":"integrations/h"},{"routeId":"s","routeKey":"GET /s","target":"integrations/s"},{"routeId":"o","routeKey":"GET /o"}]}`,
			"/v2/apis/a2/integrations":                             `{"items":[{"integrationId":"i","integrationType":"AWS_PROXY","integrationUri":"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/` + usersARN + `:live/invocations"},{"integrationId":"h","integrationType":"HTTP_PROXY","integrationUri":"https://legacy.example/"},{"integrationId":"s","integrationType":"AWS_PROXY","integrationUri":"arn:aws:lambda:eu-west-1:123456789012:function:${stageVariables.f}"}]}`,
			"/v2/apis/a2/stages":                                   `{"items":[]}`,
			"/v2/apis/w1":                                          `{"apiId":"w1","protocolType":"WEBSOCKET"}`,
			"/v2/apis/w1/routes":                                   `{"items":[{"routeId":"p","routeKey":"proxy","authorizationType":"NONE","target":"integrations/p"},{"routeId":"a","routeKey":"raw","authorizationType":"AWS_IAM","target":"integrations/a"}]}`,
			"/v2/apis/w1/integrations":                             `{"items":[{"integrationId":"p","integrationType":"AWS_PROXY","integrationUri":"` + usersARN + `"},{"integrationId":"a","integrationType":"AWS","integrationUri":"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/` + usersARN + `/invocations"}]}`,
			"/v2/apis/w1/stages":                                   `{"items":[]}`,
			"/v2/domainnames":                                      `{"items":[{"domainName":"api.example.com"}]}`,
			"/v2/domainnames/api.example.com/apimappings":          `{"items":[{"apiId":"a1","apiMappingKey":"v1"}]}`,
		}},
		"elsewhere": {answers: map[string]string{
			"/v2/apis/a1/integrations": `{"items":[{"integrationId":"i1","integrationType":"HTTP_PROXY","integrationUri":"https://legacy.example/"}]}`,
		}},
		"two-functions": {answers: map[string]string{
			"/v2/apis/a1/routes":       `{"items":[{"routeId":"r1","routeKey":"GET /me","target":"integrations/i1"},{"routeId":"r2","routeKey":"GET /other","target":"integrations/i2"}]}`,
			"/v2/apis/a1/integrations": `{"items":[{"integrationId":"i1","integrationType":"AWS_PROXY","integrationUri":"` + usersARN + `"},{"integrationId":"i2","integrationType":"AWS_PROXY","integrationUri":"arn:aws:lambda:eu-west-1:123456789012:function:other"}]}`,
		}},
		"two-functions-and-a-name": {opts: drift.ReadOptions{Function: "users"}, answers: map[string]string{
			"/v2/apis/a1/routes":       `{"items":[{"routeId":"r1","routeKey":"GET /me","target":"integrations/i1"},{"routeId":"r2","routeKey":"GET /other","target":"integrations/i2"}]}`,
			"/v2/apis/a1/integrations": `{"items":[{"integrationId":"i1","integrationType":"AWS_PROXY","integrationUri":"` + usersARN + `"},{"integrationId":"i2","integrationType":"AWS_PROXY","integrationUri":"arn:aws:lambda:eu-west-1:123456789012:function:other"}]}`,
		}},
		"stage-variables": {answers: map[string]string{
			"/v2/apis/a1/integrations": `{"items":[{"integrationId":"i1","integrationType":"AWS_PROXY","integrationUri":"arn:aws:lambda:eu-west-1:123456789012:function:${stageVariables.f}:${stageVariables.alias}"}]}`,
			"/v2/apis/a1/stages":       `{"items":[{"stageName":"$default","autoDeploy":false,"stageVariables":{"f":"users","alias":"live"}},{"stageName":"beta","autoDeploy":true,"stageVariables":{"f":"users","alias":"beta"}}]}`,
			usersPath + "/aliases":     `{"Aliases":[{"Name":"live"},{"Name":"beta"},{"Name":"old"}]}`,
			mappingsPath + ":live":     `{"EventSourceMappings":[]}`,
			mappingsPath + ":beta":     `{"EventSourceMappings":[]}`,
			mappingsPath + ":old":      `{"EventSourceMappings":[]}`,
		}},
		"no-function": {answers: map[string]string{usersPath + "/aliases": ""}},
		"no-endpoint": {answers: map[string]string{"/v2/apis/a1": `{"apiId":"a1","protocolType":"HTTP","disableExecuteApiEndpoint":true}`}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeAWS()
			for path, answer := range test.answers {
				fake.answers[path] = answer
				if answer == "" {
					delete(fake.answers, path)
				}
			}
			golden(t, filepath.Join("testdata/live", name+".txt"), dumpLive(readLive(t, fake, test.opts)))
		})
	}
}

// Whatever AWS refuses to tell is a Gap that names the permission. Only without the
// routes there is nothing to compare.
func TestReadLiveDenied(t *testing.T) {
	whole := newFakeAWS()
	whole.answers[usersPath+"/aliases"] = `{"Aliases":[{"Name":"live"}]}`
	whole.answers[mappingsPath+":live"] = `{"EventSourceMappings":[]}`
	whole.answers["/v2/domainnames"] = `{"items":[{"domainName":"api.example.com"}]}`
	whole.answers["/v2/domainnames/api.example.com/apimappings"] = `{"items":[]}`
	whole.answers[usersPath+"/policy"] = policy(statement("second", service("apigateway.amazonaws.com"), "lambda:InvokeFunction", sourceARN("arn:aws:execute-api:eu-west-1:123456789012:a2/*/*")))
	for _, name := range []string{"", "/routes", "/integrations", "/stages"} {
		whole.answers["/v2/apis/a2"+name] = strings.ReplaceAll(whole.answers["/v2/apis/a1"+name], "a1", "a2")
	}
	if _, err := readLive(t, whole, drift.ReadOptions{}); err != nil {
		t.Fatal(err)
	}
	paths := slices.Compact(slices.Sorted(slices.Values(whole.asked)))
	if len(paths) < 14 {
		t.Fatalf("only %d things were asked: %q", len(paths), paths)
	}
	actions := map[string]string{
		"/aliases": "lambda:ListAliases", "/policy": "lambda:GetPolicy", "/policy?Qualifier=live": "lambda:GetPolicy", "/urls": "lambda:ListFunctionUrlConfigs",
	}
	for _, path := range paths {
		t.Run(strings.ReplaceAll(path, "/", "_"), func(t *testing.T) {
			want := "apigateway:GET"
			for end, action := range actions {
				if strings.HasSuffix(path, end) {
					want = action
				}
			}
			if strings.Contains(path, "event-source") {
				want = "lambda:ListEventSourceMappings"
			}
			fake := &fakeAWS{answers: whole.answers, denied: path}
			live, err := readLive(t, fake, drift.ReadOptions{})
			if path == "/v2/apis/a1/routes" {
				if err == nil || !strings.Contains(err.Error(), "the caller lacks the permission apigateway:GET: allow it on arn:aws:apigateway:eu-west-1::/apis/a1/routes") {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			text := dumpLive(live, nil)
			if !strings.Contains(text, "the caller lacks the permission "+want) || !strings.Contains(text, "allow the caller "+want+" on ") {
				t.Errorf("nothing says that %s is missing:\n%s", want, text)
			}
		})
	}
}

// What cannot be compared is an error in one line.
func TestReadLiveRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		path, answer, want string
	}{
		"no API":               {"/v2/apis/a1", "", "AWS answers to GetApi: NotFoundException"},
		"a WebSocket API":      {"/v2/apis/a1", `{"protocolType":"WEBSOCKET"}`, `its protocol is "WEBSOCKET": want an HTTP API`},
		"no items":             {"/v2/apis/a1/routes", `{}`, "its routes: the answer has no items"},
		"a circle":             {"/v2/apis/a1/routes", `{"items":[],"nextToken":"x"}`, "NotFoundException"},
		"another type":         {"/v2/apis/a1/routes", `{"items":[{"routeKey":"GET /a","authorizationType":"OPEN"}]}`, `unknown authorization type "OPEN"`},
		"an integration":       {"/v2/apis/a1/integrations", `{"items":[]}`, `has the integration "i1", which is not among the integrations`},
		"no authorizer":        {"/v2/apis/a1/authorizers/j1", "", "NotFoundException"},
		"a policy that is not": {usersPath + "/policy", `{"Policy":"{"}`, "the function's resource policy: the JSON ends too early"},
		"no JSON":              {"/v2/domainnames", `<html>`, "GetDomainNames"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeAWS()
			fake.answers[test.path] = test.answer
			if test.answer == "" {
				delete(fake.answers, test.path)
			}
			_, err := readLive(t, fake, drift.ReadOptions{})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, test.want)
			}
		})
	}
}

func TestStageURL(t *testing.T) {
	live, err := readLive(t, newFakeAWS(), drift.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for stage, want := range map[string]string{
		"": "https://a1.execute-api.eu-west-1.amazonaws.com", "$default": "https://a1.execute-api.eu-west-1.amazonaws.com",
		"v1": "https://a1.execute-api.eu-west-1.amazonaws.com/v1",
	} {
		if got, err := live.StageURL(stage); err != nil || got != want {
			t.Errorf("stage %q: %q, %v; want %q", stage, got, err, want)
		}
	}
	fake := newFakeAWS()
	fake.answers["/v2/apis/a1"] = `{"apiId":"a1","protocolType":"HTTP","disableExecuteApiEndpoint":true}`
	if live, err = readLive(t, fake, drift.ReadOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := live.StageURL(""); err == nil || !strings.Contains(err.Error(), "give -endpoint") {
		t.Errorf("error %v", err)
	}
}
