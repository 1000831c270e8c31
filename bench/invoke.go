package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/routegate/routegate/bench/contestant"
	"github.com/routegate/routegate/bench/sample"
)

// The usual API.
const usualRoutes = 300

// bodySize is that of the JSON that goes in and out.
const bodySize = 100_000

// measureInvoke compares a GET with a token, and counts its allocations.
func measureInvoke(b *bench) ([]section, error) {
	payload, body := sample.Get(usualRoutes, false), sample.Answer(sample.Item)
	figures, list, err := b.race(usualRoutes, payload, body)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("GET with a token, %s bytes of event, %d routes", thousands(len(payload)), usualRoutes)
	times := section{what + ": time of " + contestant.NameRoutegate, against(figures, list, map[string]float64{contestant.NameHTTPRouter: 0.25, contestant.NameTyped: 0.4})}

	counts := section{title: what + ": allocations"}
	ctx, cancel := sample.Context()
	defer cancel()
	for _, c := range list {
		allocs := testing.AllocsPerRun(200, func() { _, _ = c.Invoke(ctx, payload) })
		r := row{name: c.Name, measured: allocs, unit: "allocs", steady: true}
		if c.Name == contestant.NameRoutegate {
			r.limit = 40
		}
		counts.rows = append(counts.rows, r)
	}
	return []section{times, counts}, nil
}

// measureBody compares a large body that comes in and goes out.
func measureBody(b *bench) ([]section, error) {
	payload, body := sized(usualRoutes, bodySize)
	figures, list, err := b.race(usualRoutes, payload, body)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("POST of %s bytes of JSON, answered with them: time of %s", thousands(len(body)), contestant.NameRoutegate)
	return []section{{what, against(figures, list, map[string]float64{contestant.NameHTTPRouter: 0.35})}}, nil
}

// against has a row for each peer: what Routegate takes of the peer's time.
func against(figures [][]float64, list []contestant.Contestant, limits map[string]float64) []row {
	var rows []row
	for i, c := range list[1:] {
		rows = append(rows, row{
			name:  "to " + c.Name,
			limit: limits[c.Name], measured: ratio(figures[0], figures[i+1]), unit: "x",
			detail: fmt.Sprintf("%s to %s", micros(figures[0]), micros(figures[i+1])),
		})
	}
	return rows
}

// measureRoutes compares a request at many routes with the same at ten.
func measureRoutes(b *bench) ([]section, error) {
	const few, many = 10, 10_000
	program, err := b.built("loop", thisArch)
	if err != nil {
		return nil, err
	}
	s := section{title: fmt.Sprintf("GET with a token, %s routes: time of %s", thousands(many), contestant.NameRoutegate)}
	for _, by := range []struct{ found, name string }{
		{"key", "chosen by the gateway"},
		{"path", "found by the path, behind $default"},
	} {
		var lanes []lane
		for _, n := range []int{many, few} {
			l, err := startLoop(program, n, by.found)
			if err != nil {
				return nil, err
			}
			defer l.stop()
			lanes = append(lanes, l.times)
		}
		figures, err := race(b.loopPace, lanes...)
		if err != nil {
			return nil, err
		}
		s.rows = append(s.rows, row{
			name:  fmt.Sprintf("%s: to %d routes", by.name, few),
			limit: 1.2, measured: ratio(figures[0], figures[1]), unit: "x",
			detail: fmt.Sprintf("%s to %s", micros(figures[0]), micros(figures[1])),
		})
	}
	return []section{s}, nil
}

// race lets all contestants answer the event, once each has answered it rightly.
// The first of the list is Routegate.
func (b *bench) race(n int, payload []byte, body string) ([][]float64, []contestant.Contestant, error) {
	ctx, cancel := sample.Context()
	defer cancel()
	list, err := contestant.All(n)
	if err != nil {
		return nil, nil, err
	}
	var lanes []lane
	for _, c := range list {
		if err := c.Check(ctx, payload, body); err != nil {
			return nil, nil, err
		}
		lanes = append(lanes, inProcess(func() { _, _ = c.Invoke(ctx, payload) }))
	}
	figures, err := race(b.pace, lanes...)
	return figures, list, err
}

func micros(figures []float64) string { return fmt.Sprintf("%.1f µs", median(figures)/1000) }

// sized is a body of size bytes, and its event.
func sized(n, size int) (payload []byte, body string) {
	body = sample.JSON(size)
	return bytes.Clone(sample.Post(n, body)), body
}
