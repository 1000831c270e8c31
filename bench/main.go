// Command bench measures Routegate beside what would be used in its place, and
// says whether it is as fast and as small as it has to be.
//
//	go -C bench run .                   everything; some minutes
//	go -C bench run . -run 'invoke|body'
//	go -C bench run . -quick            whether everything can be measured
//	go -C bench test -bench . .         the contestants as Go benchmarks
//
// The machine may be busy, and what it does for others it does by fits and
// starts. So the contestants take turns, many times, for some milliseconds each;
// figures of the same round are compared, and the median of those is what the
// table shows.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

const usage = `usage: go -C bench run . [-run regexp] [-quick]

Bench measures Routegate and its peers in one run and prints a table: what was
measured, what it may be at most, what it is, and the figures behind that.

  -run regexp  measure only what matches: %s
  -quick       few and short rounds: the figures are not worth much

exit codes: 0 fine; 1 something is over its limit; 2 wrong usage; 3 something
could not be measured
`

// The exit codes.
const (
	exitFine  = 0
	exitFound = 1
	exitUsage = 2
	exitError = 3
)

// A measurement gives some sections of the table.
type measurement struct {
	name    string
	measure func(*bench) ([]section, error)
}

// measurements are in the order of the table.
var measurements = []measurement{
	{"invoke", measureInvoke},
	{"count", measureCount},
	{"body", measureBody},
	{"start", measureStart},
	{"warm", measureWarm},
	{"routes", measureRoutes},
	{"memory", measureMemory},
	{"size", measureSize},
	{"server", measureServer},
	{"commands", measureCommands},
	{"overlap", measureOverlap},
}

// A bench is one run of measurements.
type bench struct {
	pace     pace
	loopPace pace
	starts   int // of each function
	runs     int // of each command
	counts   int // of events

	serverRounds, serverTurn int // rounds, and requests to each server in one

	dir      string // for what is built; removed in the end
	made     map[string]bool
	progress io.Writer
}

// newBench makes the directory, which close removes.
func newBench(quick bool, progress io.Writer) (*bench, error) {
	dir, err := os.MkdirTemp("", "routegate-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{pace: fullPace, loopPace: fullLoopPace, starts: 41, runs: 7, counts: 2000, serverRounds: 21, serverTurn: 4000, dir: dir, made: make(map[string]bool), progress: progress}
	if quick {
		b.pace, b.loopPace, b.starts, b.runs, b.counts = quickPace, quickLoopPace, 3, 1, 500
		b.serverRounds, b.serverTurn = 3, 500
	}
	return b, nil
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	var pattern string
	var quick bool
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error and the usage, each where it belongs
	flags.StringVar(&pattern, "run", "", "")
	flags.BoolVar(&quick, "quick", false, "")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		var names []string
		for _, m := range measurements {
			names = append(names, m.name)
		}
		fmt.Fprintf(stdout, usage, strings.Join(names, ", "))
		return exitFine
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	var wanted *regexp.Regexp
	if err == nil {
		wanted, err = regexp.Compile(pattern)
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\nrun bench -h for help\n", err)
		return exitUsage
	}
	var chosen []measurement
	for _, m := range measurements {
		if wanted.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	if chosen == nil {
		fmt.Fprintf(stderr, "bench: nothing matches %q\nrun bench -h for help\n", pattern)
		return exitUsage
	}
	b, err := newBench(quick, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return exitError
	}
	defer b.close()
	return b.run(chosen, stdout, stderr)
}

// run measures and prints. What cannot be measured does not keep the rest from
// being.
func (b *bench) run(chosen []measurement, stdout, stderr io.Writer) int {
	var sections []section
	code := exitFine
	for _, m := range chosen {
		fmt.Fprintln(b.progress, "measuring", m.name)
		more, err := m.measure(b)
		if err != nil {
			fmt.Fprintf(stderr, "bench: %s: %v\n", m.name, err)
			code = exitError
		}
		sections = append(sections, more...)
	}
	fmt.Fprintf(stdout, "%s, %d cores, %s/%s, %s\n", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	if err := printSections(stdout, sections); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return exitError
	}
	for _, s := range sections {
		if slices.ContainsFunc(s.rows, row.missed) && code == exitFine {
			code = exitFound
		}
	}
	return code
}

// processor is what the kernel calls it.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
