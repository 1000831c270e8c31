package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the client gets for what the function returns, to the byte. Each row tells
// where it is from: "proxy" is AWS's page "Create AWS Lambda proxy integrations
// for HTTP APIs", "tool" the snapshots of live gateways in AWS's own test tool,
// "capture" other captures of live traffic, "choice" what this gateway does where
// AWS is not known.
//
// The number in front of a row is the section of the project's collection of
// facts about API Gateway that it comes from.
func TestResponseMapping(t *testing.T) {
	t.Parallel()
	inferred := func(body string) string {
		return "HTTP/1.1 200 OK\nApigw-Requestid: I\nContent-Length: " + itoa(len(body)) + "\nContent-Type: application/json\nDate: D\n\n" + body
	}
	text := func(status int, body string, headers ...string) string {
		s := "HTTP/1.1 " + itoa(status) + " " + http.StatusText(status) + "\nApigw-Requestid: I\nContent-Length: " + itoa(len(body)) +
			"\nContent-Type: text/plain; charset=utf-8\nDate: D\n"
		for _, h := range headers {
			s += h + "\n"
		}
		return s + "\n" + body
	}
	failed := gatewaySays(500, "Internal Server Error")
	tests := []struct {
		source, answer, want string
		about                string // in the refusal or a warning
	}{
		{"2.1 proxy: no statusCode is 200 and the value as it is", `{"hello": "world"}`, inferred(`{"hello": "world"}`), ""},
		{"2.1 tool: StatusCode is no statusCode", `{"StatusCode":404,"body":"x"}`, inferred(`{"StatusCode":404,"body":"x"}`), ""},
		{"2.1 proxy: string", `"Hello from Lambda!"`, inferred("Hello from Lambda!"), ""},
		{"2.1 tool: string with escapes", `"\"q\" é"`, inferred(`"q" é`), ""},
		{"2.1 tool: number", `42`, inferred("42"), ""},
		{"2.1 tool: boolean", `true`, inferred("true"), ""},
		{"2.1 tool: array", `[1, 2]`, inferred("[1, 2]"), ""},
		{"2.1 tool: null", `null`, inferred("null"), ""},
		{"2.1 tool: invalid JSON", `{"statusCode":`, inferred(`{"statusCode":`), ""},
		{"2.1 tool: empty", ``, inferred(""), ""},
		{"2.1 tool: 0", `{"statusCode":0,"body":"x"}`, failed, "statusCode is 0"},
		{"2.1 tool: 200.5", `{"statusCode":200.5}`, failed, "no integer"},
		{"2.1 choice: 200.0", `{"statusCode":200.0}`, failed, "no integer"},
		{"2.1 choice: a string", `{"statusCode":"200"}`, failed, "string"},
		{"2.1 choice: null", `{"statusCode":null}`, failed, "no integer"},
		{"2.1 choice: informational", `{"statusCode":100}`, failed, "statusCode is 100"},
		{"2.1 choice: no status", `{"statusCode":600}`, failed, "statusCode is 600"},
		{"2.1 choice: negative", `{"statusCode":-1}`, failed, "statusCode is -1"},
		{"2.1 choice: huge", `{"statusCode":99999999999999999999}`, failed, "no integer"},
		{"2.1 tool: no content type", `{"statusCode":201,"body":"made"}`, text(201, "made"), ""},
		{"2.1 tool: no body", `{"statusCode":200}`, text(200, ""), ""},
		{"2.1 proxy: nulls", `{"statusCode":200,"headers":null,"cookies":null,"body":null,"isBase64Encoded":null}`, text(200, ""), ""},
		{"2.1 tool: a comma in a value is left alone", `{"statusCode":200,"headers":{"X-List":"a, b,c"}}`, text(200, "", "X-List: a, b,c"), ""},
		{"2.1 proxy: content type", `{"statusCode":200,"headers":{"content-type":"text/html"},"body":"<p>"}`,
			strings.Replace(text(200, "<p>"), "text/plain; charset=utf-8", "text/html", 1), ""},
		{"2.1 proxy: a set-cookie each", `{"statusCode":200,"cookies":["a=1; Path=/","b=2"]}`, text(200, "", "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2"), ""},
		{"2.1 report: cookies before set-cookie", `{"statusCode":200,"headers":{"set-cookie":"c=3"},"cookies":["a=1"]}`, text(200, "", "Set-Cookie: a=1", "Set-Cookie: c=3"), ""},
		{"2.1 tool: base64", `{"statusCode":200,"body":"aGVsbG8=","isBase64Encoded":true}`, text(200, "hello"), ""},
		{"2.1 choice: bad base64", `{"statusCode":200,"body":"!","isBase64Encoded":true}`, failed, "base64"},
		{"2.1 proxy: body is a string", `{"statusCode":200,"body":{"a":1}}`, failed, "body is not a string"},
		{"2.1 proxy: headers are strings", `{"statusCode":200,"headers":{"X-A":1}}`, failed, "headers is not"},
		{"2.1 proxy: cookies are a list", `{"statusCode":200,"cookies":"a=1"}`, failed, "cookies is not"},
		{"2.1 proxy: the flag is a boolean", `{"statusCode":200,"isBase64Encoded":"true"}`, failed, "isBase64Encoded is not"},
		{"2.1 report: multiValueHeaders are not in 2.0", `{"statusCode":200,"multiValueHeaders":{"X-A":["1","2"]}}`, text(200, ""), "multiValueHeaders"},
		{"2.1 capture: the gateway's own headers", `{"statusCode":200,"headers":{"date":"x","apigw-requestid":"x","content-length":"7"},"body":"ab"}`, text(200, "ab"), ""},
		{"2.1 RFC: hop by hop", `{"statusCode":200,"headers":{"connection":"X-Mine","x-mine":"1","keep-alive":"1","transfer-encoding":"chunked","upgrade":"x","te":"x"}}`, text(200, ""), ""},
		{"2.1 RFC: names that cannot be sent", `{"statusCode":200,"headers":{"a b":"1","":"2","Trailer:X":"3"}}`, text(200, ""), "cannot be sent"},
		{"2.1 choice: line breaks in values", `{"statusCode":200,"headers":{"X-A":"1\r\nX-B: 2"}}`, text(200, "", "X-A: 1  X-B: 2"), ""},
		{"2.1 RFC: 204 has no body", `{"statusCode":204,"body":"x"}`, "HTTP/1.1 204 No Content\nApigw-Requestid: I\nDate: D\n\n", ""},
		{"2.1 RFC: 304 has none", `{"statusCode":304,"headers":{"etag":"x"},"body":"x"}`, "HTTP/1.1 304 Not Modified\nApigw-Requestid: I\nDate: D\nEtag: x\n\n", ""},
		{"2.1 proxy: CORS headers without a CORS configuration", `{"statusCode":200,"headers":{"access-control-allow-origin":"x"}}`,
			strings.Replace(text(200, ""), "Apigw", "Access-Control-Allow-Origin: x\nApigw", 1), ""},
	}
	for _, test := range tests {
		l := serve(t, newTable(t, "GET /x public"), says(test.answer), Options{})
		got, x := l.send(t, request("GET /x"))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.source, diff)
		}
		if told := x.Refusal + strings.Join(x.Warnings, ""); !strings.Contains(told, test.about) || (test.about == "") != (told == "") {
			t.Errorf("%s: told %q, want %q in it", test.source, told, test.about)
		}
		if (x.Refusal != "") != (x.By == "gateway") || string(x.Answer) != test.answer {
			t.Errorf("%s: by %s, refusal %q, answer %q", test.source, x.By, x.Refusal, x.Answer)
		}
	}
}

// Payload format 1.0, from the same page. The snapshot of a live gateway
// V1_CombinesSingleAndMultiValueHeadersHttpV1, in the tests of AWS's .NET test
// tool, shows which values come first if both maps have a header.
func TestResponseMappingV1(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer string
		status       int
		headers      http.Header
	}{
		{"lists", `{"statusCode":200,"multiValueHeaders":{"Set-Cookie":["a=1","b=2"],"X-A":["1","2"]}}`, 200, http.Header{"Set-Cookie": {"a=1", "b=2"}, "X-A": {"1", "2"}}},
		{"both", `{"statusCode":200,"headers":{"X-A":"0","X-B":"3"},"multiValueHeaders":{"X-A":["1"]}}`, 200, http.Header{"X-A": {"0", "1"}, "X-B": {"3"}}},
		{"both, in another case", `{"statusCode":200,"headers":{"x-a":"0","Set-Cookie":"a=1"},"multiValueHeaders":{"X-A":["1","2"],"set-cookie":["b=2"]}}`, 200, http.Header{"Set-Cookie": {"a=1", "b=2"}, "X-A": {"0", "1", "2"}}},
		{"cookies are not in 1.0", `{"statusCode":200,"cookies":["a=1"]}`, 200, http.Header{}},
		{"nothing is inferred", `{"hello":"world"}`, 500, http.Header{}},
	}
	for _, test := range tests {
		l := serve(t, newTable(t, "GET /x public"), says(test.answer), Options{PayloadV1: true})
		resp, err := http.Get(l.URL + "/x")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for _, name := range []string{"Apigw-Requestid", "Content-Length", "Content-Type", "Date"} {
			if resp.Header.Get(name) == "" {
				t.Errorf("%s: no %s", test.name, name)
			}
			resp.Header.Del(name)
		}
		if diff := cmp.Diff(test.headers, resp.Header); resp.StatusCode != test.status || diff != "" {
			t.Errorf("%s: status %d, headers (-want +got):\n%s", test.name, resp.StatusCode, diff)
		}
	}
}

// A function's answer over Lambda's limit is a failure of the function.
func TestResponseTooLarge(t *testing.T) {
	t.Parallel()
	for _, size := range []int{lambdaLimit, lambdaLimit + 1} {
		frame := len(`{"statusCode":200,"body":""}`)
		l := serve(t, newTable(t, "GET /x public"), says(`{"statusCode":200,"body":"`+strings.Repeat("a", size-frame)+`"}`), Options{})
		got, x := l.send(t, request("GET /x"))
		if size > lambdaLimit {
			if got != gatewaySays(500, "Internal Server Error") || !strings.Contains(x.Refusal, "6291456") {
				t.Errorf("%d bytes: %.200s (%s)", size, got, x.Refusal)
			}
		} else if x.Status != 200 || x.By != "function" {
			t.Errorf("%d bytes: %d by %s (%s)", size, x.Status, x.By, x.Refusal)
		}
	}
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}
