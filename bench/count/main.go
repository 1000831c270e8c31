// Command count has a contestant answer an event so many times, for callgrind to
// count what that takes: a GET, or a POST with a body of so many bytes.
//
//	count contestant routes body times
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/routegate/routegate/bench/contestant"
	"github.com/routegate/routegate/bench/sample"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	name := os.Args[1]
	var routes, size, times int
	if _, err := fmt.Sscan(strings.Join(os.Args[2:], " "), &routes, &size, &times); err != nil {
		return err
	}
	list, err := contestant.All(routes)
	if err != nil {
		return err
	}
	event, answer := sample.Get(routes, false), sample.Answer(sample.Item)
	if size > 0 {
		answer = sample.JSON(size)
		event = sample.Post(routes, answer)
	}
	ctx, cancel := sample.Context()
	defer cancel()
	for _, c := range list {
		if c.Name != name {
			continue
		}
		if err := c.Check(ctx, event, answer); err != nil {
			return err
		}
		for range times {
			if _, err := c.Invoke(ctx, event); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("nobody is called %q", name)
}
