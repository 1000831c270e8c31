package framework_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/routegate/routegate/framework"
)

// How long requests take, to the nanosecond, in a bubble where nothing but their
// handlers takes time: in Lambda and in a container, with an answer in time and
// one that is not. Deadlines and the log's durations are of one clock.
func TestTimes(t *testing.T) {
	const manifest = "{version: 1, routes: [{path: /sleep, method: GET, handler: sleep, public: true}]}"
	handlers := framework.Handlers{"sleep": func(w http.ResponseWriter, r *http.Request) {
		d, err := time.ParseDuration(r.URL.RawQuery)
		if err != nil {
			panic(err)
		}
		time.Sleep(d)
		fmt.Fprint(w, "slept")
	}}
	for _, test := range []struct {
		sleep, limit time.Duration
		status       int
		lambda, took time.Duration // in Lambda, and in a container
	}{
		{0, time.Second, 200, 0, 0},
		{3 * time.Second, 4 * time.Second, 200, 3 * time.Second, 3 * time.Second},
		{29 * time.Second, 30 * time.Second, 200, 29 * time.Second, 29 * time.Second},
		{4 * time.Second, 3 * time.Second, 503, 2800 * time.Millisecond, 3 * time.Second},
		{time.Second, 400 * time.Millisecond, 503, 300 * time.Millisecond, 400 * time.Millisecond},
		// The deadline is over when the request comes.
		{time.Second, -time.Second, 503, 0, -1},
	} {
		for _, where := range []string{"Lambda", "container"} {
			want := test.lambda
			if where == "container" {
				want = test.took
			}
			if want < 0 {
				continue
			}
			t.Run(fmt.Sprint(where, " ", test.sleep, " of ", test.limit), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log bytes.Buffer
					app, err := framework.New([]byte(manifest), handlers, framework.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
					if err != nil {
						t.Fatal(err)
					}
					start, status := time.Now(), 0
					if where == "Lambda" {
						// As aws-lambda-go makes it of the header, without a monotonic reading.
						ctx, cancel := context.WithDeadline(t.Context(), time.UnixMilli(time.Now().Add(test.limit).UnixMilli()))
						answer, err := app.Invoke(ctx, fmt.Appendf(nil, `{"version":"2.0","routeKey":"GET /sleep","rawPath":"/sleep","rawQueryString":%q,"headers":{},
							"requestContext":{"http":{"method":"GET","path":"/sleep","sourceIp":"203.0.113.7"},"stage":"$default","requestId":"id"}}`, test.sleep))
						cancel()
						var a struct{ StatusCode int }
						if err != nil || json.Unmarshal(answer, &a) != nil {
							t.Fatalf("%s, %v", answer, err)
						}
						status = a.StatusCode
					} else {
						w := httptest.NewRecorder()
						app.Handler(framework.HandlerOptions{Timeout: test.limit}).ServeHTTP(w, httptest.NewRequest("GET", "/sleep?"+test.sleep.String(), nil))
						status = w.Code
					}
					if took := time.Since(start); status != test.status || took != want {
						t.Errorf("%d after %v, want %d after %v", status, took, test.status, want)
					}
					duration := fmt.Sprintf(`"status":%d,"duration_ms":%v,`, test.status, float64(want.Microseconds())/1000)
					if !strings.Contains(log.String(), duration) {
						t.Errorf("the log has no %s: %s", duration, &log)
					}
					time.Sleep(time.Minute) // so that the handler returns
				})
			})
		}
	}
}
