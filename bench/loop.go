package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/routegate/routegate/bench/contestant"
	"github.com/routegate/routegate/bench/sample"
)

// A loop is a process of the command loop.
type loop struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startLoop starts the program, and checks the answer to the event that it loops
// over.
func startLoop(program string, routes int, found string) (*loop, error) {
	l := &loop{cmd: exec.Command(program, fmt.Sprint(routes), found)}
	l.cmd.Stderr = os.Stderr
	var err error
	if l.in, err = l.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	l.out = bufio.NewReader(out)
	answer, err := l.out.ReadString('\n')
	if err == nil {
		err = contestant.CheckAnswer([]byte(answer), sample.Answer(sample.Item))
	}
	if err != nil {
		l.stop()
		return nil, fmt.Errorf("loop: %w", err)
	}
	return l, nil
}

// times answers n events.
func (l *loop) times(n int) (time.Duration, error) {
	if _, err := fmt.Fprintln(l.in, n); err != nil {
		return 0, err
	}
	line, err := l.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("loop: %w", err)
	}
	var took time.Duration
	_, err = fmt.Sscan(strings.TrimSpace(line), (*int64)(&took))
	return took, err
}

// stop ends the process, which its input's end does.
func (l *loop) stop() {
	l.in.Close()
	_ = l.cmd.Wait() // all that it had to say is said
}
