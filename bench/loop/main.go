// Command loop is Routegate with the sample API in a process of its own: what its
// table takes of the garbage collector's time is then in the figures.
//
//	loop routes path|key
//
// It prints the answer to an event, and then, for each number that it reads, in
// how many nanoseconds it has answered the event so often.
package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/routegate/routegate/bench/handlers"
	"github.com/routegate/routegate/bench/sample"
	"github.com/routegate/routegate/framework"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var routes int
	if _, err := fmt.Sscan(os.Args[1], &routes); err != nil {
		return err
	}
	app, err := framework.New(sample.Manifest(routes), handlers.All(), framework.Options{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))})
	if err != nil {
		return err
	}
	event := sample.Get(routes, os.Args[2] == "path")
	ctx, cancel := sample.Context()
	defer cancel()
	answer, err := app.Invoke(ctx, event)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", answer)
	for {
		var n int
		if _, err := fmt.Scan(&n); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		start := time.Now()
		for range n {
			if _, err := app.Invoke(ctx, event); err != nil {
				return err
			}
		}
		fmt.Println(int64(time.Since(start)))
	}
}
