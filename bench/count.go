package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/routegate/routegate/bench/contestant"
)

// countRoutes are few, since callgrind takes long over a manifest.
const countRoutes = 10

// creep is how far above what it was a count may be: the next version of Go counts
// otherwise, for everyone, and the rest of the machine does not matter.
const creep = 1.03

// A counted is an event that instructions are counted of.
type counted struct {
	title  string
	body   int // bytes; 0 for a GET with a token
	share  int // of so many events that are wanted one is enough
	beside []beside
}

// A beside is who is compared with. was is what Routegate took of its instructions
// when that was last looked at, and 0 where it is only shown. Whoever makes it less
// writes it down here.
type beside struct {
	name string
	was  float64
}

var allCounted = []counted{
	{fmt.Sprintf("GET with a token, %d routes", countRoutes), 0, 1, []beside{
		{contestant.NameHTTPRouter, 0.331}, {contestant.NameTyped, 0.379}, {contestant.NameDecodeV2, 0}, {contestant.NameValid, 0},
	}},
	{fmt.Sprintf("POST of %s bytes of JSON, answered with them", thousands(bodySize)), bodySize, 50, []beside{
		{contestant.NameHTTPRouter, 0.329}, {contestant.NameTyped, 0.342},
	}},
}

// measureCount compares how many instructions an event takes. They say less than
// time does: nothing of memory that is far away, of a thread that has to wake, or
// of the garbage collector, which is off here. But they are the same on a machine
// that is busy, so that a change that adds one in thirty is seen at once.
func measureCount(b *bench) ([]section, error) {
	program, err := b.built("count", thisArch)
	if err != nil {
		return nil, err
	}
	var sections []section
	for _, what := range allCounted {
		ours, err := b.count(program, contestant.NameRoutegate, what)
		if err != nil {
			return nil, err
		}
		s := section{title: what.title + ": instructions of " + contestant.NameRoutegate}
		for _, peer := range what.beside {
			theirs, err := b.count(program, peer.name, what)
			if err != nil {
				return nil, err
			}
			s.rows = append(s.rows, row{
				name:  "to " + peer.name,
				limit: creep * peer.was, measured: ours / theirs, unit: "x", steady: true,
				detail: fmt.Sprintf("%s to %s", thousands(int(ours)), thousands(int(theirs))),
			})
		}
		sections = append(sections, s)
	}
	return sections, nil
}

// count returns how many instructions one event takes: what more events take more,
// so that nothing of the start is in it.
func (b *bench) count(program, name string, what counted) (float64, error) {
	few, many := b.counts/what.share/5, b.counts/what.share
	var totals []float64
	for _, n := range []int{few, many} {
		total, err := b.callgrind(program, name, strconv.Itoa(countRoutes), strconv.Itoa(what.body), strconv.Itoa(n))
		if err != nil {
			return 0, err
		}
		totals = append(totals, total)
	}
	return (totals[1] - totals[0]) / float64(many-few), nil
}

// callgrind returns how many instructions a program takes. Signals by which the
// scheduler interrupts itself would end it, and the garbage collector's goroutines,
// which give way to each other where there is one processor, would take most of
// them.
func (b *bench) callgrind(program string, args ...string) (float64, error) {
	file := filepath.Join(b.dir, "callgrind")
	env := []string{"GODEBUG=asyncpreemptoff=1", "GOGC=off"}
	if _, err := output(".", env, "valgrind", append([]string{"--tool=callgrind", "--callgrind-out-file=" + file, program}, args...)...); err != nil {
		return 0, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if total, ok := strings.CutPrefix(line, "totals: "); ok {
			return strconv.ParseFloat(strings.TrimSpace(total), 64)
		}
	}
	return 0, fmt.Errorf("callgrind has written no total")
}
