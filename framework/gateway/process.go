package gateway

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// killDelay is what Lambda gives a function with an internal extension, such
	// as aws-lambda-go's, from SIGTERM to SIGKILL (Lambda developer guide,
	// "Understanding the Lambda execution environment lifecycle").
	killDelay = 500 * time.Millisecond

	// outputDelay is how long output is waited for when the process group has
	// ended. Only a process that has left the group can still hold the pipe.
	outputDelay = time.Second

	maxLine = 64 << 10 // of output; a longer one is broken
	maxTail = 4 << 10  // of what was printed last
)

// A program is a deployed bootstrap: a private copy, which stays what it is when
// the next build overwrites the original.
type program struct {
	name string // as given to Deploy, for messages
	root string // the directory that the original lay in: working directory, LAMBDA_TASK_ROOT
	dir  string // holds the copy and nothing else
	path string // of the copy

	// What follows is guarded by the Runtime's mutex: whether events have gone to
	// it, ever; the starts that failed since the last that did not, why the last one
	// did, and when the next one may be.
	deployed bool
	failures int
	failure  *FunctionError
	retryAt  time.Time
}

// newProgram copies a bootstrap into a new directory below dir.
func newProgram(dir, bootstrap string) (_ *program, err error) {
	path, err := filepath.Abs(bootstrap)
	if err != nil {
		return nil, err
	}
	p := &program{name: bootstrap, root: filepath.Dir(path)}
	if p.dir, err = os.MkdirTemp(dir, "program-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(p.dir)
		}
	}()
	p.path = filepath.Join(p.dir, "bootstrap"+filepath.Ext(path))
	from, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", bootstrap)
	}
	// A process forked while the copy is open for writing would hold it open for a
	// moment, and the copy could not be run ("text file busy"): none is forked in
	// this process meanwhile.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	to, err := os.OpenFile(p.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm()&0o700)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(to, from)
	if closing := to.Close(); err == nil {
		err = closing
	}
	return p, err
}

// workingDir is the original's directory, as /var/task is in Lambda, for a
// program that reads the files beside it. That directory may be gone; then it is
// the copy's.
func (p *program) workingDir() string {
	if info, err := os.Stat(p.root); err == nil && info.IsDir() {
		return p.root
	}
	return p.dir
}

// A process is a running program and all that it starts.
type process struct {
	cmd    *exec.Cmd
	exited chan error // of the program itself
	output sync.WaitGroup
	pipes  []*os.File // that the output is read from
	tail   tail
}

// startProcess starts a program in a directory. Its standard output and error
// are logged.
func startProcess(p *program, dir string, env []string, log *lockedWriter) (*process, error) {
	s := &process{cmd: exec.Command(p.path), exited: make(chan error, 1)}
	s.cmd.Dir, s.cmd.Env = dir, env
	ownGroup(s.cmd)
	// Pipes of our own: those of package exec are waited for together with the
	// process, and a grandchild that holds one would have to be killed before.
	for _, file := range []*io.Writer{&s.cmd.Stdout, &s.cmd.Stderr} {
		read, write, err := os.Pipe()
		if err != nil {
			s.closePipes()
			return nil, err
		}
		defer write.Close() // the process has it, or did not start
		*file = write
		s.pipes = append(s.pipes, read)
	}
	if err := s.cmd.Start(); err != nil {
		s.closePipes()
		return nil, fmt.Errorf("cannot run %s: %w", p.name, err)
	}
	for _, pipe := range s.pipes {
		s.output.Go(func() { copyLines(pipe, log, &s.tail) })
	}
	go func() { s.exited <- s.cmd.Wait() }()
	return s, nil
}

// wait returns when neither the program nor anything of its process group runs
// any more, with how the program ended: nil for exit code 0. The program is
// asked to end when end is closed and given killDelay then, and is killed when
// kill is closed.
func (s *process) wait(end, kill <-chan struct{}) error {
	var late <-chan time.Time
	for {
		select {
		case err := <-s.exited:
			// What it has started does not outlive it: Lambda stops the whole
			// environment, too. The group's id is not used again while anything is in
			// the group.
			killGroup(s.cmd.Process)
			s.drain()
			return err
		case <-end:
			terminate(s.cmd.Process)
			late, end = time.After(killDelay), nil
		case <-late:
			killGroup(s.cmd.Process)
		case <-kill:
			killGroup(s.cmd.Process)
			kill = nil
		}
	}
}

// drain takes in the rest of the output.
func (s *process) drain() {
	all := make(chan struct{})
	go func() { s.output.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(outputDelay):
	}
	s.closePipes() // which ends the readers, whoever may still hold the other end
}

func (s *process) closePipes() {
	for _, pipe := range s.pipes {
		pipe.Close()
	}
}

// copyLines passes on whole lines only: a last one that lacks its end gets one.
func copyLines(from io.Reader, to *lockedWriter, tail *tail) {
	var line []byte
	pass := func() {
		line = append(line, '\n')
		tail.Write(line)
		to.Write(line)
		line = line[:0]
	}
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		for part := buf[:n]; len(part) > 0; {
			end := bytes.IndexByte(part, '\n')
			if end >= 0 {
				line = append(line, part[:end]...)
				part = part[end+1:]
				pass()
				continue
			}
			line = append(line, part...)
			part = nil
			if len(line) >= maxLine {
				pass()
			}
		}
		if err != nil {
			if len(line) > 0 {
				pass()
			}
			return
		}
	}
}

// A lockedWriter is written to by one at a time. What cannot be logged is lost:
// the function goes on.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.w.Write(p)
}

// A tail keeps what was written last.
type tail struct {
	mu  sync.Mutex
	buf []byte
	cut bool
}

func (t *tail) Write(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - maxTail; over > 0 {
		t.buf, t.cut = append(t.buf[:0], t.buf[over:]...), true
	}
}

// String returns it without the final line end, and from the start of a line
// unless there is one line only.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := string(bytes.TrimRight(t.buf, "\n"))
	if t.cut {
		if _, rest, ok := strings.Cut(text, "\n"); ok {
			text = rest
		}
		text = strings.ToValidUTF8(text, "")
	}
	return text
}

// environment returns the variables that an instance finds. The reserved ones are
// those of the Lambda developer guide, "Working with Lambda environment
// variables". AWS_EXECUTION_ENV is not defined for an OS-only runtime, which a Go
// function has.
func (r *Runtime) environment(dir, runtimeAPI, stream string) []string {
	// Of two settings of a variable the later one counts.
	return slices.Concat(ownEnvironment(), []string{
		"AWS_LAMBDA_FUNCTION_NAME=" + r.name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", // Lambda's default
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + r.name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + stream,
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"_HANDLER=bootstrap",
		"TZ=:UTC",
	}, r.opts.Env, []string{
		"AWS_REGION=" + r.region,
		"AWS_DEFAULT_REGION=" + r.region,
		"LAMBDA_TASK_ROOT=" + dir,
		"PWD=" + dir,
		"AWS_LAMBDA_RUNTIME_API=" + runtimeAPI,
	})
}

// ownEnvironment is that of this process, without what a surrounding Lambda or
// another emulator has set: it describes another function, and
// _LAMBDA_SERVER_PORT would make aws-lambda-go speak its old protocol.
func ownEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "AWS_LAMBDA_") || strings.HasPrefix(v, "_LAMBDA_") ||
			strings.HasPrefix(v, "AWS_EXECUTION_ENV=") || strings.HasPrefix(v, "_X_AMZN_TRACE_ID=")
	})
}

// variable returns the last value of a variable, as a process would find it.
func variable(env []string, name string) string {
	for _, v := range slices.Backward(env) {
		key, value, _ := strings.Cut(v, "=")
		if key == name || runtime.GOOS == "windows" && strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}
