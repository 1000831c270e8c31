package main

import (
	"runtime"
	"slices"
	"time"
)

// A lane does what one contestant does n times, and says how long that took.
type lane func(n int) (time.Duration, error)

// inProcess is a lane of this process.
func inProcess(run func()) lane {
	return func(n int) (time.Duration, error) {
		start := time.Now()
		for range n {
			run()
		}
		return time.Since(start), nil
	}
}

// A pace says how long a race goes on.
type pace struct {
	rounds int
	turn   time.Duration // how long a contestant has in a round
}

var (
	fullPace  = pace{rounds: 51, turn: 20 * time.Millisecond}
	quickPace = pace{rounds: 5, turn: time.Millisecond}

	// With so long a turn the garbage collector has one as well, also where the
	// heap is large.
	fullLoopPace  = pace{rounds: 31, turn: 100 * time.Millisecond}
	quickLoopPace = pace{rounds: 3, turn: 10 * time.Millisecond}
)

// race lets the lanes run in turn, round by round, and returns what one run took
// in each round, in nanoseconds, for each lane.
//
// Other programs, and other machines on the same hardware, take the processor
// now and then. As the lanes of a round run within milliseconds of one another,
// such a time strikes all of them or few rounds. So what is compared are figures
// of the same round, and of those the median is taken.
func race(p pace, lanes ...lane) ([][]float64, error) {
	counts := make([]int, len(lanes))
	figures := make([][]float64, len(lanes))
	for i, l := range lanes {
		var err error
		if counts[i], err = l.calibrate(p.turn); err != nil {
			return nil, err
		}
	}
	for round := range p.rounds {
		for turn := range lanes {
			i := (round + turn) % len(lanes) // nobody is always behind the same
			runtime.GC()                     // of what the one before has left
			took, err := lanes[i](counts[i])
			if err != nil {
				return nil, err
			}
			figures[i] = append(figures[i], float64(took)/float64(counts[i]))
		}
	}
	return figures, nil
}

// calibrate returns how often the lane can run in a turn.
func (l lane) calibrate(turn time.Duration) (int, error) {
	if _, err := l(1); err != nil { // and what happens but once
		return 0, err
	}
	for n := 1; ; n *= 2 {
		took, err := l(n)
		if err != nil {
			return 0, err
		}
		if took >= turn/4 {
			return max(1, int(float64(n)*float64(turn)/float64(took))), nil
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
