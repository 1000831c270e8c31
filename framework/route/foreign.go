package route

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/routegate/routegate/framework/manifest"
)

// A foreignSegment is a segment that other routers read as a variable, and API
// Gateway does not.
type foreignSegment struct {
	offset, width int    // in the path, in characters
	text          string // as it is written
	want          string // the variable in API Gateway's syntax
}

// reason says what is wrong, as the end of a sentence about the path.
func (f foreignSegment) reason() string {
	return "has the segment " + manifest.Quote(f.text) + ", a variable in the syntax of another router: write " + manifest.Quote(f.want)
}

// foreignSegments returns the segments of a path that are written as in net/http,
// httprouter, Express, Flask, FastAPI, ASP.NET or Next.js.
func foreignSegments(path string) []foreignSegment {
	var found []foreignSegment
	segments := strings.Split(path, "/")
	offset := 0
	for i, text := range segments {
		width := utf8.RuneCountInString(text)
		if want := nativeVariable(text, i == len(segments)-1); want != "" {
			found = append(found, foreignSegment{offset, width, text, want})
		}
		offset += width + 1
	}
	return found
}

// nativeVariable returns the variable in API Gateway's syntax that a segment stands
// for in another router, or "". A greedy variable must be the last segment.
func nativeVariable(segment string, last bool) string {
	name, greedy := segment, false
	// cut removes an affix of name that marks a greedy variable.
	cut := func(trim func(s, affix string) (string, bool), affix string) {
		if rest, ok := trim(name, affix); ok {
			name, greedy = rest, true
		}
	}
	between := func(open, end string) bool {
		inner, opened := strings.CutPrefix(segment, open)
		inner, closed := strings.CutSuffix(inner, end)
		if opened && closed {
			name = inner
		}
		return opened && closed
	}
	switch {
	case strings.HasPrefix(segment, ":"): // :id, :path*
		name = segment[1:]
		cut(strings.CutSuffix, "*")
		cut(strings.CutSuffix, "+")
	case strings.HasPrefix(segment, "*"): // *, **, *path
		name, greedy = strings.TrimLeft(segment, "*"), last
		if name == "" && last {
			name = "proxy"
		}
		if name == "" && segment == "*" {
			name = "name"
		}
	case between("{", "}"): // {path...}, {*path}, {path*}, {path:path}, {id:int}, {id:[0-9]+}
		inner := name
		cut(strings.CutPrefix, "**")
		cut(strings.CutPrefix, "*")
		cut(strings.CutSuffix, "*")
		cut(strings.CutSuffix, "...")
		// API Gateway takes {a:b}, too, whose name is a:b.
		if n, kind, ok := strings.Cut(name, ":"); ok && (slices.Contains(converters, kind) || !isSegmentText(kind)) {
			name, greedy = n, kind == "path" || kind == ".*" || kind == ".+"
		}
		if name == inner {
			return ""
		}
	case between("<", ">"): // <id>, <int:id>, <path:path>
		if kind, n, ok := strings.Cut(name, ":"); ok {
			name, greedy = n, kind == "path"
		}
	case between("[", "]"): // [id], [...path]
		cut(strings.CutPrefix, "...")
	default:
		return ""
	}
	switch {
	case name == "" || name[0] == '.' || !isSegmentText(name), greedy && !last:
		return ""
	case greedy:
		return "{" + name + "+}"
	}
	return "{" + name + "}"
}

// converters are the types of variables in Flask, FastAPI and ASP.NET.
var converters = []string{"path", "int", "float", "str", "string", "uuid", "guid"}

func isSegmentText(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return !isSegmentChar(c) })
}
