// Command server is one of the servers that measureServer compares, in a process
// of its own. Its arguments are the contestant, the issuer of the tokens, their
// audience and the number of routes. It prints where it listens, then at each line
// of its input for how many nanoseconds it has been on a processor, and ends with
// its input.
//
// With BENCH_PROFILE, a directory, it leaves a CPU profile there.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "server: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%d arguments, want 4", len(args))
	}
	contestant, known := contestants[args[0]]
	if !known {
		return fmt.Errorf("no contestant %q", args[0])
	}
	routes, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	h, err := contestant(context.Background(), api{issuer: args[1], audience: args[2], routes: routes})
	if err != nil {
		return err
	}
	server := httptest.NewUnstartedServer(h)
	// As in cmd/server.
	server.Config.ReadHeaderTimeout = 10 * time.Second
	server.Config.ReadTimeout = 40 * time.Second
	server.Config.WriteTimeout = 50 * time.Second
	server.Config.IdleTimeout = 90 * time.Second
	server.Config.MaxHeaderBytes = 8 << 10
	server.Config.DisableGeneralOptionsHandler = true
	server.Start()
	defer server.Close()
	if dir := os.Getenv("BENCH_PROFILE"); dir != "" {
		f, err := os.CreateTemp(dir, strings.ReplaceAll(args[0], "/", "-")+"-*.pprof")
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println(server.Listener.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return err
		}
		fmt.Println(u.Utime.Nano() + u.Stime.Nano())
	}
	return nil
}
