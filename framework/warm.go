package framework

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// warmUp answers an event that is there to keep an instance of the function
// initialized; ok is false for every other. There are three: the constant input
// {"warmer": true}, the event of a schedule of EventBridge rules, and that of
// EventBridge Scheduler, whose source is its own. The latter two mean nothing
// else to a function that serves HTTP.
//
// It is asked only about what is no gateway's event, so a request neither pays
// for it nor can pass for it: clients choose values inside an event, never its
// own keys. What has a requestContext, as each of the gateways' events does, is
// never a warm-up, be it broken or not.
func (a *App) warmUp(ctx context.Context, payload []byte) (answer []byte, ok bool) {
	var event map[string]json.RawMessage
	if json.Unmarshal(payload, &event) != nil || event["requestContext"] != nil {
		return nil, false
	}
	text := func(key string) (s string) {
		_ = json.Unmarshal(event[key], &s) // of another type: no text
		return s
	}
	source := text("source")
	scheduled := text("detail-type") == "Scheduled Event" && slices.Contains([]string{"aws.events", "aws.scheduler"}, source)
	switch {
	case string(event["warmer"]) == "true":
		source = "warmer"
	case !scheduled:
		return nil, false
	}
	message, attrs := "warm-up", []any{"source", source}
	var concurrency float64
	if _ = json.Unmarshal(event["concurrency"], &concurrency); concurrency > 1 {
		// The function would have to invoke itself.
		message = "warm-up of this instance only: concurrency is ignored"
		attrs = append(attrs, "concurrency", concurrency)
	}
	a.log.InfoContext(ctx, message, attrs...)
	return fmt.Appendf(nil, `{"warm":true,"routes":%d}`, a.table.Len()), true
}
