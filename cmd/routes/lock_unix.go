//go:build unix && !aix && !solaris

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// lockTime is how long another add is waited for. None takes a second.
const lockTime = 20 * time.Second

// lock keeps every other add from the file until unlock is called, or until the
// program has ended, however it does. It leaves nothing behind.
//
// The lock is on the file itself, which is replaced by the next one as a whole:
// whoever has waited for a file that has been replaced meanwhile locks the new
// one.
func lock(name string) (unlock func(), err error) {
	for end := time.Now().Add(lockTime); ; {
		// For writing, without which NFS gives no lock; though nothing is written
		// to it.
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrPermission) {
			f, err = os.Open(name)
		}
		if err != nil {
			return nil, err
		}
		switch err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil && isAt(f, name):
			return func() { f.Close() }, nil
		case err != nil && !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			f.Close()
			return nil, fmt.Errorf("cannot lock %q: %w", name, err)
		}
		f.Close()
		if time.Now().After(end) {
			return nil, fmt.Errorf("%q is locked by another program that writes it, for %v already", name, lockTime)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// isAt reports whether an open file still has the name.
func isAt(f *os.File, name string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(name)
	return err == nil && os.SameFile(open, now)
}
