package gen

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Undisturbed calls f and returns what it does. The signals that ask a program to
// end, SIGINT, SIGTERM and SIGHUP, have no effect before f has returned: then one
// that came is sent again, and ends the program unless it handles it itself. So f
// can write files and take back what it began. Calls may be nested, and made
// several at once: the last one to return sends the signal.
//
// f should not take longer than somebody waits who has typed an interrupt. It
// begins some milliseconds late, for a signal that came just before the call.
func Undisturbed(f func() error) error {
	hold()
	defer letGo()
	return f()
}

// held are the signals that came while calls of Undisturbed ran.
var held struct {
	sync.Mutex
	calls   int
	signals chan os.Signal
}

func hold() {
	held.Lock()
	defer held.Unlock()
	if held.calls++; held.calls == 1 {
		held.signals = make(chan os.Signal, 3)
		signal.Notify(held.signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		// A signal that came just before is ending the program on another thread,
		// and nothing tells of it. It gets the time to, before a file is begun that
		// would be left behind.
		time.Sleep(5 * time.Millisecond)
	}
}

func letGo() {
	held.Lock()
	defer held.Unlock()
	if held.calls--; held.calls > 0 {
		return
	}
	signal.Stop(held.signals)
	select {
	case s := <-held.signals:
		raise(s)
	default:
	}
}

// raise sends a signal to this process, and gives it the time to end.
func raise(s os.Signal) {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Signal(s)
	}
	if err != nil { // Windows cannot
		os.Exit(1)
	}
	// It comes to another thread, and what this one would begin meanwhile would be
	// left half done. Only a program that handles the signal sees the end of this.
	time.Sleep(time.Second)
}
