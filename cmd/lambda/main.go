// Command lambda is the function: the service's routes behind API Gateway.
//
// It is the bootstrap of a provided.al2023 function: "go run ./cmd/package" builds
// it and makes the zip.
//
// It does not start with a manifest that is not valid: the log then has every
// diagnostic.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/handlers"
)

func main() {
	opts, err := framework.OptionsFromEnv()
	if err != nil {
		exit(err)
	}
	app, err := framework.New(routegate.Manifest, handlers.All(), opts)
	if err != nil {
		exit(err)
	}
	serve(app)
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// serve answers invocations until the process ends. On SIGTERM the request that
// is running gets its answer first.
//
// Emulators and containers send SIGTERM at any time. Lambda sends it to functions
// with an extension, and when nothing is running. lambda.WithEnableSIGTERM would
// register one for that alone: a call at every cold start.
func serve(app *framework.App) {
	f := function{app, make(chan struct{})}
	go f.drain()
	lambda.Start(f)
}

// A function is an App that heeds SIGTERM. Go starts threads for that, which the
// first poll of a cold start does not wait for, and the first request does.
type function struct {
	*framework.App
	heeds chan struct{} // closed when SIGTERM is heeded
}

// Invoke answers an event, once SIGTERM is heeded.
func (f function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	<-f.heeds
	return f.App.Invoke(ctx, payload)
}

// drain ends the process on SIGTERM.
func (f function) drain() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	close(f.heeds)
	<-end
	f.Drain()
	os.Exit(0)
}
