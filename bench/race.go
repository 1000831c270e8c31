package main

import (
	"runtime"
	"slices"
	"time"
)

// A lane is what one contestant does, over and over.
type lane struct {
	name string
	run  func()
}

// A pace says how long a race goes on.
type pace struct {
	rounds int
	turn   time.Duration // how long a contestant has in a round
}

var (
	fullPace  = pace{rounds: 101, turn: 5 * time.Millisecond}
	quickPace = pace{rounds: 5, turn: time.Millisecond}
)

// race lets the lanes run in turn, round by round, and returns what one run took
// in each round, in nanoseconds, for each lane.
//
// Other programs, and other machines on the same hardware, take the processor
// now and then. As the lanes of a round run within milliseconds of one another,
// such a time strikes all of them or few rounds. So what is compared are figures
// of the same round, and of those the median is taken.
func race(p pace, lanes ...lane) [][]float64 {
	counts := make([]int, len(lanes))
	figures := make([][]float64, len(lanes))
	for i, l := range lanes {
		counts[i] = calibrate(l.run, p.turn)
	}
	for round := range p.rounds {
		for turn := range lanes {
			i := (round + turn) % len(lanes) // nobody is always behind the same
			runtime.GC()                     // of what the one before has left
			start := time.Now()
			for range counts[i] {
				lanes[i].run()
			}
			figures[i] = append(figures[i], float64(time.Since(start))/float64(counts[i]))
		}
	}
	return figures
}

// calibrate returns how often run fits into a turn.
func calibrate(run func(), turn time.Duration) int {
	run()
	for n := 1; ; n *= 2 {
		start := time.Now()
		for range n {
			run()
		}
		if took := time.Since(start); took >= turn/4 {
			return max(1, int(float64(n)*float64(turn)/float64(took)))
		}
	}
}

// ratio is the median of the ratios of figures of the same round.
func ratio(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
