package route

import (
	"net/url"
	"strings"
)

// EncodedPath returns the path of a request as it was sent, which URL.EscapedPath
// does not where package url finds fault with it: it then decodes all of it, its
// "%2F" included. An empty path is "/" (RFC 9110, section 4.2.3).
func EncodedPath(u *url.URL) string {
	switch {
	case u.RawPath != "":
		return u.RawPath
	case u.Path == "":
		return "/"
	}
	return u.EscapedPath()
}

// MatchEncoded is Match for a path as the client sent it. The path is cut at the
// slashes that the client wrote as such, and then decoded, once: "%2F" is a
// character of a segment (RFC 3986, section 2.4). The values are decoded.
//
// So a container runs the route that a gateway which cuts first would authorize,
// with the same values. AWS does not document that it does.
func (r *Router) MatchEncoded(method, path string) (*Route, []string) {
	if !strings.HasPrefix(path, "/") {
		return nil, nil // "*" of OPTIONS; "%2Fx" is not "/x"
	}
	rt, values := r.Match(method, canonical(path))
	for i, v := range values {
		values[i], _ = url.PathUnescape(v) // every escape in it is canonical's
	}
	return rt, values
}

// canonical writes each path in one way: what may stand in a literal segment of a
// pattern as it is, every other character as an escape. So a literal compares
// equal to whatever decodes to it, and no value has a slash that was not one.
func canonical(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '/' {
			b.WriteByte(c)
			continue
		}
		if c == '%' && i+2 < len(path) {
			high, low := strings.IndexByte(hex, upper(path[i+1])), strings.IndexByte(hex, upper(path[i+2]))
			if high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		}
		if isSegmentChar(rune(c)) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}
