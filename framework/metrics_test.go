package framework_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
)

const metricsManifest = `
version: 1
groups: {admin: operates the site}
routes:
  - {path: '/open/{path+}', method: ANY, handler: ok, public: true}
  - {path: /token, method: GET, handler: ok, name: token}
  - {path: /admins, method: GET, handler: ok, name: admins, groups: [admin]}
  - {path: /panics, method: GET, handler: panics, public: true}
  - {path: /busy, method: GET, handler: busy, public: true}
`

// newCounted is a service whose metrics go to w.
func newCounted(t testing.TB, manifest, namespace string, w io.Writer) *service {
	t.Helper()
	handlers := framework.Handlers{
		"ok":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") },
		"panics": func(http.ResponseWriter, *http.Request) { panic("at the disco") },
		"busy":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	}
	app, err := framework.New([]byte(manifest), handlers, framework.Options{
		MetricsNamespace: namespace, MetricsWriter: w, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &service{app: app, log: new(bytes.Buffer)}
}

// A sample is what CloudWatch makes of a line.
type sample struct {
	Namespace  string
	Dimensions map[string]string
	Metrics    map[string]float64
}

// extract reads a line as CloudWatch does, and holds it to what its user guide
// says in "Specification: Embedded metric format", the sizes that the API
// reference gives for Dimension and MetricDatum included.
func extract(t testing.TB, line []byte) []sample {
	t.Helper()
	fail := func(format string, args ...any) { t.Helper(); t.Errorf(format+" in\n%s", append(args, line)...) }
	if len(line) > 256<<10 {
		fail("more than 256 KB")
	}
	if n := bytes.Count(line, []byte("\n")); n != 1 || line[len(line)-1] != '\n' {
		fail("%d line ends", n)
	}
	var root map[string]any
	if err := json.Unmarshal(line, &root); err != nil {
		fail("%v", err)
		return nil
	}
	var doc struct {
		AWS struct {
			Timestamp         *int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	if err := dec.Decode(&doc); err != nil {
		fail("%v", err)
		return nil
	}
	// Members are case-sensitive, and objects of the format have no others.
	only := func(o any, keys ...string) {
		for key := range o.(map[string]any) {
			if !slices.Contains(keys, key) {
				fail("unknown member %q", key)
			}
		}
	}
	only(root["_aws"], "Timestamp", "CloudWatchMetrics")
	for _, d := range root["_aws"].(map[string]any)["CloudWatchMetrics"].([]any) {
		only(d, "Namespace", "Dimensions", "Metrics")
		for _, m := range d.(map[string]any)["Metrics"].([]any) {
			only(m, "Name", "Unit", "StorageResolution")
		}
	}
	switch at := doc.AWS.Timestamp; {
	case at == nil:
		fail("no timestamp")
	case time.Since(time.UnixMilli(*at)).Abs() > time.Hour: // seconds or microseconds are not near
		fail("the timestamp %d is not now, in milliseconds", *at)
	}
	printable := func(what, s string, longest int) {
		if s == "" || len(s) > longest || strings.TrimSpace(s) == "" || s[0] == ':' ||
			strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			fail("%s %q", what, s)
		}
	}
	var samples []sample
	for _, d := range doc.AWS.CloudWatchMetrics {
		printable("namespace", d.Namespace, 255)
		if len(d.Metrics) == 0 || len(d.Metrics) > 100 {
			fail("%d metrics", len(d.Metrics))
		}
		if len(d.Dimensions) == 0 {
			fail("no set of dimensions")
		}
		for _, set := range d.Dimensions {
			s := sample{d.Namespace, map[string]string{}, map[string]float64{}}
			if len(set) > 30 {
				fail("%d dimensions", len(set))
			}
			for _, name := range set {
				printable("dimension", name, 250)
				v, _ := root[name].(string)
				printable("value of "+name, v, 1024)
				s.Dimensions[name] = v
			}
			for _, m := range d.Metrics {
				printable("metric", m.Name, 255)
				v, ok := root[m.Name].(float64)
				if !ok {
					fail("metric %q is %v", m.Name, root[m.Name])
				}
				if !slices.Contains([]string{"Count", "Milliseconds"}, m.Unit) {
					fail("unit %q", m.Unit)
				}
				s.Metrics[m.Name] = v
			}
			samples = append(samples, s)
		}
	}
	return samples
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newCounted(t, metricsManifest, "Routegate/mvp", &out)
	secret := alice(value{"sub": "secret-sub", "groups": []string{"secret-group"}})
	tests := []struct {
		name            string
		event           value
		route, decision string
		errors          float64 // -1: no such metric
	}{
		{"allowed", get("/token", bearer(secret)), "GET /token", "allowed", 0},
		{"the table's key, not the client's method", httpAPI("PATCH", "/open/secret", "$default"), "ANY /open/{path+}", "allowed", 0},
		{"a method of one's own", httpAPI("SECRET", "/open/secret", "$default"), "none", "no_route", -1},
		{"panic", get("/panics", nobody), "GET /panics", "allowed", 1},
		{"the handler's own 503", get("/busy", nobody), "GET /busy", "allowed", 1},
		{"unreadable body", get("/token", bearer(secret), at("body", "%"), at("isBase64Encoded", true)), "GET /token", "allowed", 0},
		{"group", get("/admins", bearer(secret)), "GET /admins", "missing_group", -1},
		{"nobody", get("/token", nobody), "GET /token", "no_principal", -1},
		{"other path", httpAPI("GET", "/secret", "GET /token"), "GET /token", "route_mismatch", -1},
		{"no route", httpAPI("GET", "/secret", "$default"), "none", "no_route", -1},
		{"a route of the gateway's alone", httpAPI("GET", "/secret", "GET /secret"), "none", "no_route", -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out.Reset()
			header("user-agent", "secret")(test.event)
			at("rawQueryString", "secret")(test.event)
			s.invoke(t, test.event)
			if bytes.Contains(bytes.ToLower(out.Bytes()), []byte("secret")) {
				t.Errorf("the line has what a client sent: %s", &out)
			}
			samples := extract(t, out.Bytes())
			if len(samples) != 1 {
				t.Fatalf("%d samples", len(samples))
			}
			got := samples[0]
			want := sample{"Routegate/mvp", map[string]string{"Route": test.route, "Decision": test.decision}, map[string]float64{"Count": 1}}
			if test.errors >= 0 {
				want.Metrics["Errors"] = test.errors
				want.Metrics["Duration"] = got.Metrics["Duration"]
				if d, ok := got.Metrics["Duration"]; !ok || d <= 0 || d > 60_000 {
					t.Errorf("the duration is %v", d)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	out.Reset()
	if _, err := s.app.Invoke(t.Context(), []byte(`{"warmer":true}`)); err != nil || out.Len() > 0 {
		t.Errorf("a warm-up is no request: %s, error %v", &out, err)
	}
}

func TestNoMetrics(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newCounted(t, metricsManifest, "", &out)
	s.invoke(t, get("/token", nobody))
	if out.Len() > 0 {
		t.Errorf("written without a namespace: %s", &out)
	}
}

// Whatever clients ask for, the metrics are those of the manifest.
func TestMetricsAreFew(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newCounted(t, metricsManifest, "Test", &out)
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	seen := map[string]bool{}
	for i := range 2000 {
		method := pick("GET", "POST", "HEAD", fmt.Sprint("M", i))
		path := pick("/token", "/admins", "/panics", "/open/", "/", "/x/") + pick("", fmt.Sprint(i), fmt.Sprint("/", i), "\"\n\\")
		key := pick("$default", method+" "+path, "GET /token", "ANY /{proxy+}", fmt.Sprint("GET /", i))
		s.invoke(t, httpAPI(method, path, key, who(random, nobody, bearer(alice(nil)), bearer(alice(value{"groups": []string{fmt.Sprint(i)}}))),
			header("x-amzn-trace-id", fmt.Sprint("Root=", i))))
	}
	for line := range bytes.Lines(out.Bytes()) {
		for _, s := range extract(t, line) {
			seen[s.Dimensions["Route"]+" "+s.Dimensions["Decision"]] = true
		}
	}
	if len(seen) < 6 || len(seen) > 14 {
		t.Errorf("%d pairs of route and decision: %v", len(seen), seen)
	}
	for pair := range seen {
		if strings.ContainsAny(pair, "0123456789\"\\") {
			t.Errorf("a client made %q", pair)
		}
	}
}

func who(random *rand.Rand, list ...func(value)) func(value) { return list[random.IntN(len(list))] }

// Whole lines, one a Write, however many requests run at once. The writer takes
// no lock of its own, so that the race detector sees what the App does.
func TestMetricsConcurrently(t *testing.T) {
	t.Parallel()
	var writes writes
	s := newCounted(t, metricsManifest, "Test", &writes)
	payload, err := json.Marshal(get("/token", bearer(alice(nil))))
	if err != nil {
		t.Fatal(err)
	}
	const requests = 200
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			if _, err := s.app.Invoke(context.Background(), payload); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(writes) != requests {
		t.Errorf("%d writes for %d requests", len(writes), requests)
	}
	for _, line := range writes {
		if samples := extract(t, line); len(samples) != 1 || samples[0].Metrics["Count"] != 1 {
			t.Errorf("line %s", line)
		}
	}
}

type writes [][]byte

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, bytes.Clone(p))
	return len(p), nil
}

// The longest line fits into a pipe at once (POSIX, PIPE_BUF; 4096 bytes on
// Linux), so that what other writers send to it comes before or behind.
func TestLongestMetricsLine(t *testing.T) {
	t.Parallel()
	path := strings.Repeat("/abcdefghijklmnopqrs", 150)
	manifest := fmt.Sprintf("{version: 1, routes: [{path: %s, method: OPTIONS, handler: ok, public: true}]}", path)
	var out bytes.Buffer
	s := newCounted(t, manifest, strings.Repeat("n", 255), &out)
	s.invoke(t, httpAPI("OPTIONS", path, "OPTIONS "+path))
	samples := extract(t, out.Bytes())
	if len(samples) != 1 || samples[0].Dimensions["Route"] != ("OPTIONS " + path)[:1024] {
		t.Errorf("samples %v", samples)
	}
	if out.Len() > 4096 {
		t.Errorf("the line has %d bytes", out.Len())
	}
}

func TestMetricsNamespace(t *testing.T) {
	const name = "ROUTEGATE_METRICS_NAMESPACE"
	tests := []struct{ namespace, wantErr string }{
		{"", ""},
		{"Routegate", ""},
		{"My service/mvp #1:x_y-z.", ""},
		{strings.Repeat("n", 255), ""},
		{strings.Repeat("n", 256), `namespace "nnn`},
		{"  ", `namespace "  "`},
		{":x", `namespace ":x"`},
		{"AWS/Lambda", `namespace "AWS/Lambda"`},
		{"größe", `namespace "größe"`},
		{"a\nb", `namespace "a\nb"`},
		{`a"b`, `namespace "a\"b"`},
	}
	for _, test := range tests {
		t.Run(test.namespace, func(t *testing.T) {
			t.Setenv("AWS_API_GW_STAGE_NAME", "")
			t.Setenv("JWT_AUTHORIZATION_GROUPS_ATTR_NAME", "")
			t.Setenv(name, test.namespace)
			opts, err := framework.OptionsFromEnv()
			if (err != nil) != (test.wantErr != "") || err != nil && !strings.HasPrefix(err.Error(), name+": "+test.wantErr) {
				t.Errorf("error %v, want %q", err, test.wantErr)
			}
			if err == nil && opts.MetricsNamespace != test.namespace {
				t.Errorf("namespace is %q", opts.MetricsNamespace)
			}
			_, err = framework.New([]byte("{version: 1, routes: [{path: /a, method: GET, handler: a}]}"), framework.Handlers{"a": http.NotFound},
				framework.Options{MetricsNamespace: test.namespace, Logger: slog.New(slog.DiscardHandler)})
			if (err != nil) != (test.wantErr != "") || err != nil && !strings.HasPrefix(err.Error(), test.wantErr) {
				t.Errorf("New: error %v, want %q", err, test.wantErr)
			}
		})
	}
}

// Counting a request takes no memory. Pools, which the race detector empties at
// random, blur the average a little.
func TestMetricsAllocate(t *testing.T) {
	payload, err := json.Marshal(get("/token", nobody)) // refused, so that no goroutine disturbs the count
	if err != nil {
		t.Fatal(err)
	}
	allocs := func(namespace string) float64 {
		s := newCounted(t, metricsManifest, namespace, io.Discard)
		return testing.AllocsPerRun(200, func() {
			if _, err := s.app.Invoke(context.Background(), payload); err != nil {
				t.Fatal(err)
			}
		})
	}
	if off, on := allocs(""), allocs("Test"); on > off+2 {
		t.Errorf("%v allocations with metrics, %v without", on, off)
	}
}
