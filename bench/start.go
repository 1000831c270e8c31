package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/routegate/routegate/bench/contestant"
	"github.com/routegate/routegate/bench/sample"
)

// A candidate is a function that is started.
type candidate struct {
	name    string
	program string
	routes  int
	env     []string

	// A figure a round.
	started  []float64 // nanoseconds until it first asked for an event
	answered []float64 // and until it has answered that, without the time in between
	idle     []float64 // bytes it has had when it first asked
	busy     []float64 // and after its requests
}

// requests are what a function answers before its memory is looked at again.
const requests = 200

// measureStart compares the starts of functions with that of the bare one.
func measureStart(b *bench) ([]section, error) {
	limits := map[int]float64{10: 1.1, 300: 1.25, 3000: 2}
	list, err := b.candidates(10, 300, 3000)
	if err != nil {
		return nil, err
	}
	if err := b.startAll(list, b.starts, 1); err != nil {
		return nil, err
	}
	answer := section{title: "from exec to the first answer: to a bare aws-lambda-go function"}
	s := section{title: "from exec to the first poll of the Runtime API: to a bare aws-lambda-go function"}
	for _, c := range list[1:] {
		r := row{
			name:     c.name,
			measured: ratio(c.started, list[0].started), unit: "x",
			detail: fmt.Sprintf("%.1f ms to %.1f ms", median(c.started)/1e6, median(list[0].started)/1e6),
		}
		if c.isOurs() {
			r.limit = limits[c.routes]
		}
		s.rows = append(s.rows, r)
		answer.rows = append(answer.rows, row{
			name: c.name, measured: ratio(c.answered, list[0].answered), unit: "x",
			detail: fmt.Sprintf("%.1f ms to %.1f ms", median(c.answered)/1e6, median(list[0].answered)/1e6),
		})
	}
	return []section{s, answer}, nil
}

// measureMemory compares the most memory that functions have had.
func measureMemory(b *bench) ([]section, error) {
	list, err := b.candidates(usualRoutes)
	if err != nil {
		return nil, err
	}
	if err := b.startAll(list, max(b.starts/4, 3), requests); err != nil {
		return nil, err
	}
	idle := section{title: "most memory at the first poll: to a bare aws-lambda-go function"}
	busy := section{title: fmt.Sprintf("most memory after %d requests: to the bare function", requests)}
	for _, c := range list[1:] {
		idle.rows = append(idle.rows, c.memory(c.idle, list[0].idle))
		busy.rows = append(busy.rows, c.memory(c.busy, list[0].busy))
	}
	return []section{idle, busy}, nil
}

func (c *candidate) memory(peak, bare []float64) row {
	r := row{
		name: c.name, measured: ratio(peak, bare), unit: "x",
		detail: fmt.Sprintf("%.1f MB to %.1f MB", median(peak)/1e6, median(bare)/1e6),
	}
	if c.isOurs() {
		r.limit = 1.15
	}
	return r
}

func (c *candidate) isOurs() bool { return c.env == nil && c.routes > 0 }

// candidates are the bare function, one with httpadapter, and Routegate's with so
// many routes each.
func (b *bench) candidates(routes ...int) ([]*candidate, error) {
	bare, err := b.built("bare", thisArch)
	if err != nil {
		return nil, err
	}
	proxy, err := b.built("proxy", thisArch)
	if err != nil {
		return nil, err
	}
	list := []*candidate{
		{name: "bare", program: bare},
		{name: fmt.Sprintf("%s with %d routes", contestant.NameHTTPRouter, usualRoutes), program: proxy, routes: usualRoutes, env: []string{fmt.Sprint("BENCH_ROUTES=", usualRoutes)}},
	}
	for _, n := range routes {
		program, err := b.packaged(n, thisArch)
		if err != nil {
			return nil, err
		}
		list = append(list, &candidate{name: fmt.Sprintf("%s with %s routes", contestant.NameRoutegate, thousands(n)), program: program, routes: n})
	}
	return list, nil
}

// startAll starts each once in a round, in an order of the round's own: what one
// leaves to be cleared up is at the cost of the next. A first round is not counted: it
// brings the programs into the page cache.
func (b *bench) startAll(list []*candidate, rounds, requests int) error {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range rounds + 1 {
		for _, i := range random.Perm(len(list)) {
			if err := list[i].start(round > 0, requests); err != nil {
				return fmt.Errorf("%s: %w", list[i].name, err)
			}
		}
	}
	return nil
}

func (c *candidate) start(count bool, requests int) error {
	f, err := startFunction(c.program, c.env...)
	if err != nil {
		return err
	}
	defer f.stop()
	idle, err := f.peak()
	if err != nil {
		return err
	}
	event := sample.Get(max(c.routes, 10), false)
	var first time.Duration
	for i := range requests {
		begin := time.Now()
		answer, err := f.invoke(event)
		if i == 0 {
			first = time.Since(begin)
		}
		if err == nil {
			err = contestant.CheckAnswer(answer, sample.Answer(sample.Item))
		}
		if err != nil {
			return err
		}
	}
	busy, err := f.peak()
	if err != nil || !count {
		return err
	}
	c.started = append(c.started, float64(f.started))
	c.answered = append(c.answered, float64(f.started+first))
	c.idle = append(c.idle, idle)
	c.busy = append(c.busy, busy)
	return nil
}
