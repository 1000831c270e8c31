// Command launch runs a command and prints how long it ran and how long it was on
// a processor, in nanoseconds, and how much memory it had at most, in bytes.
//
// It is a program of its own because Linux counts a process that has been made by
// vfork, as os/exec does, as having had the memory of the one that made it: the
// figure is right only where that one is small.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%.2000s", err, &out)
		os.Exit(1)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	fmt.Println(int64(took), usage.Utime.Nano()+usage.Stime.Nano(), usage.Maxrss*1024)
}
