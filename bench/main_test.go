package main

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/routegate/routegate/bench/contestant"
	"github.com/routegate/routegate/bench/handlers"
	"github.com/routegate/routegate/bench/sample"
	"github.com/routegate/routegate/framework"
)

// Everything can be measured. How long something takes is not looked at, since a
// test runs on any machine; what does not depend on the machine is.
func TestMeasurements(t *testing.T) {
	b, err := newBench(true, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for _, m := range measurements {
		t.Run(m.name, func(t *testing.T) {
			if _, err := exec.LookPath("valgrind"); err != nil && m.name == "count" && os.Getenv("CI") == "" {
				t.Skip("valgrind is not installed")
			}
			sections, err := m.measure(b)
			if err != nil {
				t.Fatal(err)
			}
			if len(sections) == 0 {
				t.Error("nothing is measured")
			}
			limits := 0
			for _, s := range sections {
				for _, r := range s.rows {
					t.Logf("%s: %s: %s %s", s.title, r.name, r.figure(r.measured), r.detail)
					if r.measured <= 0 && r.name != contestant.NameValid {
						t.Errorf("%s: %s: measured %v", s.title, r.name, r.measured)
					}
					if r.steady && r.missed() {
						t.Errorf("%s: %s: %s, at most %s", s.title, r.name, r.figure(r.measured), r.figure(r.limit))
					}
					if r.limit > 0 {
						limits++
					}
				}
			}
			if limits == 0 {
				t.Error("nothing that is measured has a limit")
			}
		})
	}
}

// What Routegate answers is enforced: the same event is refused without the
// gateway's word, and where the route asks for another group or scope.
func TestEnforced(t *testing.T) {
	ctx, cancel := sample.Context()
	defer cancel()
	event := string(sample.Get(usualRoutes, false))
	manifest := string(sample.Manifest(usualRoutes))
	tests := []struct {
		name, manifest, event string
		want                  string
	}{
		{"as measured", manifest, event, `{"statusCode":200,`},
		{"nobody vouches", manifest, strings.Replace(event, `"authorizer"`, `"unknown"`, 1), `no_principal`},
		{"another token", manifest, strings.Replace(event, `"sub":"9`, `"sub":"8`, 1), `token_mismatch`},
		{"another group", strings.ReplaceAll(manifest, "staff", "nobody"), event, `missing_group`},
		{"another scope", strings.ReplaceAll(manifest, "api/read", "api/nothing"), event, `missing_scope`},
		{"another path", manifest, strings.Replace(event, `"rawPath":"/v1`, `"rawPath":"/v2`, 1), `route_mismatch`},
	}
	for _, test := range tests {
		app, err := framework.New([]byte(test.manifest), handlers.All(), framework.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		out, err := app.Invoke(ctx, []byte(test.event))
		if err != nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: answer %s, %v, want %s", test.name, out, err, test.want)
		}
	}
}

// A contestant with another answer is not measured.
func TestCheck(t *testing.T) {
	ctx, cancel := sample.Context()
	defer cancel()
	for _, out := range []string{
		`{"statusCode":403,"headers":{"Content-Type":"application/json"},"body":"x"}`,
		`{"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"y"}`,
		`{"statusCode":200,"headers":{"Content-Type":"text/plain"},"body":"x"}`,
		`{"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"x","isBase64Encoded":true}`,
		`null`, ``,
	} {
		if err := contestant.CheckAnswer([]byte(out), "x"); err == nil {
			t.Errorf("%s passes", out)
		}
	}
	if err := contestant.CheckAnswer([]byte(`{"statusCode":200,"multiValueHeaders":{"Content-Type":["application/json"]},"body":"x"}`), "x"); err != nil {
		t.Error(err)
	}
	list, err := contestant.All(10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if err := c.Check(ctx, []byte(`{`), ""); err == nil {
			t.Errorf("%s reads half an event", c.Name)
		}
	}
}

func TestMedians(t *testing.T) {
	if got := median([]float64{9, 1, 2}); got != 2 {
		t.Errorf("median is %v", got)
	}
	if got := median([]float64{9, 1, 2, 4}); got != 3 {
		t.Errorf("median is %v", got)
	}
	// The second round was slow for all.
	if got := ratio([]float64{1, 100, 1.1}, []float64{2, 200, 2}); got != 0.5 {
		t.Errorf("ratio is %v", got)
	}
}

// In a race each lane runs, and has a figure a round; one that fails ends it.
func TestRace(t *testing.T) {
	var a, b int
	figures, err := race(quickPace, inProcess(func() { a++ }), inProcess(func() { b++ }))
	if err != nil || a == 0 || b == 0 || len(figures) != 2 || len(figures[0]) != quickPace.rounds || len(figures[1]) != quickPace.rounds {
		t.Errorf("a ran %d times, b %d times, figures %v, %v", a, b, figures, err)
	}
	broken := errors.New("broken")
	if _, err := race(quickPace, inProcess(func() {}), func(int) (time.Duration, error) { return 0, broken }); err != broken {
		t.Errorf("error is %v", err)
	}
}

func TestExitCodes(t *testing.T) {
	fine := measurement{"fine", func(*bench) ([]section, error) {
		return []section{{"what", []row{{name: "small", limit: 2, measured: 2, unit: "x", detail: "2 to 1"}, {name: "free", measured: 1234567, unit: "bytes"}}}}, nil
	}}
	over := measurement{"over", func(*bench) ([]section, error) {
		return []section{{"more", []row{{name: "large", limit: 1, measured: 1.004, unit: "s"}}}}, nil
	}}
	fails := measurement{"fails", func(*bench) ([]section, error) { return nil, errors.New("no such thing") }}
	for _, test := range []struct {
		chosen []measurement
		want   int
	}{
		{[]measurement{fine}, exitFine},
		{[]measurement{fine, over}, exitFound},
		{[]measurement{fails, over, fine}, exitError},
	} {
		var stdout, stderr bytes.Buffer
		b := &bench{progress: io.Discard}
		if code := b.run(test.chosen, &stdout, &stderr); code != test.want {
			t.Errorf("exit code %d, want %d\n%s%s", code, test.want, &stdout, &stderr)
		}
	}
	for _, test := range []struct {
		args string
		want int
	}{{"-h", exitFine}, {"x", exitUsage}, {"-nothing", exitUsage}, {"-run (", exitUsage}, {"-run nothing", exitUsage}} {
		if code := run(strings.Fields(test.args), io.Discard, io.Discard); code != test.want {
			t.Errorf("%s: exit code %d, want %d", test.args, code, test.want)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	err := printSections(&b, []section{
		{"the first", []row{
			{name: "small", limit: 2, measured: 2, unit: "x", detail: "2 µs to 1 µs"},
			{name: "free", measured: 1_234_567, unit: "bytes"},
		}},
		{"another", []row{{name: "large", limit: 1, measured: 1.1, unit: "s"}}},
	})
	const want = `               AT MOST  MEASURED         FIGURES

the first
ok      small  2.00 x   2.00 x           2 µs to 1 µs
        free   -        1,234,567 bytes

another
MISSED  large  1.00 s   1.10 s
`
	if got := b.String(); err != nil || got != want {
		t.Errorf("%v, table is\n%s", err, got)
	}
}

// A peer's router finds every route of the sample.
func TestSample(t *testing.T) {
	ctx, cancel := sample.Context()
	defer cancel()
	names := make(map[string]bool)
	list, err := contestant.All(usualRoutes)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range sample.Routes(usualRoutes) {
		if names[r.Name] {
			t.Errorf("the name %q is there twice", r.Name)
		}
		names[r.Name] = true
	}
	if len(names) != usualRoutes {
		t.Errorf("%d routes", len(names))
	}
	for _, n := range []int{10, usualRoutes} {
		for _, c := range list {
			if err := c.Check(ctx, sample.Get(n, false), sample.Answer(sample.Item)); err != nil {
				t.Error(err)
			}
		}
	}
	if n := len(sample.Get(usualRoutes, false)); n < 2200 || n > 2500 {
		t.Errorf("the event has %d bytes", n)
	}
}
