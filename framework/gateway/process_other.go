//go:build !unix

package gateway

import (
	"os"
	"os/exec"
)

// Without process groups only the program itself is ended, not what it has
// started.

func ownGroup(*exec.Cmd) {}

func terminate(p *os.Process) { _ = p.Kill() } // there is no asking

func killGroup(p *os.Process) { _ = p.Kill() } // it may have ended
