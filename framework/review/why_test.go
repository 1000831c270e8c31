package review

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	random "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

// randomManifest writes a manifest of a few routes over few segments, which may
// clash.
func randomManifest(r *random.Rand) []byte {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var b strings.Builder
	b.WriteString("version: 1\nroutes:\n")
	for i := range 1 + r.IntN(5) {
		path := ""
		for range r.IntN(3) {
			path += "/" + pick("a", "b", "{x"+fmt.Sprint(strings.Count(path, "/"))+"}")
		}
		if path == "" || r.IntN(5) == 0 {
			path += "/" + pick("a", "{rest+}")
		}
		fmt.Fprintf(&b, "  - {method: %s, path: '%s', handler: h%d", pick("GET", "GET", "POST", "ANY"), path, i)
		switch r.IntN(5) {
		case 0:
			b.WriteString(", public: true")
		case 1:
			b.WriteString(", auth: iam")
		default:
			b.WriteString(pick("", ", groups: [A]", ", groups: [A, B]"))
			b.WriteString(pick("", "", ", scopes: [s]", ", scopes: [s, t]"))
		}
		b.WriteString("}\n")
	}
	return []byte(b.String())
}

// newService makes a function, whose handlers say their names, and its table.
func newService(src []byte) (*framework.App, *route.Table, error) {
	handlers := framework.Handlers{}
	for i := range 5 {
		name := fmt.Sprintf("h%d", i)
		handlers[name] = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }
	}
	app, err := framework.New(src, handlers, framework.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	table, _ := route.Load("routes.yaml", src, nil)
	return app, table, nil
}

// paths are sent as they stand. Some decode to others.
var paths = []string{"/", "/a", "/b", "/c", "/a/b", "/a%2Fb", "/%61", "/a/c/", "//a//b", "/b/a/c", "/a/b/c/d", "/a%20c", "/c/c%2Fc", "/a/..", "/b%2f%2e%2Fc"}

var callersOfTables = callersOf([]string{"A", "C"}, []string{"s"})

// eventOf is the event in which a gateway hands on a request, by its route, and
// a caller whom it vouches for.
func eventOf(t testing.TB, method, path, key string, params map[string]string, c route.Caller) []byte {
	t.Helper()
	type object = map[string]any
	authorizer := object{}
	switch c.Auth {
	case route.JWT:
		claims := object{"iss": "https://issuer", "sub": "me", "exp": "4102444800", "scope": strings.Join(c.Principal.Scopes, " ")}
		if len(c.Principal.Groups) > 0 {
			claims["groups"] = "[" + strings.Join(c.Principal.Groups, " ") + "]"
		}
		authorizer["jwt"] = object{"claims": claims}
	case route.IAM:
		authorizer["iam"] = object{"userArn": "arn:aws:iam::123456789012:user/me"}
	}
	payload, err := json.Marshal(object{
		"version": "2.0", "routeKey": key, "rawPath": path, "pathParameters": params, "headers": object{},
		"requestContext": object{"http": object{"method": method, "path": path}, "stage": "$default", "authorizer": authorizer},
	})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// said is what a function answered: the handler that ran, or the code of the
// refusal.
func said(t testing.TB, answer []byte) (status int, text string) {
	t.Helper()
	var a struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatal(err)
	}
	var problem struct{ Code string }
	if json.Unmarshal([]byte(a.Body), &problem) == nil {
		return a.StatusCode, problem.Code
	}
	return a.StatusCode, a.Body
}

// What Why says the function says, or would say, is what the function says to
// the event of that request; and asked about that event, it says the same.
func TestWhyIsWhatTheFunctionDoes(t *testing.T) {
	t.Parallel()
	r := random.New(random.NewPCG(1, 2))
	tables, asked, allowed := 0, 0, 0
	for tables < 25 {
		src := randomManifest(r)
		app, table, err := newService(src)
		if err != nil {
			continue // its routes clash
		}
		tables++
		for _, path := range paths {
			decoded, err := url.PathUnescape(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, method := range []string{"GET", "HEAD", "POST"} {
				chosen, params := gateway.Match(table, method, path)
				for _, c := range callersOfTables {
					key, vouched := "$default", route.Caller{}
					if chosen != nil {
						key, vouched = chosen.Key(), c.Behind(chosen.Access)
					}
					payload := eventOf(t, method, decoded, key, params, vouched)
					answer, err := app.Invoke(context.Background(), payload)
					if err != nil {
						t.Fatal(err)
					}
					status, text := said(t, answer)
					where := fmt.Sprintf("%s\n%s %s as %s: the function says %d %s", src, method, path, Describe(c), status, text)

					x := Why(table, Question{Method: method, Path: path, Caller: c})
					if got := x.Function; got.Allowed != (status == 200) || got.Reason.Status() != status && method != "HEAD" {
						t.Fatalf("%s, Why %+v", where, got)
					}
					if x.Allowed != (x.Function.Allowed && chosen != nil) || x.Asked && x.Reason != x.Function.Reason {
						t.Fatalf("%s, Why allowed %v %s, function %v", where, x.Allowed, x.Reason, x.Function)
					}
					if text != "" && text != string(x.Function.Reason) && text != x.Function.Route.Handler {
						t.Fatalf("%s, Why %s", where, x.Reason)
					}
					if last := x.Steps[len(x.Steps)-1]; last.Passed != x.Allowed {
						t.Fatalf("%s, Why's last step %+v", where, last)
					}

					event, err := apigw.Decode(payload)
					if err != nil {
						t.Fatal(err)
					}
					y := Why(table, Question{Event: event, Caller: framework.CallerFrom(event, nil)})
					if y.Allowed != x.Function.Allowed || y.Reason != x.Function.Reason || y.Route != x.Function.Route {
						t.Fatalf("%s, Why of the event %v %s by %v", where, y.Allowed, y.Reason, y.Route)
					}
					asked++
					if x.Allowed {
						allowed++
					}
				}
			}
		}
	}
	t.Logf("%d tables, %d questions, %d allowed", tables, asked, allowed)
	if allowed < asked/20 || allowed > asked*19/20 {
		t.Errorf("%d of %d are allowed: that shows nothing", allowed, asked)
	}
}

// A request that is sent through the gateway with a real token is answered by
// whom Why says, with the status that Why says. What it says of IAM callers the
// gateway on localhost cannot show, since it refuses them all.
func TestWhyIsWhatTheGatewayDoes(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	}))
	t.Cleanup(keys.Close)
	authorizer, err := gateway.NewAuthorizer(gateway.AuthorizerOptions{Issuer: "https://issuer", Audiences: []string{"api"}, KeysURI: keys.URL})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	token := func(c route.Caller, exp time.Time) string {
		claims, err := json.Marshal(map[string]any{
			"iss": "https://issuer", "aud": "api", "exp": exp.Unix(), "sub": "me",
			"groups": append([]string{}, c.Principal.Groups...), "scope": strings.Join(c.Principal.Scopes, " "),
		})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	type sender struct {
		c              route.Caller
		token, refused string
	}
	senders := []sender{{}}
	for _, c := range callersOfTables {
		if c.Auth == route.JWT {
			senders = append(senders, sender{c: c, token: token(c, time.Now().Add(time.Hour))})
		}
	}
	old := token(senders[len(senders)-1].c, time.Now().Add(-time.Hour))
	_, refused, err := gateway.Inspect(old, time.Now())
	if err != nil || refused == nil {
		t.Fatalf("an old token is not refused: %v, %v", refused, err)
	}
	senders = append(senders, sender{senders[len(senders)-1].c, old, refused.Reason})

	r := random.New(random.NewPCG(3, 4))
	seen := make(map[string]int)
	for tables := 0; tables < 15; {
		src := randomManifest(r)
		app, table, err := newService(src)
		if err != nil {
			continue
		}
		tables++
		var last gateway.Exchange
		g := gateway.New(table, app, gateway.Options{Authorizer: authorizer, Observe: func(x gateway.Exchange) { last = x }})
		for _, path := range paths {
			for _, method := range []string{"GET", "POST"} {
				for _, s := range senders {
					req := httptest.NewRequest(method, path, nil)
					if s.token != "" {
						req.Header.Set("Authorization", "Bearer "+s.token)
					}
					w := httptest.NewRecorder()
					g.ServeHTTP(w, req)
					x := Why(table, Question{Method: method, Path: path, Caller: s.c, Refused: s.refused})
					if w.Code != x.Status || last.By != x.By || last.Route != x.Route {
						t.Fatalf("%s\n%s %s as %s (%s): the %s says %d by %v; Why: the %s, %d by %v", src, method, path, Describe(s.c), s.refused,
							last.By, w.Code, last.Route, x.By, x.Status, x.Route)
					}
					if x.Allowed && w.Body.String() != x.Route.Handler || !x.Allowed && x.Asked && !bytes.Contains(w.Body.Bytes(), []byte(`"`+x.Reason+`"`)) {
						t.Fatalf("%s\n%s %s: %s; Why: %s", src, method, path, w.Body, x.Reason)
					}
					seen[fmt.Sprintf("%s %d", x.By, x.Status)]++
				}
			}
		}
	}
	t.Log(seen)
	want := []string{"function 200", "function 400", "function 401", "function 403", "gateway 401", "gateway 403", "gateway 404"}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("outcomes %q, want %q", got, want)
	}
}

// Whatever is in a token is shown as text, and not more of it than one reads.
func TestDescribeToken(t *testing.T) {
	t.Parallel()
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprintf("g%d", i)
	}
	for _, test := range []struct {
		c    route.Caller
		want string
	}{
		{Token([]string{"staff admin", "a,b", "\x1b[31m", "", "café"}, nil), `a token with groups "staff admin", "a,b", "\x1b[31m", "", café`},
		{Token(many, nil), "a token with groups g0, g1, g2, g3, g4, g5, g6, g7, 292 more"},
		{route.Caller{Auth: route.JWT, Principal: route.Principal{Subject: "me\n"}}, `a token, sub "me\n"`},
		{route.Caller{Auth: route.IAM, Principal: route.Principal{Subject: "arn:aws:iam::1:user/me"}}, "an IAM caller, arn:aws:iam::1:user/me"},
		{route.Caller{}, "nobody"},
	} {
		if got := describe(test.c); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	step := Step{Check: route.CheckGroups}
	if got, want := held(step, Token(many, nil)), "; the caller has g0, g1, g2, g3, g4, g5, g6, g7, 292 more"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// bigTable has n routes.
func bigTable(tb testing.TB, n int) *route.Table {
	tb.Helper()
	var b strings.Builder
	b.WriteString("version: 1\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {method: GET, path: '/v1/service%d/{id}/item%d', handler: h, name: n%d, groups: [A%d]}\n", i/10, i%10, i, i%50)
	}
	table, report := route.Load("routes.yaml", []byte(b.String()), nil)
	if err := report.Err(); err != nil {
		tb.Fatal(err)
	}
	return table
}

func BenchmarkWhy(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		table := bigTable(b, n)
		for name, path := range map[string]string{"route": "/v1/service7/42/item3", "no_route": "/v1/service7/42/itm3"} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					Why(table, Question{Method: "GET", Path: path, Caller: Token([]string{"B"}, nil)})
				}
			})
		}
	}
}
