package gen

import (
	"os"
	"os/signal"
	"syscall"
)

// Undisturbed calls f and returns what it does. The signals that ask a program to
// end, SIGINT, SIGTERM and SIGHUP, have no effect before f has returned: then one
// that came is sent again, and ends the program unless it handles it itself. So f
// can write files and take back what it began.
//
// f should not take longer than somebody waits who has typed an interrupt.
func Undisturbed(f func() error) error {
	held := make(chan os.Signal, 3)
	signal.Notify(held, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer func() {
		signal.Stop(held)
		select {
		case s := <-held:
			raise(s)
		default:
		}
	}()
	return f()
}

// raise sends a signal to this process.
func raise(s os.Signal) {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Signal(s)
	}
	if err != nil { // Windows cannot
		os.Exit(1)
	}
}
