package framework_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework"
)

func TestTrace(t *testing.T) {
	t.Parallel()
	const (
		root   = "1-6a5145a9-1bae89e2512ec92d5d9438a0"
		other  = "1-6a5145aa-000000000000000000000001"
		lambda = "Root=" + other + ";Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a1b2c3d4:0"
	)
	tests := []struct {
		name, lambda, header string
		context, logged      string
	}{
		{"none", "", "", "", ""},
		{"the gateway's", "", "Root=" + root, "Root=" + root, root},
		{"Lambda's", lambda, "", lambda, other},
		{"both: Lambda's", lambda, "Root=" + root, lambda, other},
		{"a load balancer's, behind another", "", "Self=1-67891234-12456789abcdef012345678;Root=" + root + ";CalledFrom=app",
			"Self=1-67891234-12456789abcdef012345678;Root=" + root + ";CalledFrom=app", root},
		{"capitals", "", "Root=" + strings.ToUpper(root), "Root=" + strings.ToUpper(root), strings.ToUpper(root)},
		{"with spaces", "", "Parent=1; Root=" + root, "Parent=1; Root=" + root, root},
		{"Lambda's, of no known form, stays", "future=1", "Root=" + root, "future=1", ""},
		// What a client may try.
		{"a token", "", "secret", "", ""},
		{"a root that is none", "", "Root=secret", "", ""},
		{"a short one", "", "Root=" + root[:34], "", ""},
		{"a long one", "", "Root=" + root + "0", "", ""},
		{"no version", "", "Root=2" + root[1:], "", ""},
		{"other digits", "", "Root=" + root[:34] + "g", "", ""},
		{"other digits of the time", "", "Root=1-6a5145ag" + root[10:], "", ""},
		{"no dash", "", "Root=1-6a5145a9+" + root[11:], "", ""},
		{"more than text", "", "Root=" + root + ";x=größe", "", ""},
		{"without end", "", "Root=" + root + ";x=" + strings.Repeat("x", 512), "", ""},
		{"a line of its own", "", "Root=" + root + "\n{\"level\":\"ERROR\"}", "", ""},
		{"a line of its own, in a field", "", "Root=" + root + ";x=\n{}", "Root=" + root + ";x= {}", root}, // no header has line ends
		{"other names", "", "root=" + root + ";XRoot=" + root, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			var got string
			handlers := framework.Handlers{"trace": func(_ http.ResponseWriter, r *http.Request) {
				trace, ok := framework.TraceFrom(r.Context())
				if ok != (trace != "") || r.Context().Value("x-amzn-trace-id") != any(trace) && trace != "" {
					t.Errorf("TraceFrom is %q, %v, and the context has %v", trace, ok, r.Context().Value("x-amzn-trace-id"))
				}
				got = trace
			}}
			app, err := framework.New([]byte("{version: 1, routes: [{path: /trace, method: GET, handler: trace, public: true}]}"), handlers,
				framework.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			log.Reset()
			ctx := t.Context()
			//lint:ignore SA1029 aws-lambda-go's key, which it sets to "" where Lambda tells none
			ctx = context.WithValue(ctx, "x-amzn-trace-id", test.lambda)
			event := get("/trace", nobody)
			if test.header != "" {
				header("x-amzn-trace-id", test.header)(event)
			}
			payload, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := app.Invoke(ctx, payload); err != nil {
				t.Fatal(err)
			}
			if got != test.context {
				t.Errorf("the context has %q, want %q", got, test.context)
			}
			var line struct {
				TraceID string `json:"trace_id"`
			}
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("log %s: %v", &log, err)
			}
			if line.TraceID != test.logged || strings.Contains(log.String(), "trace_id") != (test.logged != "") {
				t.Errorf("the log has %q, want %q", line.TraceID, test.logged)
			}
		})
	}
}

func TestTraceOfNoRequest(t *testing.T) {
	t.Parallel()
	if trace, ok := framework.TraceFrom(t.Context()); ok || trace != "" {
		t.Errorf("trace %q", trace)
	}
}
