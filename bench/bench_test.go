package main

import (
	"fmt"
	"testing"

	"github.com/routegate/routegate/bench/contestant"
	"github.com/routegate/routegate/bench/sample"
)

// BenchmarkGet is a whole request with a token and a small answer, or the part of
// one that the contestant does.
func BenchmarkGet(b *testing.B) {
	benchmark(b, sample.Get(usualRoutes, false), sample.Answer(sample.Item))
}

// BenchmarkBody is a large body in and out.
func BenchmarkBody(b *testing.B) {
	payload, body := sized(usualRoutes, bodySize)
	b.SetBytes(int64(len(body)))
	benchmark(b, payload, body)
}

func benchmark(b *testing.B, payload []byte, body string) {
	list, err := contestant.All(usualRoutes)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range list {
		b.Run(c.Name, func(b *testing.B) { benchmarkOf(b, c, payload, body) })
	}
}

func benchmarkOf(b *testing.B, c contestant.Contestant, payload []byte, body string) {
	ctx, cancel := sample.Context()
	defer cancel()
	if err := c.Check(ctx, payload, body); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Invoke(ctx, payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRoutes is the same request at more and more routes.
func BenchmarkRoutes(b *testing.B) {
	for _, n := range []int{10, 300, 10_000} {
		ours, err := contestant.Routegate(n)
		if err != nil {
			b.Fatal(err)
		}
		for name, byPath := range map[string]bool{"key": false, "path": true} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				benchmarkOf(b, ours, sample.Get(n, byPath), sample.Answer(sample.Item))
			})
		}
	}
}
