package framework

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ExitOnSIGTERM makes SIGTERM end the process with exit code 0. The running requests
// get their responses first. Then cleanup is called, unless it is nil: a main
// function closes there what it opened, such as a database. main must call
// ExitOnSIGTERM before lambda.Start, and only once.
//
// Emulators and containers send SIGTERM at any time. Lambda sends it only to
// functions with an extension, when no request is running, and kills the process 500
// to 2,000 ms later (Lambda developer guide, "Understanding the Lambda execution
// environment lifecycle"). So cleanup is no place for what must not be lost.
func (a *App) ExitOnSIGTERM(cleanup func()) {
	a.listens = make(chan struct{})
	go a.exitOnSIGTERM(cleanup)
}

// exitOnSIGTERM does without lambda.WithEnableSIGTERM, which registers an extension:
// a call at every cold start.
func (a *App) exitOnSIGTERM(cleanup func()) {
	end := make(chan os.Signal, 1)
	// The first call of Notify starts threads. The first request waits for them, so
	// that the first poll of a cold start does not.
	signal.Notify(end, syscall.SIGTERM)
	close(a.listens)
	<-end
	a.drain()
	if cleanup != nil {
		cleanup()
	}
	os.Exit(0)
}

// drain returns when no request has been running for a tenth of a second. By then
// the last response has been sent.
func (a *App) drain() {
	const look, quiet = 10 * time.Millisecond, 100 * time.Millisecond
	for idle := time.Duration(0); idle < quiet; idle += look {
		time.Sleep(look)
		if a.running.Load() > 0 {
			idle = 0
		}
	}
}
