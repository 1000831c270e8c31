package framework

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/routegate/routegate/framework/route"
)

// metrics writes a line a request that CloudWatch Logs turns into metrics: the
// embedded metric format (CloudWatch user guide, "Specification: Embedded metric
// format"). The line is one of its own, on standard output, because the request's
// line in the log belongs to the user's slog.Handler, which may drop, rename or
// nest what is in it.
//
// An event that is not understood is not in it: that is an error of the function,
// which Lambda's own metrics count.
//
// A metric exists, and is paid for, once for each route and decision that occur.
// Both come from fixed sets, the manifest's routes and package route's reasons,
// and nothing in the line is a client's, so that no client can make metrics.
type metrics struct {
	allowed, refused string // what CloudWatch is to extract

	mu   sync.Mutex
	w    io.Writer
	line []byte // reused
}

// newMetrics returns nil, which counts nothing, for the namespace "".
func newMetrics(namespace string, w io.Writer) *metrics {
	if namespace == "" {
		return nil
	}
	directive := func(metrics string) string {
		return fmt.Sprintf(`{"Namespace":%q,"Dimensions":[["Route","Decision"]],"Metrics":[%s]}`, namespace, metrics)
	}
	const count = `{"Name":"Count","Unit":"Count"}`
	return &metrics{
		allowed: directive(count + `,{"Name":"Errors","Unit":"Count"},{"Name":"Duration","Unit":"Milliseconds"}`),
		// A refusal is no error and takes no time worth a metric. Both are in
		// its line for queries, which cost nothing unless they are made.
		refused: directive(count),
		w:       w,
	}
}

// write counts a request that began at start. The line is one Write, whole.
func (m *metrics) write(d route.Decision, status int, start time.Time, took time.Duration) {
	if m == nil {
		return
	}
	directive, key, errors := m.refused, "none", int64(0)
	if d.Allowed {
		directive = m.allowed
	}
	if d.Route != nil {
		key = d.Route.Key()
		key = key[:min(len(key), 1024)] // all that a dimension's value may have
	}
	if status >= 500 {
		errors = 1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := append(m.line[:0], `{"_aws":{"Timestamp":`...)
	b = strconv.AppendInt(b, start.UnixMilli(), 10)
	b = append(b, `,"CloudWatchMetrics":[`...)
	b = append(b, directive...)
	b = append(b, `]},"Route":`...)
	b = strconv.AppendQuote(b, key) // JSON too: a route key is printable ASCII
	b = append(b, `,"Decision":`...)
	b = strconv.AppendQuote(b, string(d.Reason))
	b = append(b, `,"Count":1,"Errors":`...)
	b = strconv.AppendInt(b, errors, 10)
	b = append(b, `,"Duration":`...)
	b = strconv.AppendFloat(b, milliseconds(took), 'f', -1, 64)
	b = append(b, "}\n"...)
	m.line = b
	_, _ = m.w.Write(b) // whom should one tell that standard output is gone?
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// checkNamespace checks a namespace, which is 1 to 255 characters of a few, and
// of which AWS/ is AWS's own (CloudWatch user guide, "Metrics concepts"; API
// reference, PutMetricData and Metric).
func checkNamespace(ns string) error {
	switch {
	case ns == "":
		return nil
	case len(ns) > 255 || !isMadeOf(ns, "._/#: -") || strings.TrimSpace(ns) == "":
		return fmt.Errorf("namespace %q: want 1 to 255 letters, digits, spaces and characters of \"._/#:-\"", ns)
	case strings.HasPrefix(ns, ":") || strings.HasPrefix(ns, "AWS/"):
		return fmt.Errorf(`namespace %q: a namespace of one's own does not begin with ":" or "AWS/"`, ns)
	}
	return nil
}
