// Command bare is a function with aws-lambda-go and nothing else: no routes, no
// checks. The starts of the others are compared with its own.
package main

import (
	"context"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(_ context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		return events.APIGatewayV2HTTPResponse{
			StatusCode: http.StatusOK,
			Headers:    map[string]string{"Content-Type": "application/json"},
			Body:       `{"id":"` + event.PathParameters["item"] + `","status":"shipped","quantity":3}`,
		}, nil
	})
}
