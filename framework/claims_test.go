package framework

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/internal/rawjson"
	"github.com/routegate/routegate/framework/route"
)

func TestSplitText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text  any
		style apigw.ClaimStyle
		want  []string
	}{
		{"[a b]", apigw.HTTPAPIClaims, []string{"a", "b"}},
		{"[a]", apigw.HTTPAPIClaims, []string{"a"}},
		{"[]", apigw.HTTPAPIClaims, []string{}},
		{"", apigw.HTTPAPIClaims, nil},
		{"a", apigw.HTTPAPIClaims, []string{"a"}},
		{"a b", apigw.HTTPAPIClaims, []string{"a b"}},
		{"a,b", apigw.HTTPAPIClaims, []string{"a,b"}},
		{"[a", apigw.HTTPAPIClaims, []string{"[a"}},
		{"a]", apigw.HTTPAPIClaims, []string{"a]"}},
		{"[[a]]", apigw.HTTPAPIClaims, []string{"[a]"}},
		{"a,b", apigw.CognitoRESTClaims, []string{"a", "b"}},
		{"a b", apigw.CognitoRESTClaims, []string{"a b"}},
		{nil, apigw.HTTPAPIClaims, nil},
		{true, apigw.HTTPAPIClaims, nil},
		{json.Number("1"), apigw.HTTPAPIClaims, nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, splitText(test.text, test.style)); diff != "" {
			t.Errorf("splitText(%v) (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestSameNumber(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want bool
	}{
		{"1900000000", "1.9e9", true},
		{"1900000000", "1900000000.0", true},
		{"1900000000", "1900000001", false},
		{"", "", false},
		{"a", "a", false},
		{"0x10", "16", false},
		{"1/2", "0.5", false},
		{"1e999999999", "1e999999999", false},
		{"1e100000", "1e100000", false},
		{"Infinity", "Infinity", false},
		{"1", "1-1", false}, // of which one is no number
		{"1-1", "1", false},
		{"1-1", "1-1", false},
		{strings.Repeat("9", 398), strings.Repeat("9", 398) + ".", true},
		{strings.Repeat("9", 398), strings.Repeat("9", 398) + ".0", false}, // 400 characters
		{"1e100", "10e99", true},
		{"1e-99", "10e-100", false}, // an exponent of four characters
		{"1e1000", "1e1000", false},
	}
	for _, test := range tests {
		if got := sameNumber(test.a, test.b); got != test.want {
			t.Errorf("sameNumber(%q, %q) = %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestTokenClaimsDepth(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string {
		return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth)
	}
	if _, err := tokenClaims(jwt(nested(maxClaimDepth))); err != nil {
		t.Errorf("claims of %d levels: %v", maxClaimDepth, err)
	}
	if _, err := tokenClaims(jwt(nested(maxClaimDepth + 1))); err == nil {
		t.Errorf("claims of %d levels are taken", maxClaimDepth+1)
	}
}

// FuzzClaims takes the claims of two tokens. The gateway vouches for the first.
//
// With the first as the bearer token, its groups and scopes come out as they
// are typed in it. With the second, whose signature nobody checked, the caller
// is refused or gets no more than the text of the first could give.
func FuzzClaims(f *testing.F) {
	f.Add(`{"iss":"i","sub":"s","exp":1,"groups":["a","b c"]}`, `{"iss":"i","sub":"s","exp":1,"groups":["a","b","c"]}`)
	f.Add(`{"iss":"i","sub":"s","exp":1,"groups":"[a]","scope":"x y"}`, `{"iss":"i","sub":"s","exp":1.0,"groups":["a"],"scope":"x y"}`)
	f.Add(`{"iss":"i","groups":null,"scp":["x"]}`, `{"iss":"i","groups":[null]}`)
	f.Add(`{"iss":"i","groups":{"a":["b"]}}`, `{"iss":"i","groups":"map[a:[b]]"}`)
	f.Add(`{"iss":["i"],"groups":[["a"],1,true]}`, `{"iss":"[i]","groups":["[a]","1","true"]}`)
	f.Add(`{"iss":"i","groups":["a"],"groups":["b"]}`, `{"iss":"i","iss":"i"}`)
	f.Add(`{"iss":"i","exp":1e400}`, `{"iss":"i","exp":1e400}`)
	f.Add(`{"iss":"i","exp":1.00000000000000000001e9}`, `{"iss":"i","exp":1e9}`) // more digits than a float64 has
	f.Fuzz(func(t *testing.T, verified, shown string) {
		reader := claimReader{groups: []string{"groups"}}
		claims, err := tokenClaims(jwt(verified))
		if err != nil {
			if !json.Valid([]byte(verified)) {
				return
			}
			var object map[string]any
			if json.Unmarshal([]byte(verified), &object) == nil && object != nil && !hasTwice(verified) && !tooDeep(verified) {
				t.Fatalf("claims %s: %v", verified, err)
			}
			return
		}
		texts := make(map[string]any)
		for name, v := range claims.Map() {
			if text, ok := apigw.HTTPAPIClaims.Text(name, v); ok {
				texts[name] = text
			}
		}
		a := vouchedFor(t, texts)
		if _, ok := texts["iss"]; !ok {
			if reader.agree(claims, a) {
				t.Fatal("agreed without iss")
			}
			return
		}
		if !reader.agree(claims, a) {
			t.Fatalf("the verified token %s was refused", verified)
		}
		if diff := cmp.Diff(typedNames(claims.Get("groups").Any()), reader.fromToken(claims).Groups); diff != "" {
			t.Errorf("groups of %s (-typed +got):\n%s", verified, diff)
		}

		other, err := tokenClaims(jwt(shown))
		if err != nil || !reader.agree(other, a) {
			return
		}
		allowed := slices.Concat(typedNames(claims.Get("groups").Any()), reader.fromText(a).Groups)
		text, _ := texts["groups"].(string)
		for _, group := range reader.fromToken(other).Groups {
			// A forged list can cut the text otherwise, but not add to it.
			if !slices.Contains(allowed, group) && !bytes.Contains([]byte(text), []byte(group)) {
				t.Errorf("token %s brought the group %q, the verified one is %s", shown, group, verified)
			}
		}
	})
}

// vouchedFor returns the authorizer of an event whose JWT authorizer has these
// claims.
func vouchedFor(t *testing.T, texts map[string]any) *apigw.Authorizer {
	payload, err := json.Marshal(map[string]any{"version": "2.0", "rawPath": "/", "requestContext": map[string]any{
		"http": map[string]any{"method": "GET"}, "authorizer": map[string]any{"jwt": map[string]any{"claims": texts}}}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := apigw.Decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	return &e.Authorizer
}

// tokenClaims reads a token as identify does.
func tokenClaims(token string) (rawjson.Value, error) {
	text, err := tokenPayload(token)
	if err != nil {
		return rawjson.Value{}, err
	}
	payload, err := rawjson.Parse(text, maxClaimDepth)
	if err != nil {
		return rawjson.Value{}, err
	}
	if payload.Root().Kind() != rawjson.Object {
		return rawjson.Value{}, errNoToken
	}
	return payload.Root(), nil
}

func jwt(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".e30"
}

// typedNames reads groups in another way than names does.
func typedNames(v any) []string {
	var groups []string
	switch v := v.(type) {
	case string:
		groups = []string{v}
	case []any:
		for i := range v {
			if s, ok := v[i].(string); ok {
				groups = append(groups, s)
			}
		}
	}
	return groups
}

// hasTwice reports whether an object in the JSON text has a key twice, by
// whether decoding it into a map and encoding that loses a token.
func hasTwice(text string) bool {
	count := func(s []byte) (tokens int) {
		dec := json.NewDecoder(bytes.NewReader(s))
		for {
			if _, err := dec.Token(); err != nil {
				return tokens
			}
			tokens++
		}
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return true
	}
	again, err := json.Marshal(v)
	return err != nil || count([]byte(text)) != count(again)
}

func tooDeep(text string) bool {
	depth, deepest := 0, 0
	for _, c := range text {
		switch c {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest >= maxClaimDepth
}

// Every reason has a status that refuses and a text; none names what it wants.
func TestProblemsOfReasons(t *testing.T) {
	t.Parallel()
	for _, reason := range []route.Reason{
		route.DotSegment, route.NoRoute, route.RouteMismatch, route.NoPrincipal, route.TokenMismatch, route.WrongAuth, route.MissingScope, route.MissingGroup,
	} {
		p := newProblem(reason.Status(), string(reason), "id")
		if p.Status < 400 || p.Title == "" || p.Detail == "" {
			t.Errorf("%s: %+v", reason, p)
		}
	}
	if s := route.Reason("").Status(); s < 400 {
		t.Errorf("the zero reason answers %d", s)
	}
}

// Without a path the groups claim is that of Options.
func TestCallerFrom(t *testing.T) {
	t.Parallel()
	a := vouchedFor(t, map[string]any{"sub": "s", "groups": "[A B]", "other": "[C]"})
	for _, test := range []struct{ path, want []string }{
		{nil, []string{"A", "B"}},
		{[]string{"groups"}, []string{"A", "B"}},
		{[]string{"other"}, []string{"C"}},
	} {
		caller := CallerFrom(&apigw.Event{Authorizer: *a}, test.path)
		if caller.Auth != route.JWT || caller.Principal.Subject != "s" || !slices.Equal(caller.Principal.Groups, test.want) {
			t.Errorf("%q: %+v", test.path, caller)
		}
	}
}

// A claim of a bearer token has to be what the gateway wrote, in one of the ways
// that are known.
func TestAgreeOn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  any // nil where the gateway does not state the claim
		claim string
		want  bool
	}{
		{"a", `"a"`, true},
		{"a", `"b"`, false},
		{"a", `"A"`, false},
		{"a", `"a "`, false},
		{"", `""`, true},
		{"[a b]", `["a","b"]`, true},
		{"[a b]", `["a"]`, false},
		{"[a b]", `["b","a"]`, false},
		{`["a","b"]`, `["a","b"]`, false}, // the JSON of an object only
		{"[]", `[]`, true},
		{"true", `true`, true},
		{"true", `false`, false},
		{true, `true`, true},
		{"1900000000", `1900000000`, true},
		{"1900000000", `1.9e9`, true},
		{"1900000000", `1900000000.0`, true},
		{"1900000000", `1900000001`, false},
		{json.Number("1900000000"), `1900000000`, true},
		// What is a name is no number.
		{"7", `"007"`, false},
		{"7", `"+7"`, false},
		{"7", `"7.0"`, false},
		{"1000", `"1e3"`, false},
		{"10", `["1e1"]`, false},
		{"map[roles:[a b]]", `{"roles":["a","b"]}`, true},
		{"map[roles:[a b]]", `{"roles":["a"]}`, false},
		{"map[roles:[a b]]", `{"roles":["a","b"],"more":1}`, false},
		{"map[a:1 b:true]", `{"b":true,"a":1}`, true},
		{`{"roles":["a","b"]}`, `{"roles":["a","b"]}`, true},
		{`{ "more": {"x": null}, "roles": ["a", "b"] }`, `{"roles":["a","b"],"more":{"x":null}}`, true},
		{`{"roles":["a","b"]}`, `{"roles":["a"]}`, false},
		{`{"roles":["a","b"]}`, `{"roles":["a","b","c"]}`, false},
		{`{"roles":["a","b"]}`, `"{\"roles\":[\"a\",\"b\"]}"`, true}, // a text that looks so
		{`{"roles":["a"`, `{"roles":["a"]}`, false},
		{map[string]any{"roles": []string{"a", "b"}}, `{"roles":["a","b"]}`, true}, // as some imitations have it
		{nil, `null`, true},
		{nil, `"a"`, false},
		{nil, `["a"]`, false},
		{nil, `{"roles":["a"]}`, false},
		{"a", `null`, false},
		{"", `null`, false},
	} {
		claims := map[string]any{"iss": "i"}
		if test.text != nil {
			claims["x"] = test.text
		}
		a := vouchedFor(t, claims)
		doc, err := rawjson.Parse(test.claim, maxClaimDepth)
		if err != nil {
			t.Fatal(err)
		}
		if got := agreeOn("x", doc.Root(), a); got != test.want {
			t.Errorf("the gateway says %#v, the token %s: %v", test.text, test.claim, got)
		}
	}
	if none := (rawjson.Value{}); agreeOn("iss", none, vouchedFor(t, map[string]any{"iss": "i"})) {
		t.Error("a claim that the token has not")
	}
}

// A handler gets the claims that the gateway states, typed as in the token where
// that has the same: a token that nobody verified cannot bring others.
func TestPrincipalsClaims(t *testing.T) {
	t.Parallel()
	const core = `"iss":"i","sub":"s","exp":1900000000`
	stated := map[string]any{
		"iss": "i", "sub": "s", "exp": "1900000000", "groups": "[a b]",
		"email": "alice@example.com", "email_verified": "false", "tenant": "1", "realm": "map[roles:[user]]", "many": "[1 2]",
	}
	for _, test := range []struct {
		name, payload string
		want          map[string]any // what is other than stated
	}{
		{"the same", `{` + core + `,"groups":["a","b"],"email":"alice@example.com","email_verified":false,"tenant":1,"realm":{"roles":["user"]},"many":[1,2]}`, map[string]any{
			"exp": json.Number("1900000000"), "groups": []any{"a", "b"}, "email_verified": false, "tenant": json.Number("1"),
			"realm": map[string]any{"roles": []any{"user"}}, "many": []any{json.Number("1"), json.Number("2")},
		}},
		{"others", `{` + core + `,"groups":["a","b"],"email":"ceo@example.com","email_verified":true,"tenant":2,"realm":{"roles":["admin"]},"many":[1,2,3]}`, map[string]any{
			"exp": json.Number("1900000000"), "groups": []any{"a", "b"},
		}},
		{"more", `{` + core + `,"groups":["a","b"],"aud":"other","admin":true,"nothing":null,"org":{"roles":["admin"]}}`, map[string]any{
			"exp": json.Number("1900000000"), "groups": []any{"a", "b"},
		}},
		{"fewer", `{` + core + `,"groups":["a","b"]}`, map[string]any{
			"exp": json.Number("1900000000"), "groups": []any{"a", "b"},
		}},
	} {
		e := &apigw.Event{Authorizer: *vouchedFor(t, stated)}
		i := identity{caller: route.Caller{Auth: route.JWT}, token: test.payload, event: e}
		want := maps.Clone(stated)
		maps.Copy(want, test.want)
		if diff := cmp.Diff(want, i.principal().Claims); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
