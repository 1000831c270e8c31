package main

import (
	"fmt"
	"time"

	"github.com/routegate/routegate/bench/contestant"
	"github.com/routegate/routegate/bench/sample"
)

// measureWarm compares what a request takes of functions that run, from when the
// Runtime API hands out the event to when it has the answer: what a user pays for,
// most of which is aws-lambda-go's HTTP on either side of Invoke.
func measureWarm(b *bench) ([]section, error) {
	list, err := b.candidates(usualRoutes)
	if err != nil {
		return nil, err
	}
	var lanes []lane
	for _, c := range list {
		f, err := startFunction(c.program, c.env...)
		if err != nil {
			return nil, err
		}
		defer f.stop()
		event := sample.Get(max(c.routes, 10), false)
		lanes = append(lanes, func(n int) (time.Duration, error) {
			var took time.Duration
			for range n {
				begin := time.Now()
				answer, err := f.invoke(event)
				took += time.Since(begin)
				if err == nil {
					err = contestant.CheckAnswer(answer, sample.Answer(sample.Item))
				}
				if err != nil {
					return 0, fmt.Errorf("%s: %w", c.name, err)
				}
			}
			return took, nil
		})
	}
	figures, err := race(b.loopPace, lanes...)
	if err != nil {
		return nil, err
	}
	s := section{title: "GET with a token through the Runtime API, time of a function that runs: to a bare aws-lambda-go function"}
	for i, c := range list[1:] {
		r := row{
			name: c.name, measured: ratio(figures[i+1], figures[0]), unit: "x",
			detail: fmt.Sprintf("%s to %s", micros(figures[i+1]), micros(figures[0])),
		}
		if c.isOurs() {
			r.limit = 1.05 // it also writes a line of log
		}
		s.rows = append(s.rows, r)
	}
	return []section{s}, nil
}
