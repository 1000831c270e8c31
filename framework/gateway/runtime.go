package gateway

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// A Runtime runs a function's program, a bootstrap, against an in-process Lambda
// Runtime API, and sends it events. What it runs is what is deployed: the
// program needs to know nothing of it. It is safe for concurrent use.
//
// The protocol is that of the Lambda developer guide, "Using the Lambda runtime
// API for custom runtimes"; what that page leaves open is taken from AWS's own
// Runtime Interface Emulator.
type Runtime struct {
	opts RuntimeOptions
	dir  string // holds the copies of the programs
	log  lockedWriter

	// What the function is told that it is called, and where it runs.
	name, region string

	// How long an instance may take to ask for its first event, and how long Close
	// waits for running events.
	initLimit, closeDelay time.Duration

	deploying chan struct{}  // a token, for one Deploy at a time
	closing   chan struct{}  // closed by Close
	running   sync.WaitGroup // what Close waits for

	mu        sync.Mutex
	closed    bool
	program   *program      // that new events go to; nil before the first Deploy
	instances []*instance   // that have not ended, of any program, oldest first
	waiting   []*invocation // not given to an instance, oldest first
	started   int           // instances, ever
}

// RuntimeOptions says how a Runtime runs a function.
type RuntimeOptions struct {
	// Concurrency is how many instances of a program may run at once. Each answers
	// one event at a time, as in Lambda. 0 is 4.
	Concurrency int

	// Env is added to the environment of the instances, which is otherwise that of
	// this process, AWS credentials included, and what Lambda sets. It may change
	// what Lambda's variables say of the function, its name for one, but not where
	// the Runtime API is.
	Env []string

	// Log takes standard output and error of all instances, in whole lines. Nil
	// discards them.
	Log io.Writer

	// Timeout is the function's own: the deadline that it is told. An instance that
	// misses it is killed, and the event fails. 0 is 29 seconds, just below the
	// gateway's own limit.
	Timeout time.Duration

	// Crashed, unless it is nil, is called for every instance that ends without
	// having been asked to. The error has what the instance printed last. A program
	// that Deploy gives up is reported by Deploy instead, and an event that takes
	// too long by Invoke. Crashed may be called several times at once and must not
	// call Close, which waits for it.
	Crashed func(error)
}

// A FunctionError is an event's answer when the function reported an error,
// ended, or took too long. API Gateway makes 500 of it.
type FunctionError struct {
	Type    string // "errorString", "Runtime.ExitError", "Sandbox.Timedout"
	Message string
	Output  string // what an instance that ended had printed last
}

// Error returns type and message.
func (e *FunctionError) Error() string {
	if e.Type == "" {
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// timedOut is the Type of an instance or an event that took too long.
const timedOut = "Sandbox.Timedout"

var (
	errRuntimeClosed = errors.New("the function's runtime is closed")
	errNotDeployed   = errors.New("no function is deployed")
)

// NewRuntime returns a Runtime that runs nothing yet. Each instance gets a Runtime
// API of its own, on a port of 127.0.0.1, when it is started.
func NewRuntime(opts RuntimeOptions) (*Runtime, error) {
	if opts.Concurrency < 0 || opts.Timeout < 0 {
		return nil, errors.New("concurrency and timeout cannot be negative")
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = 4
	}
	if opts.Timeout == 0 {
		opts.Timeout = 29 * time.Second
	}
	if opts.Log == nil {
		opts.Log = io.Discard
	}
	opts.Env = slices.Clone(opts.Env)
	dir, err := os.MkdirTemp("", "routegate-runtime-")
	if err != nil {
		return nil, err
	}
	env := slices.Concat(ownEnvironment(), opts.Env)
	r := &Runtime{
		opts: opts,
		dir:  dir,
		log:  lockedWriter{w: opts.Log},
		name: cmp.Or(variable(env, "AWS_LAMBDA_FUNCTION_NAME"), "routegate"),
		// The developer's, or where most examples are.
		region: cmp.Or(variable(env, "AWS_REGION"), variable(env, "AWS_DEFAULT_REGION"), "us-east-1"),
		// Lambda allows ten seconds, and when they are over starts the function again
		// under its own timeout (Lambda developer guide, "Understanding the Lambda
		// execution environment lifecycle").
		initLimit:  max(10*time.Second, opts.Timeout),
		closeDelay: 2 * time.Second,
		deploying:  make(chan struct{}, 1),
		closing:    make(chan struct{}),
	}
	return r, nil
}

// Deploy starts an instance of a program and waits until it asks for its first
// event. From then on events that no instance has been given go to that program.
// The instances of the program before it end, those that are answering an event
// after that; so for a moment more than Concurrency may run.
//
// If the instance ends, reports an error or takes too long, the program before it
// goes on. The error then says so in one line, and what the instance printed last
// in the lines after that. It wraps a *FunctionError unless the program could not
// be run at all or ctx ended.
//
// What runs is a copy, so that the file may be overwritten or removed. The
// working directory is the one that the file lies in.
func (r *Runtime) Deploy(ctx context.Context, bootstrap string) error {
	select {
	case r.deploying <- struct{}{}:
		defer func() { <-r.deploying }()
	case <-ctx.Done():
		return ctx.Err()
	case <-r.closing:
		return errRuntimeClosed
	}
	i, err := r.launch(bootstrap)
	if err != nil {
		return err
	}
	select {
	case <-i.ready:
	case <-i.ended:
	case <-ctx.Done():
		err = fmt.Errorf("waiting for the function to ask for its first event: %w", ctx.Err())
	case <-r.closing:
		err = errRuntimeClosed
	}
	r.mu.Lock()
	if r.closed {
		err = errRuntimeClosed
	}
	if err == nil && i.err == nil {
		defer r.mu.Unlock()
		r.swap(i.program)
		return nil
	}
	i.stop(i.kill)
	r.mu.Unlock()
	<-i.ended
	os.RemoveAll(i.program.dir) // if it fails, it is left to Close
	if err == nil {
		err = i.err
	} else if output := i.output(); output != "" {
		err = &endError{err.Error(), output, err}
	}
	return fmt.Errorf("the function does not start: %w", err)
}

// launch starts the first instance of a program.
func (r *Runtime) launch(bootstrap string) (*instance, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, errRuntimeClosed
	}
	r.running.Add(1) // so that Close does not remove the directory meanwhile
	defer r.running.Done()
	r.mu.Unlock()
	p, err := newProgram(r.dir, bootstrap)
	if err != nil {
		return nil, fmt.Errorf("cannot deploy the function: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errRuntimeClosed
	}
	return r.start(p), nil
}

// swap makes p the program that events go to. r.mu is held.
func (r *Runtime) swap(p *program) {
	old := r.program
	r.program, p.deployed = p, true
	for _, i := range r.instances {
		if i.program != p {
			i.retire()
		}
	}
	if old != nil {
		// It runs on where it runs. Where a running file cannot be removed, Close does.
		os.RemoveAll(old.dir)
	}
	r.dispatch()
}

// Invoke sends the function an event and returns its answer. It waits for an
// instance that is free, and one is started if fewer than Concurrency run.
//
// The error is a *FunctionError when the function reported one, ended while it
// ran the event, took too long, does not start, or answered with more than
// Lambda allows. An event that an instance has been given is not repeated, it
// may have had its effect. When ctx ends, an event that waits is withdrawn; one
// that runs goes on, as in Lambda, and its instance is not free until it is done.
func (r *Runtime) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Cloned because it may be read after ctx has ended.
	inv := &invocation{id: newInvocationID(), payload: bytes.Clone(payload), done: make(chan struct{})}
	r.mu.Lock()
	if r.closed || r.program == nil {
		defer r.mu.Unlock()
		if r.closed {
			return nil, errRuntimeClosed
		}
		return nil, errNotDeployed
	}
	r.waiting = append(r.waiting, inv)
	r.dispatch()
	r.mu.Unlock()

	select {
	case <-inv.done:
		return inv.answer, inv.err
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-inv.done: // as well
		return inv.answer, inv.err
	default:
	}
	inv.abandoned = true
	r.waiting = slices.DeleteFunc(r.waiting, func(other *invocation) bool { return other == inv })
	return nil, ctx.Err()
}

// Close ends all instances and returns when they have ended, and all that they
// have started. Events that run get two seconds more, events that wait fail.
func (r *Runtime) Close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.closing)
		for _, inv := range r.waiting {
			inv.finish(nil, errRuntimeClosed)
		}
		r.waiting = nil
		for _, i := range r.instances {
			i.retire()
		}
	}
	r.mu.Unlock()

	all := make(chan struct{})
	go func() { r.running.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(r.closeDelay):
		r.mu.Lock()
		for _, i := range r.instances {
			i.stop(i.end)
		}
		r.mu.Unlock()
		<-all
	}
	return os.RemoveAll(r.dir)
}

// An invocation is one event on its way.
type invocation struct {
	id      string
	payload []byte

	// Guarded by the Runtime's mutex.
	given     time.Time // to an instance
	repeated  bool      // to the same instance, which asked twice
	abandoned bool      // nobody waits for the answer

	done   chan struct{} // closed when the two are set
	answer []byte
	err    error
}

// finish is called once.
func (inv *invocation) finish(answer []byte, err error) {
	inv.answer, inv.err = answer, err
	close(inv.done)
}

// fail is finish with an error of Lambda's own making, in Lambda's words.
func (inv *invocation) fail(e FunctionError) {
	e.Message = "RequestId: " + inv.id + " Error: " + e.Message
	inv.finish(nil, &e)
}

// newInvocationID returns a random UUID.
func newInvocationID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// dispatch gives the events that wait to the instances that ask, and starts
// instances for the rest. It is called whenever there may be more of either.
// r.mu is held.
func (r *Runtime) dispatch() {
	alive, starting := 0, 0
	for _, i := range r.instances {
		if i.program != r.program || i.ending {
			continue
		}
		alive++
		if i.asking != nil && len(r.waiting) > 0 {
			i.give(r.waiting[0])
			r.waiting = slices.Delete(r.waiting, 0, 1)
		}
		if !i.initialized {
			starting++
		}
	}
	for ; len(r.waiting) > starting && alive < r.opts.Concurrency; alive++ {
		p := r.program
		if p.failures > 0 && (starting > 0 || time.Now().Before(p.retryAt)) {
			break // one tries it for all
		}
		r.start(p)
		starting++
	}
	if alive == 0 && len(r.waiting) > 0 {
		// Nothing will come to serve them before the next try.
		for _, inv := range r.waiting {
			inv.fail(*r.program.failure)
		}
		r.waiting = nil
	}
}

// start starts an instance of a program. r.mu is held, and r is not closed.
func (r *Runtime) start(p *program) *instance {
	r.started++
	i := &instance{
		runtime: r,
		program: p,
		number:  r.started,
		ready:   make(chan struct{}),
		ended:   make(chan struct{}),
		end:     make(chan struct{}),
		kill:    make(chan struct{}),
	}
	r.instances = append(r.instances, i)
	r.running.Go(i.run)
	return i
}

// An instance is one process of a program with the Runtime API that it talks to.
type instance struct {
	runtime *Runtime
	program *program
	number  int
	ready   chan struct{} // closed when it has asked for its first event
	ended   chan struct{} // closed when it has ended and err is set
	end     chan struct{} // closed to have it asked to end
	kill    chan struct{} // closed to have it killed

	// What follows is guarded by the Runtime's mutex.

	process     *process         // nil until it is started, and if it could not be
	initialized bool             // has asked for its first event
	asking      chan *invocation // a request for the next event waits here
	event       *invocation      // that it has been given and has not answered
	answered    string           // id of the event that it answered last, until it asks again
	deadline    *time.Timer      // of event, and of what it does before it asks again
	retired     bool             // gets no more events
	ending      bool             // has been asked to end, or is being killed
	initError   *FunctionError   // why it is, if it failed before its first event
	err         error            // how it ended
	extensions  []string         // ids
	closed      bool             // its Runtime API takes no more requests
	requests    sync.WaitGroup   // that its Runtime API answers
}

// run runs the instance until it has ended.
func (i *instance) run() {
	r := i.runtime
	err := i.serve()
	r.mu.Lock()
	crashed := !i.ending || i.initError != nil
	i.ending, i.asking = true, nil
	if i.deadline != nil {
		i.deadline.Stop()
	}
	r.instances = slices.DeleteFunc(r.instances, func(other *instance) bool { return other == i })
	failure := i.failure(err)
	i.err = i.describe(failure, err)
	if i.event != nil {
		i.event.fail(*failure)
		i.event = nil
	}
	if !i.initialized && crashed {
		i.program.failed(failure)
	}
	deployed := i.program.deployed
	if r.program != nil && !r.closed {
		r.dispatch()
	}
	close(i.ended)
	r.mu.Unlock()

	// Before its program is deployed it is Deploy that says so.
	if crashed && deployed && r.opts.Crashed != nil {
		r.opts.Crashed(fmt.Errorf("the function ended: %w", i.err))
	}
}

// failure is how the instance ended, in Lambda's words. r.mu is held.
func (i *instance) failure(err error) *FunctionError {
	failure := &FunctionError{Type: "Runtime.ExitError", Output: i.output()}
	switch {
	case i.initError != nil:
		failure.Type, failure.Message = i.initError.Type, i.initError.Message
	case i.process == nil:
		failure.Type, failure.Message = "Runtime.InvalidEntrypoint", err.Error()
	case err != nil:
		failure.Message = "Runtime exited with error: " + err.Error()
	default:
		failure.Message = "Runtime exited without providing a reason"
	}
	return failure
}

// describe returns how the instance ended, for people. failure is the same in
// Lambda's words, and err is how the process ended or why there was none.
func (i *instance) describe(failure *FunctionError, err error) error {
	if i.process == nil {
		return err // no program has run
	}
	e := &endError{how: "exit status 0", output: failure.Output, cause: failure}
	switch {
	case i.initError != nil && i.initError.Type == timedOut:
		e.how = i.initError.Message
	case i.initError != nil:
		e.how = i.initError.Error()
	case err != nil:
		e.how = err.Error() // "exit status 3", "signal: killed"
	}
	return e
}

// An endError says how an instance ended and what it printed last.
type endError struct {
	how    string
	output string
	cause  error
}

func (e *endError) Error() string {
	if e.output == "" {
		return e.how + "; it printed nothing"
	}
	return e.how + "; it printed last:\n" + e.output
}

func (e *endError) Unwrap() error { return e.cause }

// failed notes that an instance did not come as far as asking for an event. A
// first failure may be chance; then the pauses grow, so that a program that never
// starts is not started all the time.
func (p *program) failed(why *FunctionError) {
	p.failures++
	p.failure = why
	if p.failures > 1 {
		p.retryAt = time.Now().Add(min(100*time.Millisecond<<min(p.failures-2, 10), 5*time.Second))
	}
}

// output is what the instance has printed last.
func (i *instance) output() string {
	if i.process == nil {
		return ""
	}
	return i.process.tail.String()
}

// give hands an event to the request that waits. r.mu is held.
func (i *instance) give(inv *invocation) {
	i.event = inv
	inv.given = time.Now()
	i.asking <- inv
	i.asking = nil
	r := i.runtime
	i.deadline = time.AfterFunc(r.opts.Timeout, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case i.event == inv:
			i.event = nil
			inv.fail(FunctionError{Type: timedOut, Message: fmt.Sprintf("Task timed out after %.2f seconds", r.opts.Timeout.Seconds())})
		case i.answered == inv.id: // it is not done before it asks again
		default:
			return
		}
		i.stop(i.kill)
	})
}

// takeBack undoes give when the event did not reach the instance: it goes to
// another one, before those that came later. r.mu is held.
func (i *instance) takeBack(inv *invocation) {
	// It may have timed out, and the instance may have it from a second request.
	if i.event != inv || inv.repeated {
		return
	}
	i.event = nil
	i.deadline.Stop()
	if i.retired { // it may never ask
		i.stop(i.end)
	}
	r := i.runtime
	switch {
	case inv.abandoned:
	case r.closed:
		inv.finish(nil, errRuntimeClosed)
	default:
		r.waiting = slices.Insert(r.waiting, 0, inv)
		r.dispatch()
	}
}

// retire ends an instance that is not running an event, and has any other end
// when it asks for the next. r.mu is held.
func (i *instance) retire() {
	i.retired = true
	if i.event == nil && i.answered == "" {
		i.stop(i.end)
	}
}

// stop closes end or kill. r.mu is held.
func (i *instance) stop(how chan struct{}) {
	i.ending, i.asking = true, nil
	select {
	case <-how:
	default:
		close(how)
	}
}
