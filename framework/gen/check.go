package gen

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Check does what -check asks of a generator. It compares the named file with data,
// prints the diff of a stale file to stdout, and prints one line to stderr: the
// state of the file, and the command that mends it. It writes no file. If the error
// is not nil, nothing was compared.
func Check(name string, data []byte, mend []string, stdout, stderr io.Writer) (fresh bool, err error) {
	state, diff, err := CompareFile(name, data)
	if err == nil {
		_, err = stdout.Write(diff)
	}
	if err != nil {
		return false, fmt.Errorf("cannot compare: %w", err)
	}
	if state == Fresh {
		fmt.Fprintf(stderr, "%s: %s\n", state, name)
		return true, nil
	}
	fmt.Fprintf(stderr, "%s: %s; run: %s\n", state, name, commandLine(mend))
	return false, nil
}

// SameFile reports whether both names are of one file that exists, so that a
// generator does not write over what it reads.
func SameFile(a, b string) bool {
	ai, err := os.Stat(a)
	if err != nil {
		return false
	}
	bi, err := os.Stat(b)
	return err == nil && os.SameFile(ai, bi)
}

// commandLine returns the words as one has to type them.
func commandLine(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shellQuote(w)
	}
	return strings.Join(quoted, " ")
}

// shellQuote returns s so that a POSIX shell takes it as one word.
func shellQuote(s string) string {
	special := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._/:=,+@", c)
	}
	if s != "" && !strings.ContainsFunc(s, special) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
