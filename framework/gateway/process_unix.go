//go:build unix

package gateway

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the process that cmd starts the leader of a process group:
// what it starts can be ended with it, and an interrupt typed at the terminal
// reaches it only by way of the Runtime.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// terminate asks a process to end. Like Lambda it asks the program only, not
// what the program has started.
func terminate(p *os.Process) {
	_ = p.Signal(syscall.SIGTERM) // it may have ended
}

// killGroup ends a process, running or not, and what is left of its group.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL) // nothing may be left
}
