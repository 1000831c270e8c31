package framework

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
)

// Options are what an App needs to know beside the manifest and the handlers.
// The zero Options are usable.
type Options struct {
	// Stage is the API Gateway stage in front of every path. "" and "$default"
	// put nothing there.
	Stage string

	// GroupsClaim is the path of the token's claim that holds the caller's
	// groups, one key a level: {"realm_access", "roles"}. nil is {"groups"}.
	// No other claim is ever looked at instead.
	GroupsClaim []string

	// Logger gets one line a request, and the lines that handlers write with
	// LoggerFrom. nil writes JSON to standard error.
	Logger *slog.Logger

	// MetricsNamespace is the CloudWatch namespace of the requests' metrics: one
	// a deployment, since routes of the same key count as one in it. "" writes
	// none.
	MetricsNamespace string

	// MetricsWriter gets a line a request for CloudWatch Logs to make metrics
	// of, where MetricsNamespace is set. nil is standard output.
	MetricsWriter io.Writer

	// Middleware wraps every handler, outermost first. It runs inside the
	// access check: a refused request never reaches it.
	Middleware []func(http.Handler) http.Handler
}

// OptionsFromEnv reads the Options that a deployment sets:
//
//	AWS_API_GW_STAGE_NAME               Stage
//	JWT_AUTHORIZATION_GROUPS_ATTR_NAME  GroupsClaim: one claim's name, taken
//	                                    literally ("https://example.com/groups"),
//	                                    or a JSON list of keys for a nested one
//	                                    (["realm_access", "roles"])
//	ROUTEGATE_METRICS_NAMESPACE         MetricsNamespace
//
// The error names the variable whose value is unusable.
func OptionsFromEnv() (Options, error) {
	opts := Options{
		Stage:            os.Getenv("AWS_API_GW_STAGE_NAME"),
		MetricsNamespace: os.Getenv("ROUTEGATE_METRICS_NAMESPACE"),
	}
	const groups = "JWT_AUTHORIZATION_GROUPS_ATTR_NAME"
	switch v := os.Getenv(groups); {
	case v == "":
	case strings.HasPrefix(v, "["):
		if err := json.Unmarshal([]byte(v), &opts.GroupsClaim); err != nil {
			return Options{}, fmt.Errorf("%s: %q is not a JSON list of keys: %w", groups, v, err)
		}
		if err := checkGroupsClaim(opts.GroupsClaim); err != nil {
			return Options{}, fmt.Errorf("%s: %w", groups, err)
		}
	default:
		opts.GroupsClaim = []string{v}
	}
	if err := checkStage(opts.Stage); err != nil {
		return Options{}, fmt.Errorf("AWS_API_GW_STAGE_NAME: %w", err)
	}
	if err := checkNamespace(opts.MetricsNamespace); err != nil {
		return Options{}, fmt.Errorf("ROUTEGATE_METRICS_NAMESPACE: %w", err)
	}
	return opts, nil
}

// checkStage checks a stage's name, which is one segment of a path (API
// reference, CreateStage).
func checkStage(stage string) error {
	if stage != "" && stage != "$default" && (len(stage) > 128 || !isMadeOf(stage, "_-")) {
		return fmt.Errorf("stage %q: a stage's name is 1 to 128 letters, digits, _ and -", stage)
	}
	return nil
}

// isMadeOf reports whether s has nothing but letters, digits and the characters
// of others. A regexp would be compiled at every start of the function.
func isMadeOf(s, others string) bool {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(others, c) >= 0) {
			return false
		}
	}
	return true
}

func checkGroupsClaim(path []string) error {
	switch {
	case len(path) == 0:
		return errors.New("the groups claim has no key")
	case slices.Contains(path, ""):
		return errors.New("the groups claim has an empty key")
	}
	return nil
}
