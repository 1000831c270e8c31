package apigw

import (
	"encoding/json"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// FuzzTypes compares what Decode reads with what encoding/json reads into
// aws-lambda-go's types. encoding/json takes keys in any case, and the last of two,
// so what it read is written again, with the keys that the types have, and that is
// the event.
func FuzzTypes(f *testing.F) {
	files, _ := filepath.Glob("testdata/events/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for kind := range uint8(4) {
			f.Add(kind, archive.Files[0].Data)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		switch kind % 4 {
		case 0:
			in, e := typed[events.APIGatewayV2HTTPRequest](t, data)
			if e == nil || e.Source != HTTPAPI {
				return
			}
			c := in.RequestContext
			compare(t, e, event{
				Method: c.HTTP.Method, RouteKey: in.RouteKey, Stage: c.Stage, RequestID: gatewayID(c.RequestID), SourceIP: c.HTTP.SourceIP,
				Query: in.RawQueryString, Body: in.Body, Base64: in.IsBase64Encoded,
				Params: in.PathParameters, Headers: single(in.Headers), Cookies: in.Cookies,
			})
			if a := c.Authorizer; a != nil && a.JWT != nil && len(a.JWT.Claims) > 0 {
				claims := map[string]string{}
				for name, v := range e.Authorizer.Claims() {
					claims[name], _ = v.(string)
				}
				if diff := cmp.Diff(a.JWT.Claims, claims); diff != "" {
					t.Errorf("claims (-typed +got):\n%s", diff)
				}
				if !slices.Equal(a.JWT.Scopes, e.Authorizer.Scopes) {
					t.Errorf("scopes %q, typed %q", e.Authorizer.Scopes, a.JWT.Scopes)
				}
			}
		case 1:
			in, e := typed[events.LambdaFunctionURLRequest](t, data)
			if e == nil || e.Source != FunctionURL {
				return
			}
			c := in.RequestContext
			compare(t, e, event{
				Method: c.HTTP.Method, Stage: e.Stage, RequestID: gatewayID(c.RequestID), SourceIP: c.HTTP.SourceIP,
				Query: in.RawQueryString, Body: in.Body, Base64: in.IsBase64Encoded, Headers: single(in.Headers), Cookies: in.Cookies,
			})
			if iam := c.Authorizer; iam != nil && iam.IAM != nil && e.Authorizer.Kind == IAMAuthorizer {
				if arn, _ := e.Authorizer.ClaimText("userArn"); arn != iam.IAM.UserARN {
					t.Errorf("userArn %q, typed %q", arn, iam.IAM.UserARN)
				}
			}
		case 2:
			in, e := typed[events.APIGatewayProxyRequest](t, data)
			if e == nil || e.Source != REST {
				return
			}
			c := in.RequestContext
			id := c.RequestID
			if !isUUID(id) {
				id = c.ExtendedRequestID
			}
			params := maps.Clone(in.PathParameters)
			for name, v := range params {
				params[name] = unescape(v)
			}
			compare(t, e, event{
				Method: in.HTTPMethod, RouteKey: in.HTTPMethod + " " + in.Resource, Stage: c.Stage, RequestID: gatewayID(id), SourceIP: c.Identity.SourceIP,
				Query: e.query, Body: in.Body, Base64: in.IsBase64Encoded, Params: params, Headers: both(in.Headers, in.MultiValueHeaders),
			})
		case 3:
			in, e := typed[events.ALBTargetGroupRequest](t, data)
			if e == nil || e.Source != ALB {
				return
			}
			compare(t, e, event{
				Method: in.HTTPMethod, RequestID: e.RequestID, SourceIP: e.SourceIP,
				Query: e.query, Body: in.Body, Base64: in.IsBase64Encoded, Headers: both(in.Headers, in.MultiValueHeaders),
			})
		}
	})
}

// typed returns what data is as a T, and the event that T is.
func typed[T any](t *testing.T, data []byte) (in T, e *Event) {
	if json.Unmarshal(data, &in) != nil {
		return in, nil
	}
	payload, err := json.Marshal(in)
	if err != nil {
		return in, nil
	}
	var again T // with U+FFFD for what is not UTF-8
	if err := json.Unmarshal(payload, &again); err != nil {
		t.Fatal(err)
	}
	e, err = Decode(payload)
	if err != nil {
		return in, nil // there is more to an event than its types
	}
	return again, e
}

// An event is what the types and Event have in common.
type event struct {
	Method, RouteKey, Stage, RequestID, SourceIP, Query, Body string
	Base64                                                    bool
	Params                                                    map[string]string
	Headers                                                   http.Header
	Cookies                                                   []string
}

func compare(t *testing.T, e *Event, want event) {
	t.Helper()
	want.Headers.Del("Host")
	if len(want.Cookies) > 0 {
		want.Headers.Set("Cookie", cleanValue(strings.Join(want.Cookies, "; ")))
		want.Cookies = nil
	}
	got := event{
		Method: e.Method, RouteKey: e.RouteKey, Stage: e.Stage, RequestID: e.RequestID, SourceIP: e.SourceIP,
		Query: e.query, Body: e.body, Base64: e.base64, Params: e.PathParameters, Headers: e.newHeader(),
	}
	if len(want.Params) == 0 {
		want.Params, got.Params = nil, nil
	}
	for _, values := range []http.Header{want.Headers, got.Headers} {
		for _, list := range values {
			slices.Sort(list) // names that differ in case have no order
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-typed +got):\n%s", diff)
	}
}

func single(headers map[string]string) http.Header {
	h := http.Header{}
	for name, value := range headers {
		if validToken(name) {
			h.Add(name, cleanValue(value))
		}
	}
	return h
}

func both(headers map[string]string, multi map[string][]string) http.Header {
	h := http.Header{}
	for name, values := range multi {
		for _, value := range values {
			if validToken(name) {
				h.Add(name, cleanValue(value))
			}
		}
	}
	more := single(headers)
	for name, values := range more {
		if _, ok := h[name]; !ok {
			h[name] = values
		}
	}
	return h
}
