package review

import (
	"strconv"
	"strings"

	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/route"
)

// A Near is a request that a route takes, and that resembles one that none does.
type Near struct {
	Method, Path string
	Route        *route.Route
	Allowed      bool // whether the caller's is
}

// near returns the requests that were perhaps meant: the path with another
// method; or the path without its first segment, which may be the stage; or the
// path that is spelt most alike. The path is encoded.
func near(t *route.Table, method, path string, c route.Caller) []Near {
	var list []Near
	add := func(method, path string) {
		if r, _ := gateway.Match(t, method, path); r != nil {
			list = append(list, Near{method, path, r, letsIn(r.Access, c)})
		}
	}
	for _, m := range route.Methods {
		if m != method {
			add(m, path)
		}
	}
	if first, rest, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/"); len(list) == 0 && ok && first != "" {
		add(method, "/"+rest)
	}
	if len(list) == 0 {
		if path := alike(t, method, path); path != "" {
			add(method, path)
		}
	}
	return list
}

// alike returns the path of a route of the method that the path is most likely a
// slip of, or "". Variables take the values that the path has in their place.
func alike(t *route.Table, method, path string) string {
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	var candidates []string
	for r := range t.All() {
		wanted := strings.Split(r.Pattern.String(), "/")
		if len(wanted) != len(parts) || r.Method != method && r.Method != route.AnyMethod {
			continue
		}
		for i, part := range wanted {
			if strings.HasPrefix(part, "{") {
				wanted[i] = parts[i]
			}
		}
		candidates = append(candidates, strings.Join(wanted, "/"))
	}
	hint := strings.TrimSuffix(strings.TrimPrefix(manifest.Suggest(path, candidates), ", did you mean "), "?")
	best, _ := strconv.Unquote(hint) // "" of none
	return best
}
