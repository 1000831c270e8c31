package gateway

import "strings"

// A requestPath is a path as the client sent it, without the stage, cut at the
// slashes that it wrote as such: "%2F" is a character of a segment. Whether AWS
// cuts before it decodes is not documented; to cut first is what RFC 3986,
// section 2.4, asks for.
type requestPath struct {
	raw      string // encoded; "" or "/" and more
	segments []pathSegment
	slash    bool // ends in a slash, as the root does
}

type pathSegment struct {
	text string // decoded
	at   int    // where it starts in raw
}

// splitPath cuts a path into its segments. Repeated slashes count as one:
// reports from live APIs say so.
func splitPath(raw string) requestPath {
	p := requestPath{raw: raw, slash: raw == "" || raw[len(raw)-1] == '/'}
	for at := 0; at < len(raw); {
		if raw[at] == '/' {
			at++
			continue
		}
		end := strings.IndexByte(raw[at:], '/')
		if end < 0 {
			end = len(raw) - at
		}
		p.segments = append(p.segments, pathSegment{unescape(raw[at:at+end], false), at})
		at += end
	}
	return p
}

// rest returns what a greedy variable takes in place of segment i and all that
// follow: decoded, with the slashes that the client sent.
func (p requestPath) rest(i int) string {
	if i >= len(p.segments) {
		return ""
	}
	return unescape(p.raw[p.segments[i].at:], false)
}

// cutStage returns the path behind "/stage". ok is false when the stage is not
// the first segment: API Gateway then knows no such API (developer guide,
// "Create routes for HTTP APIs").
func cutStage(raw, stage string) (rest string, ok bool) {
	bare, ok := strings.CutPrefix(raw, "/")
	if !ok {
		return "", false // "*", of OPTIONS
	}
	if stage == "$default" {
		return raw, true
	}
	first, _, _ := strings.Cut(bare, "/")
	if unescape(first, false) != stage {
		return "", false
	}
	return bare[len(first):], true
}

// unescape decodes each percent escape once, and with plus, as in a query, "+"
// as a space. What is no escape stays as it is, so that decoding the parts of a
// path gives the parts of the decoded path. net/http's server refuses paths
// with a broken escape before they come here, but not queries.
func unescape(s string, plus bool) string {
	if !strings.Contains(s, "%") && !(plus && strings.Contains(s, "+")) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		case c == '+' && plus:
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
