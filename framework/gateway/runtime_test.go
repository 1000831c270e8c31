//go:build unix

package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// TestMain makes this test binary a function where a test runs it as one.
func TestMain(m *testing.M) {
	if kind := os.Getenv("ROUTEGATE_TEST_FUNCTION"); kind != "" {
		testFunction(kind)
		return
	}
	os.Exit(m.Run())
}

// A command is an event of the test function.
type command struct {
	Do   string
	Text string
	Wait time.Duration // before anything else
}

// A result is its answer.
type result struct {
	Version    string
	PID        int
	Child      int
	Text       string
	Began      time.Time
	Ended      time.Time
	RequestID  string
	ARN        string
	Deadline   time.Time
	TraceID    string
	WorkingDir string
	Env        []string
}

func testFunction(kind string) {
	switch kind {
	case "exits":
		fmt.Println("looking for the database")
		fmt.Fprintln(os.Stderr, "no database")
		os.Exit(3)
	case "hangs":
		fmt.Println("waiting for the database")
		time.Sleep(time.Hour)
	case "reports":
		resp, err := http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/init/error", "application/json",
			strings.NewReader(`{"errorType":"Config.Missing","errorMessage":"no table"}`))
		if err == nil && resp.StatusCode == http.StatusAccepted {
			fmt.Println("no table")
		}
		os.Exit(1)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "orderly":
		lambda.StartWithOptions(answerCommand, lambda.WithEnableSIGTERM(func() {
			fmt.Println("good bye")
			os.Exit(0)
		}))
	}
	lambda.Start(answerCommand)
}

func answerCommand(ctx context.Context, c command) (*result, error) {
	r := &result{Version: os.Getenv("ROUTEGATE_TEST_VERSION"), PID: os.Getpid(), Text: c.Text, Began: time.Now()}
	time.Sleep(c.Wait)
	switch c.Do {
	case "":
	case "describe":
		lc, _ := lambdacontext.FromContext(ctx)
		r.RequestID, r.ARN = lc.AwsRequestID, lc.InvokedFunctionArn
		r.Deadline, _ = ctx.Deadline()
		r.TraceID = os.Getenv("_X_AMZN_TRACE_ID")
		r.WorkingDir, _ = os.Getwd()
		r.Env = os.Environ()
	case "print":
		// In pieces, so that whole lines are the work of the other side.
		for n := range 50 {
			for _, piece := range []string{"<", strconv.Itoa(r.PID), strings.Repeat("-", 300), strconv.Itoa(n), ">\n"} {
				fmt.Print(piece)
			}
		}
	case "fail":
		return nil, errors.New(c.Text)
	case "panic":
		panic(c.Text)
	case "exit":
		fmt.Println("exiting: " + c.Text)
		os.Exit(7)
	case "large":
		r.Text = strings.Repeat("x", 7<<20)
	case "hang":
		select {}
	case "await": // a file
		for {
			if _, err := os.Stat(c.Text); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	case "fork":
		cmd := exec.Command("sleep", "600")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		r.Child = cmd.Process.Pid
	}
	r.Ended = time.Now()
	return r, nil
}

// testBootstrap writes a program that is the test function.
func testBootstrap(t testing.TB, kind, version string) string {
	t.Helper()
	return writeBootstrap(t, fmt.Sprintf("ROUTEGATE_TEST_FUNCTION=%s ROUTEGATE_TEST_VERSION=%s GORACE=atexit_sleep_ms=0 exec '%s'", kind, version, os.Args[0]))
}

func writeBootstrap(t testing.TB, script string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// patience is the time that nothing here comes near, unless it hangs.
const patience = 30 * time.Second

// A testRuntime is a Runtime with what it has logged and reported.
type testRuntime struct {
	*Runtime
	t testing.TB

	mu      sync.Mutex
	log     bytes.Buffer
	crashes []error
}

func newTestRuntime(t testing.TB, opts RuntimeOptions) *testRuntime {
	t.Helper()
	r := &testRuntime{t: t}
	opts.Log = r
	opts.Crashed = func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.crashes = append(r.crashes, err)
	}
	var err error
	if r.Runtime, err = NewRuntime(opts); err != nil {
		t.Fatal(err)
	}
	r.closeDelay = time.Second
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(r.dir); !os.IsNotExist(err) {
			t.Errorf("%s is left", r.dir)
		}
	})
	return r
}

func (r *testRuntime) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *testRuntime) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

func (r *testRuntime) crashed() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.crashes)
}

func (r *testRuntime) deploy(bootstrap string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if err := r.Deploy(ctx, bootstrap); err != nil {
		r.t.Fatal(err)
	}
}

// try sends a command.
func (r *testRuntime) try(c command) (result, error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	payload, err := json.Marshal(c)
	if err != nil {
		return result{}, err
	}
	answer, err := r.Invoke(ctx, payload)
	if err != nil {
		return result{}, err
	}
	var res result
	return res, json.Unmarshal(answer, &res)
}

func (r *testRuntime) do(c command) result {
	r.t.Helper()
	res, err := r.try(c)
	if err != nil {
		r.t.Fatalf("%+v: %v\n%s", c, err, r.logged())
	}
	return res
}

// fails sends a command and returns the FunctionError that it ends with.
func (r *testRuntime) fails(c command) *FunctionError {
	r.t.Helper()
	_, err := r.try(c)
	var failure *FunctionError
	if !errors.As(err, &failure) {
		r.t.Fatalf("%+v: error is %v, want a *FunctionError\n%s", c, err, r.logged())
	}
	return failure
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("never: %s", what)
		}
	}
}

// running says whether a process runs. One that has ended and was not waited for
// by its parent does not.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestRuntimeTellsTheFunction(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{Timeout: time.Minute, Env: []string{"TABLE=users", "AWS_LAMBDA_FUNCTION_NAME=accounts"}})
	bootstrap := testBootstrap(t, "plain", "1")
	r.deploy(bootstrap)
	before := time.Now()
	got := r.do(command{Do: "describe", Text: "hello"})
	if got.Text != "hello" || got.Version != "1" {
		t.Errorf("got %+v", got)
	}
	if left := got.Deadline.Sub(before); left < 50*time.Second || left > time.Minute+patience {
		t.Errorf("deadline in %v, want a minute", left)
	}
	for name, c := range map[string]struct{ got, want string }{
		"request id": {got.RequestID, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
		"ARN":        {got.ARN, `^arn:aws:lambda:[a-z0-9-]+:123456789012:function:accounts$`},
		"trace id":   {got.TraceID, `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`},
	} {
		if !regexp.MustCompile(c.want).MatchString(c.got) {
			t.Errorf("%s is %q, want %s", name, c.got, c.want)
		}
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	if got.WorkingDir != dir {
		t.Errorf("working directory is %q, want the bootstrap's, %q", got.WorkingDir, dir)
	}
	for _, want := range []string{"TABLE=users", "AWS_LAMBDA_FUNCTION_NAME=accounts", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "LAMBDA_TASK_ROOT=" + filepath.Dir(bootstrap), "TZ=:UTC"} {
		if !slices.Contains(got.Env, want) {
			t.Errorf("%s is not in the environment", want)
		}
	}
}

// One answers at a time, and no more than allowed at once.
func TestRuntimeConcurrency(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{Concurrency: 3})
	r.deploy(testBootstrap(t, "plain", "1"))
	results := make([]result, 24)
	var all sync.WaitGroup
	for n := range results {
		all.Go(func() {
			var err error
			if results[n], err = r.try(command{Wait: 20 * time.Millisecond}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	busy := map[int]time.Time{}
	slices.SortFunc(results, func(a, b result) int { return a.Began.Compare(b.Began) })
	for _, res := range results {
		if res.Began.Before(busy[res.PID]) {
			t.Errorf("process %d got an event while it ran another", res.PID)
		}
		busy[res.PID] = res.Ended
	}
	if len(busy) < 2 || len(busy) > 3 {
		t.Errorf("%d processes have answered, want several and at most 3", len(busy))
	}
	if crashes := r.crashed(); crashes != nil {
		t.Errorf("crashes: %v", crashes)
	}
}

// While programs change under load every event is answered, once, by a program
// that was current at some time from its sending to its answer.
func TestRuntimeSwapUnderLoad(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{})
	const events, senders = 5000, 16
	var deploying, current atomic.Int64 // versions; the first is 1
	deploy := func() {
		version := deploying.Add(1)
		// Every second one takes its time to end.
		kind := []string{"plain", "orderly"}[version%2]
		r.deploy(testBootstrap(t, kind, strconv.FormatInt(version, 10)))
		current.Store(version)
	}
	deploy()
	var sent atomic.Int64
	versions := sync.Map{}
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for {
				n := sent.Add(1)
				if n > events {
					return
				}
				text := strconv.FormatInt(n, 10)
				var wait time.Duration
				if n%100 == 0 {
					wait = 50 * time.Millisecond
				}
				oldest := current.Load()
				res, err := r.try(command{Text: text, Wait: wait})
				newest := deploying.Load()
				if err != nil {
					t.Errorf("event %d: %v", n, err)
					continue
				}
				version, _ := strconv.ParseInt(res.Version, 10, 64)
				if res.Text != text || version < oldest || version > newest {
					t.Errorf("event %s: answer %q of version %d, want %d to %d", text, res.Text, version, oldest, newest)
				}
				versions.Store(version, true)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	// By events rather than by time, so that a slow machine does not have more to do.
	for n := int64(200); n < events; n += 200 {
		eventually(t, "events go on", func() bool { return sent.Load() >= n })
		deploy()
	}
	<-done
	used := 0
	versions.Range(func(any, any) bool { used++; return true })
	t.Logf("%d programs deployed, %d have answered", deploying.Load(), used)
	if used < 2 {
		t.Errorf("no swap while there were events")
	}
	if crashes := r.crashed(); crashes != nil {
		t.Errorf("crashes: %v", crashes)
	}
}

func TestRuntimeFunctionErrors(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{Concurrency: 1})
	r.deploy(testBootstrap(t, "plain", "1"))
	first := r.do(command{}).PID

	failure := r.fails(command{Do: "fail", Text: "no such user"})
	if failure.Type != "errorString" || failure.Message != "no such user" {
		t.Errorf("error is %+v", failure)
	}
	if pid := r.do(command{}).PID; pid != first {
		t.Errorf("an error that the function reported has ended it")
	}

	failure = r.fails(command{Do: "panic", Text: "at the disco"})
	if failure.Type != "string" || failure.Message != "at the disco" {
		t.Errorf("error is %+v", failure)
	}
	second := r.do(command{}).PID
	if second == first {
		t.Errorf("process %d goes on after a panic", first)
	}

	failure = r.fails(command{Do: "exit", Text: "for good"})
	if failure.Type != "Runtime.ExitError" ||
		!regexp.MustCompile(`^RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 7$`).MatchString(failure.Message) ||
		!strings.HasSuffix(failure.Output, "exiting: for good") {
		t.Errorf("error is %+v", failure)
	}

	failure = r.fails(command{Do: "large"})
	if failure.Type != "Function.ResponseSizeTooLarge" ||
		!regexp.MustCompile(`^Response payload size \(734\d{4} bytes\) exceeded maximum allowed payload size \(6291556 bytes\)\.$`).MatchString(failure.Message) {
		t.Errorf("error is %+v", failure)
	}
	r.do(command{})

	// aws-lambda-go ends after a panic, and when its answer was not taken.
	eventually(t, "three crashes reported", func() bool { return len(r.crashed()) == 3 })
	if !slices.ContainsFunc(r.crashed(), func(err error) bool {
		return strings.HasPrefix(err.Error(), "the function ended: exit status 7; it printed last:\n") &&
			strings.HasSuffix(err.Error(), "\nexiting: for good")
	}) {
		t.Errorf("reports are %v", r.crashed())
	}
}

func TestRuntimeTimeout(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{Concurrency: 1, Timeout: 2 * time.Second})
	r.deploy(testBootstrap(t, "stubborn", "1"))
	child := r.do(command{Do: "fork"})
	failure := r.fails(command{Do: "hang"})
	if failure.Type != "Sandbox.Timedout" || !strings.HasSuffix(failure.Message, " Error: Task timed out after 2.00 seconds") {
		t.Errorf("error is %+v", failure)
	}
	if pid := r.do(command{}).PID; pid == child.PID {
		t.Errorf("process %d goes on after its timeout", pid)
	}
	for _, pid := range []int{child.PID, child.Child} {
		eventually(t, "killed", func() bool { return !running(pid) })
	}
	if crashes := r.crashed(); crashes != nil {
		t.Errorf("crashes: %v", crashes)
	}
}

// A program that does not start changes nothing.
func TestRuntimeDeployFails(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{})
	if _, err := r.Invoke(t.Context(), nil); err == nil || err.Error() != "no function is deployed" {
		t.Errorf("error is %v", err)
	}
	r.deploy(testBootstrap(t, "plain", "1"))
	want := r.do(command{})

	notExecutable := writeBootstrap(t, "")
	if err := os.Chmod(notExecutable, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ bootstrap, want string }{
		"exit":           {testBootstrap(t, "exits", "2"), "(?s)^the function does not start: exit status 3; it printed last:\n.*no database"},
		"hang":           {testBootstrap(t, "hangs", "2"), "^the function does not start: no request for an event within 500ms of the start; it printed last:\nwaiting for the database$"},
		"reports":        {testBootstrap(t, "reports", "2"), "^the function does not start: Config.Missing: no table; it printed last:\nno table$"},
		"silent":         {writeBootstrap(t, "exit 0"), "^the function does not start: exit status 0; it printed nothing$"},
		"missing":        {filepath.Join(t.TempDir(), "none"), "^cannot deploy the function: open .*no such file"},
		"directory":      {t.TempDir(), "^cannot deploy the function: .* is not a file$"},
		"not executable": {notExecutable, "^the function does not start: cannot run " + notExecutable + ": .*permission denied$"},
	} {
		limit := patience
		if name == "hang" {
			limit = 500 * time.Millisecond
		}
		r.Runtime.mu.Lock()
		r.initLimit = limit
		r.Runtime.mu.Unlock()
		err := r.Deploy(t.Context(), c.bootstrap)
		if err == nil || !regexp.MustCompile(c.want).MatchString(err.Error()) {
			t.Errorf("%s: error is %q, want %s", name, err, c.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := r.Deploy(ctx, testBootstrap(t, "hangs", "2")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}

	if got := r.do(command{}); got.PID != want.PID {
		t.Errorf("answered by %+v, want %+v", got, want)
	}
	if crashes := r.crashed(); crashes != nil {
		t.Errorf("crashes: %v", crashes)
	}
	if left, _ := os.ReadDir(r.dir); len(left) != 1 {
		t.Errorf("%d copies are left, want that of the first", len(left))
	}
}

// A program that no longer starts is not started all the time, and events do not
// wait for it.
func TestRuntimeCrashLoop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken, starts := filepath.Join(dir, "broken"), filepath.Join(dir, "starts")
	r := newTestRuntime(t, RuntimeOptions{})
	r.deploy(writeBootstrap(t, fmt.Sprintf(`
		echo start >>%s
		if test -e %s; then echo out of order; exit 5; fi
		ROUTEGATE_TEST_FUNCTION=plain exec '%s'`, starts, broken, os.Args[0])))
	if err := os.WriteFile(broken, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.fails(command{Do: "exit"})
	for until := time.Now().Add(time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		failure := r.fails(command{})
		if failure.Type != "Runtime.ExitError" || !strings.HasSuffix(failure.Message, "Error: Runtime exited with error: exit status 5") || failure.Output != "out of order" {
			t.Fatalf("error is %+v", failure)
		}
	}
	log, err := os.ReadFile(starts)
	if err != nil {
		t.Fatal(err)
	}
	// One of Deploy, two at once, then after 100 ms, 200, 400 ...
	if n := bytes.Count(log, []byte("start\n")); n < 3 || n > 10 {
		t.Errorf("%d starts", n)
	}
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an answer", func() bool {
		_, err := r.try(command{})
		return err == nil
	})
}

// An event that was not given to the instance that ended goes to another one.
func TestRuntimeDiesBeforeTheEvent(t *testing.T) {
	t.Parallel()
	once := filepath.Join(t.TempDir(), "once")
	r := newTestRuntime(t, RuntimeOptions{Concurrency: 1})
	r.deploy(writeBootstrap(t, fmt.Sprintf(`
		if test -e %[1]s; then rm %[1]s; exit 5; fi
		ROUTEGATE_TEST_FUNCTION=plain exec '%[2]s'`, once, os.Args[0])))
	if err := os.WriteFile(once, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.fails(command{Do: "exit"})
	r.do(command{})
	// It may end idle, too.
	for range 5 {
		n := len(r.crashed())
		if err := syscall.Kill(r.do(command{}).PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a crash reported", func() bool { return len(r.crashed()) > n })
	}
	r.do(command{})
}

func TestRuntimeCancel(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{Concurrency: 1})
	r.deploy(testBootstrap(t, "plain", "1"))
	send := func(c command) error {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		payload, _ := json.Marshal(c)
		_, err := r.Invoke(ctx, payload)
		return err
	}
	// The first runs, the second waits for it.
	for _, c := range []command{{Wait: 500 * time.Millisecond}, {Do: "exit"}} {
		if err := send(c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	}
	r.do(command{})
	if crashes := r.crashed(); crashes != nil {
		t.Errorf("an event that was withdrawn has run: %v", crashes)
	}
}

// The file that was deployed may change or go, with all that lies beside it.
func TestRuntimeKeepsACopy(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{})
	bootstrap := testBootstrap(t, "plain", "1")
	r.deploy(bootstrap)
	if err := os.WriteFile(bootstrap, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(r.do(command{}).PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a crash reported", func() bool { return len(r.crashed()) == 1 })
	pid := r.do(command{}).PID
	if err := os.RemoveAll(filepath.Dir(bootstrap)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a crash reported", func() bool { return len(r.crashed()) == 2 })
	if got := r.do(command{}); got.Version != "1" {
		t.Errorf("got %+v", got)
	}
}

func TestRuntimeLogsWholeLines(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{})
	r.deploy(testBootstrap(t, "plain", "1"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := r.try(command{Do: "print", Wait: 20 * time.Millisecond}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSuffix(r.logged(), "\n"), "\n")
	if len(lines) != 8*50 {
		t.Errorf("%d lines, want %d", len(lines), 8*50)
	}
	whole := regexp.MustCompile(`^<\d+-{300}\d+>$`)
	for _, line := range lines {
		if !whole.MatchString(line) {
			t.Errorf("line %q", line)
		}
	}
}

// Close lets what runs finish, and ends everything.
func TestRuntimeClose(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"plain", "orderly", "stubborn"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := newTestRuntime(t, RuntimeOptions{Concurrency: 2})
			r.closeDelay = 2 * time.Second
			r.deploy(testBootstrap(t, kind, "1"))
			forked := r.do(command{Do: "fork"})
			var all sync.WaitGroup
			send := func(c command, wantErr string) {
				all.Go(func() {
					if _, err := r.try(c); fmt.Sprint(err) != wantErr {
						// The message has a request id.
						if wantErr != "killed" || !strings.HasPrefix(fmt.Sprint(err), "Runtime.ExitError: ") {
							t.Errorf("%+v: error is %v, want %v", c, err, wantErr)
						}
					}
				})
			}
			closing := filepath.Join(t.TempDir(), "closing")
			send(command{Do: "await", Text: closing}, "<nil>")
			send(command{Do: "hang"}, "killed")
			eventually(t, "both run", func() bool {
				r.Runtime.mu.Lock()
				defer r.Runtime.mu.Unlock()
				return len(r.instances) == 2 && r.instances[0].event != nil && r.instances[1].event != nil
			})
			send(command{Text: "waits"}, errRuntimeClosed.Error())
			eventually(t, "one waits", func() bool {
				r.Runtime.mu.Lock()
				defer r.Runtime.mu.Unlock()
				return len(r.waiting) == 1
			})
			r.Runtime.mu.Lock()
			var pids []int
			for _, i := range r.instances {
				pids = append(pids, i.process.cmd.Process.Pid)
			}
			r.Runtime.mu.Unlock()
			if !slices.Contains(pids, forked.PID) {
				t.Fatalf("process %d has gone", forked.PID)
			}
			all.Go(func() {
				<-r.closing
				if err := os.WriteFile(closing, nil, 0o644); err != nil {
					t.Error(err)
				}
			})
			began := time.Now()
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > patience {
				t.Errorf("it took %v", took)
			}
			all.Wait()
			for _, pid := range append(pids, forked.Child) {
				// A grandchild was killed, and init is about to see it.
				eventually(t, "ended", func() bool { return !running(pid) })
			}
			if kind == "orderly" && strings.Count(r.logged(), "good bye\n") != 2 {
				t.Errorf("SIGTERM was not heeded\n%s", r.logged())
			}
			if _, err := r.try(command{}); !errors.Is(err, errRuntimeClosed) {
				t.Errorf("error is %v", err)
			}
			if err := r.Deploy(t.Context(), os.Args[0]); !errors.Is(err, errRuntimeClosed) {
				t.Errorf("error is %v", err)
			}
			if crashes := r.crashed(); crashes != nil {
				t.Errorf("crashes: %v", crashes)
			}
		})
	}
}

// This test is not parallel: it counts what the whole process has.
func TestRuntimeLeavesNothing(t *testing.T) {
	var goroutines, files int
	for n := range 3 {
		r := newTestRuntime(t, RuntimeOptions{Timeout: 500 * time.Millisecond})
		r.deploy(testBootstrap(t, "orderly", "1"))
		_ = r.Deploy(t.Context(), testBootstrap(t, "exits", "2"))
		var all sync.WaitGroup
		for _, what := range []string{"", "fork", "exit", "hang", "panic", "large", ""} {
			all.Go(func() { _, _ = r.try(command{Do: what}) })
		}
		all.Wait()
		r.deploy(testBootstrap(t, "stubborn", "2"))
		_, _ = r.try(command{Do: "fork"})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(50 * time.Millisecond); cancel() }()
		_, _ = r.Invoke(ctx, []byte(`{"Do":"hang"}`))
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		eventually(t, "no child is left", func() bool { return len(children(t)) == 0 })
		if n == 0 { // the first makes what every process has once: the poller's files
			goroutines, files = runtime.NumGoroutine(), openFiles(t)
		}
	}
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	if now := openFiles(t); now > files {
		t.Errorf("%d open files, %d before", now, files)
	}
}

// children are the processes that this one has started and not waited for.
func children(t *testing.T) []string {
	if runtime.GOOS != "linux" {
		return nil
	}
	var pids []string
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tasks {
		if list, err := os.ReadFile(name); err == nil { // else the thread has ended
			pids = append(pids, strings.Fields(string(list))...)
		}
	}
	return pids
}

func openFiles(t *testing.T) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// This test plays the function by hand.
func TestRuntimeProtocol(t *testing.T) {
	t.Parallel()
	r := newTestRuntime(t, RuntimeOptions{Concurrency: 1})
	bootstrap := writeBootstrap(t, `echo "address: $AWS_LAMBDA_RUNTIME_API" && exec sleep 600`)
	deployed := make(chan error, 1)
	go func() { deployed <- r.Deploy(t.Context(), bootstrap) }()
	var address string
	eventually(t, "the function started", func() bool {
		_, rest, _ := strings.Cut(r.logged(), "address: ")
		var whole bool
		address, _, whole = strings.Cut(rest, "\n")
		return whole
	})
	if !strings.HasPrefix(address, "127.0.0.1:") {
		t.Fatalf("address is %s", address)
	}

	type answer struct {
		status int
		header http.Header
		body   string
	}
	ask := func(ctx context.Context, method, path, body string, header ...string) answer {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, strings.NewReader(body))
		if err != nil {
			return answer{body: err.Error()}
		}
		for n := 0; n < len(header); n += 2 {
			if header[n] == "Host" {
				req.Host = header[n+1]
			}
			req.Header.Set(header[n], header[n+1])
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return answer{body: err.Error()}
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return answer{resp.StatusCode, resp.Header, string(text)}
	}
	check := func(a answer, status int, text string) {
		t.Helper()
		if a.status != status || !strings.Contains(a.body, text) {
			t.Errorf("answer is %d %s, want %d %s", a.status, a.body, status, text)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const base = "/2018-06-01/runtime/"
	next := func() answer { t.Helper(); return ask(ctx, "GET", base+"invocation/next", "") }

	// Before the first event.
	check(ask(ctx, "POST", base+"invocation/x/response", "{}"), 400, `"errorType":"InvalidRequestID"`)
	check(ask(ctx, "GET", base+"invocation/x/response", ""), 405, "")
	check(ask(ctx, "GET", "/2018-06-01/other", ""), 404, "")
	check(ask(ctx, "GET", base+"invocation/next", "", "Origin", "https://evil.example"), 403, "Forbidden")
	check(ask(ctx, "GET", base+"invocation/next", "", "Sec-Fetch-Site", "cross-site"), 403, "Forbidden")
	check(ask(ctx, "GET", base+"invocation/next", "", "Host", "evil.example"), 403, "Forbidden")
	check(ask(ctx, "POST", "/2020-01-01/extension/register", `{"events":[]}`), 403, "Extension.InvalidExtensionName")
	a := ask(ctx, "POST", "/2020-01-01/extension/register", `{"events":[]}`, "Lambda-Extension-Name", "test")
	check(a, 200, `"functionName":"routegate"`)
	extension := a.header.Get("Lambda-Extension-Identifier")
	check(ask(ctx, "GET", "/2020-01-01/extension/event/next", "", "Lambda-Extension-Identifier", "x"), 403, "Extension.UnknownExtensionIdentifier")
	blocked := make(chan answer, 1)
	go func() {
		blocked <- ask(ctx, "GET", "/2020-01-01/extension/event/next", "", "Lambda-Extension-Identifier", extension)
	}()
	select {
	case err := <-deployed:
		t.Fatalf("deployed before it asked for an event: %v", err)
	default:
	}

	// A request for the next event that is given up; then one that waits.
	givenUp, giveUp := context.WithTimeout(ctx, 50*time.Millisecond)
	defer giveUp()
	ask(givenUp, "GET", base+"invocation/next", "")
	if err := <-deployed; err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		answer string
		err    error
	}
	invoke := func(payload string) <-chan outcome {
		c := make(chan outcome, 1)
		go func() {
			got, err := r.Invoke(ctx, []byte(payload))
			c <- outcome{string(got), err}
		}()
		return c
	}

	answered := invoke(`{"n":1}`)
	a = next()
	check(a, 200, `{"n":1}`)
	id := a.header.Get("Lambda-Runtime-Aws-Request-Id")
	if ms, err := strconv.ParseInt(a.header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64); err != nil || time.Until(time.UnixMilli(ms)) > 29*time.Second {
		t.Errorf("headers are %v", a.header)
	}
	if arn := a.header.Get("Lambda-Runtime-Invoked-Function-Arn"); !strings.HasSuffix(arn, ":function:routegate") {
		t.Errorf("headers are %v", a.header)
	}
	again := next()
	check(again, 200, `{"n":1}`)
	if again.header.Get("Lambda-Runtime-Aws-Request-Id") != id {
		t.Errorf("another event while the first one runs")
	}
	check(ask(ctx, "POST", base+"init/error", "{}"), 403, "InvalidStateTransition")
	check(ask(ctx, "POST", base+"invocation/"+newInvocationID()+"/response", "{}"), 400, "InvalidRequestID")
	check(ask(ctx, "POST", base+"invocation/"+newInvocationID()+"/error", "{}"), 400, "InvalidRequestID")
	check(ask(ctx, "POST", base+"invocation/"+id+"/response", "any text"), 202, `{"status":"OK"}`)
	if got := <-answered; got.err != nil || got.answer != "any text" {
		t.Errorf("got %+v", got)
	}
	check(ask(ctx, "POST", base+"invocation/"+id+"/response", "{}"), 403, "InvalidStateTransition")
	check(ask(ctx, "POST", base+"invocation/"+id+"/error", "{}"), 403, "InvalidStateTransition")

	answered = invoke("")
	a = next()
	check(a, 200, "")
	check(ask(ctx, "POST", base+"invocation/"+id+"/response", "{}"), 400, "InvalidRequestID")
	id = a.header.Get("Lambda-Runtime-Aws-Request-Id")
	check(ask(ctx, "POST", base+"invocation/"+id+"/error", `{"errorType":"Oops","errorMessage":"it broke"}`), 202, `{"status":"OK"}`)
	if got := <-answered; fmt.Sprint(got.err) != "Oops: it broke" {
		t.Errorf("got %+v", got)
	}

	answered = invoke("{}")
	id = next().header.Get("Lambda-Runtime-Aws-Request-Id")
	check(ask(ctx, "POST", base+"invocation/"+id+"/error", "<plain>", "Lambda-Runtime-Function-Error-Type", "Function.Odd"), 202, `{"status":"OK"}`)
	if got := <-answered; fmt.Sprint(got.err) != "Function.Odd: <plain>" {
		t.Errorf("got %+v", got)
	}

	// An event that the function did not get whole is not lost.
	large := strings.Repeat("x", 32<<20) // more than the sockets hold
	answered = invoke(large)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %sinvocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", base, address)
	if _, err := io.ReadFull(conn, make([]byte, 1000)); err != nil {
		t.Error(err)
	}
	conn.Close()
	a = next()
	if a.status != 200 || a.body != large {
		t.Errorf("got %d bytes, want %d", len(a.body), len(large))
	}
	id = a.header.Get("Lambda-Runtime-Aws-Request-Id")
	check(ask(ctx, "POST", base+"invocation/"+id+"/response", "{}"), 202, "OK")
	if got := <-answered; got.err != nil {
		t.Errorf("got %+v", got)
	}

	for _, size := range []int{maxAnswer, maxAnswer + 1} {
		answered = invoke("{}")
		id = next().header.Get("Lambda-Runtime-Aws-Request-Id")
		a = ask(ctx, "POST", base+"invocation/"+id+"/response", strings.Repeat("x", size))
		got := <-answered
		if size == maxAnswer {
			check(a, 202, `{"status":"OK"}`)
			if got.err != nil || len(got.answer) != size {
				t.Errorf("got %d bytes, %v", len(got.answer), got.err)
			}
			continue
		}
		check(a, 413, "Exceeded maximum allowed payload size (6291556 bytes).")
		if want := "Function.ResponseSizeTooLarge: Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)."; fmt.Sprint(got.err) != want {
			t.Errorf("error is %v, want %s", got.err, want)
		}
	}

	select {
	case a := <-blocked:
		t.Fatalf("the extension got %+v", a)
	default:
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	<-blocked // its connection has ended
	check(next(), 0, "")
}

func BenchmarkRuntimeInvoke(b *testing.B) {
	r := newTestRuntime(b, RuntimeOptions{})
	r.deploy(testBootstrap(b, "plain", "1"))
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := r.Invoke(context.Background(), []byte("{}")); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkRuntimeDeploy(b *testing.B) {
	r := newTestRuntime(b, RuntimeOptions{Env: []string{"ROUTEGATE_TEST_FUNCTION=plain"}})
	for b.Loop() {
		r.deploy(os.Args[0])
	}
}
