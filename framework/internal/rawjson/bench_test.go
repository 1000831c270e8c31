package rawjson

import (
	"encoding/json"
	"strings"
	"testing"
)

// An event's headers, claims and token, as far as their sizes matter here.
var sample = func() string {
	token := strings.Repeat("eyJhbGciOiJSUzI1NiJ9", 50)
	return `{"version":"2.0","routeKey":"GET /v1/users/{id}","rawPath":"/v1/users/42","rawQueryString":"a=b",
	"headers":{"accept":"*/*","accept-encoding":"gzip, deflate, br","authorization":"Bearer ` + token + `","content-length":"0","host":"abcde12345.execute-api.eu-central-1.amazonaws.com","user-agent":"Mozilla/5.0 (X11; Linux x86_64)","x-amzn-trace-id":"Root=1-6a5145a9-1bae89e2512ec92d5d9438a0","x-forwarded-for":"203.0.113.7","x-forwarded-port":"443","x-forwarded-proto":"https"},
	"requestContext":{"accountId":"111122223333","authorizer":{"jwt":{"claims":{"aud":"api","exp":"1612061676","iss":"https://issuer.example.com/","scope":"openid users/read","sub":"6f9c0c1e-7d0e-4b7e-9d0e-0a1b2c3d4e5f","cognito:groups":"[USERS]","token_use":"access"},"scopes":["users/read"]}},"http":{"method":"GET","path":"/v1/users/42","protocol":"HTTP/1.1","sourceIp":"203.0.113.7","userAgent":"Mozilla/5.0"},"requestId":"JKJaXmPLvHcESHA=","stage":"$default","timeEpoch":1783711145766},
	"pathParameters":{"id":"42"},"isBase64Encoded":false}`
}()

func BenchmarkParse(b *testing.B) {
	escaped, _ := json.Marshal(map[string]string{"body": strings.Repeat(`{"name":"some value","n":12345},`, 3000)})
	for _, doc := range []struct{ name, text string }{{"event", sample}, {"body", string(escaped)}} {
		b.Run(doc.name, func(b *testing.B) {
			b.SetBytes(int64(len(doc.text)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := Parse(doc.text, MaxDepth)
				if err != nil {
					b.Fatal(err)
				}
				d.Free()
			}
		})
		b.Run(doc.name+"/encoding/json.Valid", func(b *testing.B) {
			b.SetBytes(int64(len(doc.text)))
			text := []byte(doc.text)
			for b.Loop() {
				json.Valid(text)
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	body := strings.Repeat(`{"name":"some value","n":12345},`, 3000)
	quoted := string(AppendQuoted(nil, body))
	d, err := Parse(quoted, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("AppendText", func(b *testing.B) {
		b.SetBytes(int64(len(quoted)))
		buf := make([]byte, 0, len(quoted)+8)
		for b.Loop() {
			d.Root().AppendText(buf)
		}
	})
	b.Run("AppendQuoted", func(b *testing.B) {
		b.SetBytes(int64(len(quoted)))
		buf := make([]byte, 0, len(quoted)+8)
		for b.Loop() {
			AppendQuoted(buf, body)
		}
	})
}
