// Command lambda is the function: the service's routes behind API Gateway.
//
// It is the bootstrap of a provided.al2023 function: "go run ./cmd/package" builds
// it and makes the zip.
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

// serve answers invocations until SIGTERM.
func serve(app *framework.App) {
	app.ExitOnSIGTERM(nil)
	lambda.Start(app)
}
