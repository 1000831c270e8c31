package apigw

import "strings"

// TraceRoot returns the id of the trace in an X-Amzn-Trace-Id header, which is
// what its field Root holds: "1-", 8 hexadecimal digits of time, "-", and 24 of
// identifier (X-Ray developer guide, "Tracing header"; ELB user guide, "Request
// tracing for your Application Load Balancer"). It is "" for anything else, so
// that whatever a client sends, no more than that reaches the log.
func TraceRoot(header string) string {
	for field := range strings.SplitSeq(header, ";") {
		root, ok := strings.CutPrefix(strings.TrimSpace(field), "Root=")
		if ok && len(root) == 35 && root[:2] == "1-" && root[10] == '-' && isHex(root[2:10]) && isHex(root[11:]) {
			return root
		}
	}
	return ""
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
