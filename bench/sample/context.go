package sample

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Context is that of an invocation, as aws-lambda-go makes it: with a deadline and
// the invocation's id. All contestants have the same.
func Context() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(time.Hour))
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID:       "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
		InvokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:sample",
	}), cancel
}
