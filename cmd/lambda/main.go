// Command lambda is the function: the service's routes behind API Gateway.
//
// It is built as the bootstrap of a provided.al2023 function:
//
//	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -ldflags '-s -w' -o bootstrap ./cmd/lambda
//
// It does not start with a manifest that is not valid: the log then has every
// diagnostic.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/handlers"
)

func main() {
	app, err := newApp()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// On SIGTERM the running request gets its answer. Lambda sends it to idle
	// functions only; emulators and containers at any time.
	lambda.StartWithOptions(app, lambda.WithEnableSIGTERM(func() {
		app.Drain()
		os.Exit(0)
	}))
}

func newApp() (*framework.App, error) {
	opts, err := framework.OptionsFromEnv()
	if err != nil {
		return nil, err
	}
	return framework.New(routegate.Manifest, handlers.All(), opts)
}
