package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/routegate/routegate/framework/internal/planted"
)

// What an Exchange says of itself, and what the gateway answers, has nothing in it of
// what a client sends, whatever becomes of the request. Only Event, Answer, Path and
// Query may. A TokenError, which a container logs, is the reason of such a refusal.
func TestSecrets(t *testing.T) {
	t.Parallel()
	s := planted.New()
	clock, i := newClock(), newIssuer(t)
	table := newTable(t, "POST /open public", "POST /token", "POST /scope scopes:users/admin", "POST /signed iam", "GET /files/{p+} public")
	key, other := testKeys()[0], testKeys()[1]
	secret := func(changes claims) claims {
		return i.claims(clock).with(claims{"sub": s.Text("sub"), "groups": []string{s.Text("a group")}, "email": s.Text("email"), "jti": s.Text("jti"), "nested": claims{"street": s.Text("an address")}}).with(changes)
	}
	signed := func(alg jose.SignatureAlgorithm, key any, kid string, changes claims) string {
		return "Bearer " + sign(t, alg, key, kid, secret(changes))
	}
	good := signed(jose.RS256, key, "key-0", nil)
	future := clock.now().Unix() + 1000
	tests := []struct{ name, line, authorization, body, answers string }{
		{"allowed", "POST /token", good, s.Text("the body"), "200"},
		{"public", "POST /open", good, s.Text("the body"), "200"},
		{"a path", "GET /files/" + s.Text("a path variable") + "%3F", good, "", "200"},
		{"no route", "POST /" + s.Text("the path"), good, s.Text("the body"), "404"},
		{"no scope", "POST /scope", good, "", "403"},
		{"no signature", "POST /signed", good, "", "403"},
		{"no token", "POST /token", "", "", "401"},
		{"a password", "POST /token", "Basic " + s.Text("a password"), "", "401"},
		{"another scheme", "POST /token", s.Text("a scheme") + " " + s.Text("what follows it"), "", "401"},
		{"an opaque token", "POST /token", "Bearer " + s.Text("an opaque token"), "", "401"},
		{"parts that are none", "POST /token", "Bearer e30." + s.Text("a part") + ".x", "", "401"},
		{"a half", "POST /token", good[:len(good)/2], "", "401"},
		{"another key", "POST /token", signed(jose.RS256, other, "key-0", nil), "", "401"},
		{"an unknown key", "POST /token", signed(jose.RS256, other, s.Text("kid"), nil), "", "401"},
		{"no kid", "POST /token", signed(jose.RS256, key, "", nil), "", "401"},
		{"a shared secret", "POST /token", signed(jose.HS256, []byte(s.Text("a shared secret")+strings.Repeat("x", 32)), "key-0", nil), "", "401"},
		{"another issuer", "POST /token", signed(jose.RS256, key, "key-0", claims{"iss": "https://" + s.Text("iss")}), "", "401"},
		{"another audience", "POST /token", signed(jose.RS256, key, "key-0", claims{"aud": s.Text("aud")}), "", "401"},
		{"another client", "POST /token", signed(jose.RS256, key, "key-0", claims{"aud": nil, "client_id": s.Text("client_id")}), "", "401"},
		{"expired", "POST /token", signed(jose.RS256, key, "key-0", claims{"exp": 1}), "", "401"},
		{"an exp that is text", "POST /token", signed(jose.RS256, key, "key-0", claims{"exp": s.Text("exp")}), "", "401"},
		{"an iat that is text", "POST /token", signed(jose.RS256, key, "key-0", claims{"iat": s.Text("iat")}), "", "401"},
		{"not yet", "POST /token", signed(jose.RS256, key, "key-0", claims{"nbf": future}), "", "401"},
		{"a claim twice", "POST /token", "Bearer " + signPayload(t, jose.RS256, key, "key-0", []byte(`{"sub":"`+s.Text("once")+`","sub":"`+s.Text("twice")+`"}`)), "", "401"},
		{"no JSON", "POST /token", "Bearer " + signPayload(t, jose.RS256, key, "key-0", []byte(s.Text("no JSON"))), "", "401"},
		{"another form of bearer", "POST /token", "bEARER " + good[len("Bearer "):], "", "200"},
		{"a preflight", "OPTIONS /token", good, "", "204"},
		{"too long", "POST /open", "Bearer " + strings.Repeat(s.Text("a long token"), 500), "", "431"},
	}
	functions := map[string]Function{
		"answers": says(`{"statusCode":200}`),
		"fails": functionFunc(func(context.Context, []byte) ([]byte, error) {
			return nil, errors.New("the function's own word")
		}),
		"nonsense": functionFunc(func(_ context.Context, event []byte) ([]byte, error) {
			return []byte(`{"statusCode":"` + s.Text("a status") + `","headers":{"a":7},"body":"` + s.Text("an answer") + `"}`), nil
		}),
	}
	for name, f := range functions {
		l := serve(t, table, f, Options{Authorizer: i.authorizer(t, clock), CORS: openCORS()})
		for _, test := range tests {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				head := request(test.line+"?token="+s.Text("the query"), "Cookie: session="+s.Text("a cookie"), "X-Api-Key: "+s.Text("a header"), "User-Agent: "+s.Text("the user agent"),
					"Origin: https://"+s.Text("the origin"), "Access-Control-Request-Method: POST", "Content-Type: text/plain; x="+s.Text("the content type"),
					"X-Amzn-Trace-Id: Root="+s.Text("the trace"), "Authorization: "+test.authorization, fmt.Sprint("Content-Length: ", len(test.body)))
				answer, x := l.send(t, head+test.body)
				status := strings.Fields(answer)[1]
				if status != test.answers && (test.answers != "200" || name == "answers") {
					t.Errorf("status %s, want %s (%s)", status, test.answers, x.Refusal)
				}
				if found := s.In(answer); found != nil && x.By == "gateway" {
					t.Errorf("the answer has %q: %s", found, answer)
				}
				x.Event, x.Answer, x.Path, x.Query = nil, nil, "", ""
				if found := s.In(fmt.Sprintf("%+v", x)); found != nil {
					t.Errorf("the exchange has %q: %+v", found, x)
				}
			})
		}
	}
}
