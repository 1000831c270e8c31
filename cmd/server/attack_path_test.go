package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
)

// Beside each protected route is a public one that takes nearly the same paths.
const pathManifest = `
version: 1
routes:
  - {path: /, method: GET, handler: root, public: true}
  - {path: '/public/{x+}', method: GET, handler: public, public: true}
  - {path: '/private/{x+}', method: GET, handler: private, groups: [admin]}
  - {path: '/files/{x}', method: GET, handler: file, public: true}
  - {path: '/files/{x}/secret', method: GET, handler: secret, groups: [admin]}
  - {path: /admin, method: GET, handler: admin, groups: [admin]}
  - {path: '/{x}', method: GET, handler: any, public: true}
`

// readPath reads a path as a handler does that decodes it first. It reports whether
// the path has a segment "." or "..", and whether it is the path of a protected route.
func readPath(path string) (dots, readsAsProtected bool) {
	path, _, _ = strings.Cut(path, "?")
	path, err := url.PathUnescape(path)
	if err != nil {
		return false, false
	}
	segments := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	dots = slices.Contains(segments, ".") || slices.Contains(segments, "..")
	return dots, protectedPath.MatchString(strings.Join(segments, "/"))
}

var protectedPath = regexp.MustCompile(`^(admin|private/(?s:.+)|files/[^/]+/secret)$`)

// Paths that could be taken for others. Each belongs to one route, with one value, in
// the container and in the function behind the gateway, with both event formats. The
// caller needs the permission of that route, and of the route whose path it is once it
// is decoded.
func TestPathConfusion(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 8000)
	tests := []struct {
		name, path string
		route      string // "": none takes it; "400": it is no request
		value      string // of x
	}{
		{"as it is", "/admin", "admin", ""},
		{"nothing but a query", "?x=/admin", "root", ""},
		{"encoded letter", "/%61dmin", "admin", ""},
		{"all letters encoded", "/%61%64%6D%69%6e", "admin", ""},
		{"double encoding", "/%2561dmin", "any", "%61dmin"},
		{"triple encoding", "/%252561dmin", "any", "%2561dmin"},
		{"upper case", "/ADMIN", "any", "ADMIN"},
		{"one letter in upper case", "/aDmin", "any", "aDmin"},
		{"a letter that lower case makes an i of", "/adm%C4%B0n", "any", "adm\u0130n"},
		{"fullwidth letters", "/%EF%BD%81%EF%BD%84%EF%BD%8D%EF%BD%89%EF%BD%8E", "any", "\uff41\uff44\uff4d\uff49\uff4e"},
		{"a letter of Cyrillic", "/%D0%B0dmin", "any", "\u0430dmin"},
		{"soft hyphen", "/ad%C2%ADmin", "any", "ad\u00admin"},
		{"zero width space", "/admin%E2%80%8B", "any", "admin\u200b"},
		{"byte order mark", "/%EF%BB%BFadmin", "any", "\ufeffadmin"},
		{"composed", "/caf%C3%A9", "any", "caf\u00e9"},
		{"decomposed", "/cafe%CC%81", "any", "cafe\u0301"},

		{"trailing slash", "/admin/", "admin", ""},
		{"trailing slashes", "/admin//", "admin", ""},
		{"leading slashes", "//admin", "admin", ""},
		{"encoded trailing slash", "/admin%2F", "any", "admin/"},
		{"encoded leading slash", "/%2Fadmin", "any", "/admin"},
		{"encoded slash alone", "/%2F", "any", "/"},
		{"encoded slashes for a greedy route", "/private%2Fx", "any", "private/x"},
		{"double-encoded slash", "/private%252Fx", "any", "private%2Fx"},
		{"encoded slash for a deeper route", "/files/a%2Fsecret", "file", "a/secret"},
		{"encoded slash in lower case", "/files/a%2fsecret", "file", "a/secret"},
		{"double-encoded slash for a deeper route", "/files/a%252Fsecret", "file", "a%2Fsecret"},
		{"encoded slash inside a value of a deeper route", "/files/a%2Fb/secret", "secret", "a/b"},
		{"encoded slash in a greedy value", "/public/..%2F..%2Fprivate%2Fx", "public", "../../private/x"},
		{"repeated slashes inside", "/files//a///secret", "secret", "a"},
		{"a value of nothing", "/files//secret", "file", "secret"},
		{"repeated slashes of a greedy route", "//private//x", "private", "x"},
		{"greedy route with nothing", "/private/", "any", "private"},
		{"greedy route without a slash", "/private", "any", "private"},
		{"fullwidth slash", "/private%EF%BC%8Fx", "any", "private\uff0fx"},
		{"division slash", "/private%E2%88%95x", "any", "private\u2215x"},
		{"overlong slash", "/private%C0%AFx", "any", "private\xc0\xafx"},
		{"overlong slash of three bytes", "/private%E0%80%AFx", "any", "private\xe0\x80\xafx"},
		{"backslash", `/private\x`, "any", `private\x`},
		{"encoded backslash", "/private%5Cx", "any", `private\x`},
		{"backslash at the start", `/\admin`, "any", `\admin`},

		{"dot", "/./admin", "", ""},
		{"dot behind", "/admin/.", "", ""},
		{"dots", "/public/../admin", "public", "../admin"},
		{"dots from a greedy route", "/private/../public/x", "private", "../public/x"},
		{"dots from a file", "/files/../admin", "", ""},
		{"dots above the root", "/../admin", "", ""},
		{"encoded dots", "/public/%2e%2e/admin", "public", "../admin"},
		{"half-encoded dots", "/public/.%2E/admin", "public", "../admin"},
		{"double-encoded dots", "/public/%252e%252e/admin", "public", "%2e%2e/admin"},
		{"dots and backslashes", `/public/..\admin`, "public", `..\admin`},
		{"dots with an encoded slash", "/public%2F..%2Fadmin", "any", "public/../admin"},
		{"dots as a value", "/files/..", "file", ".."},
		{"dots as a value of a deeper route", "/files/../secret", "secret", ".."},
		{"fullwidth dots", "/public/%EF%BC%8E%EF%BC%8E/admin", "public", "\uff0e\uff0e/admin"},
		{"overlong dots", "/public/%C0%AE%C0%AE/admin", "public", "\xc0\xae\xc0\xae/admin"},
		{"dots with a parameter", "/public/..;/admin", "public", "..;/admin"},

		{"trailing dot", "/admin.", "any", "admin."},
		{"extension", "/admin.json", "any", "admin.json"},
		{"trailing space", "/admin%20", "any", "admin "},
		{"trailing plus", "/admin+", "any", "admin+"},
		{"plus for a space", "/files/a+b", "file", "a+b"},
		{"encoded plus", "/files/a%2Bb", "file", "a+b"},
		{"tab", "/admin%09", "any", "admin\t"},
		{"line", "/admin%0A", "any", "admin\n"},
		{"CR and LF", "/admin%0d%0aX-Admin:%201", "any", "admin\r\nX-Admin: 1"},
		{"NUL", "/admin%00", "any", "admin\x00"},
		{"NUL in front", "/%00admin", "any", "\x00admin"},
		{"NUL and an extension", "/admin%00.html", "any", "admin\x00.html"},
		{"DEL", "/admin%7F", "any", "admin\x7f"},
		{"parameter", "/admin;x=1", "any", "admin;x=1"},
		{"parameter of nothing", "/admin;", "any", "admin;"},
		{"encoded semicolon", "/admin%3B", "any", "admin;"},
		{"parameter in the middle", "/files;x=1/a/secret", "", ""},
		{"parameter of a greedy route", "/private;x/y", "", ""},
		{"comma", "/admin,", "any", "admin,"},
		{"encoded question mark", "/admin%3Fx", "any", "admin?x"},
		{"encoded question mark in a deeper route", "/files/a%3F/secret", "secret", "a?"},
		{"encoded number sign", "/admin%23", "any", "admin#"},
		{"number sign", "/admin#x", "any", "admin#x"},
		{"number sign that hides a route", "/files/a#/secret", "secret", "a#"},
		{"query that is a path", "/files/a?/secret", "file", "a"},
		{"question marks", "/files/a??/../secret", "file", "a"},
		{"encoded percent sign", "/files/%25", "file", "%"},
		{"encoded escape", "/files/%252F", "file", "%2F"},
		{"percent sign alone", "/admin%", "400", ""},
		{"half an escape", "/admin%2", "400", ""},
		{"escape that is none", "/files/%zz/secret", "400", ""},
		{"escape of another kind", "/%u0061dmin", "400", ""},
		{"escape that is cut by a slash", "/files/a%2/secret", "400", ""},
		{"braces", "/{x}", "any", "{x}"},
		{"encoded braces", "/files/%7Bx%7D/secret", "secret", "{x}"},
		{"the pattern itself", "/private/{x+}", "private", "{x+}"},
		{"colon", "/:x", "any", ":x"},
		{"star", "/*", "any", "*"},
		{"quote, and an encoded slash", `/files/a"%2Fsecret`, "file", `a"/secret`},
		{"bracket, and an encoded slash", "/files/a<%2Fsecret", "file", "a</secret"},
		{"pipe, and an encoded slash", "/files/a|%2Fsecret", "file", "a|/secret"},
		{"space, encoded, and an encoded slash", "/files/a%20%2Fsecret", "file", "a /secret"},
		{"letters beyond ASCII as they are", "/files/\xc3\xa9%2Fsecret", "file", "\u00e9/secret"},
		{"invalid UTF-8", "/files/%ff%2Fsecret", "file", "\xff/secret"},
		{"invalid UTF-8 as it is", "/files/\xff%2Fsecret", "file", "\xff/secret"},
		{"surrogate", "/files/%ED%A0%80", "file", "\xed\xa0\x80"},
		{"literal with a byte too many", "/admin%ff", "any", "admin\xff"},
		{"a host", "/http://y/admin", "", ""},
		{"a host as it is", "//y/admin", "", ""},
		{"very long", "/files/" + long, "file", long},
		{"very long, of the protected route", "/files/" + long + "/secret", "secret", long},
		{"very many segments", "/private/" + strings.Repeat("a/", 4000), "private", strings.Repeat("a/", 4000)},
		{"very many slashes", strings.Repeat("/", 8000) + "admin", "admin", ""},
	}
	protected := map[string]bool{"admin": true, "private": true, "secret": true}
	hs := framework.Handlers{}
	for _, name := range []string{"root", "public", "private", "file", "secret", "admin", "any"} {
		hs[name] = echo(name)
	}
	i := newIssuer(t)
	container, function := newTargets(t, pathManifest, hs, i.authorizer(t, nil), gateway.Options{})
	_, functionV1 := newTargets(t, pathManifest, hs, i.authorizer(t, nil), gateway.Options{PayloadV1: true})
	token := "Authorization: Bearer " + i.token(t, object{"groups": []string{"admin"}}) + "\r\n"

	for name, at := range map[string]*target{"container": container, "gateway": function, "gateway, 1.0": functionV1} {
		t.Run(name, func(t *testing.T) {
			for _, test := range tests {
				for _, host := range []string{"", "http://y"} { // the target as a path, and as a URI
					if host == "" && test.path[0] != '/' {
						continue
					}
					for _, who := range []string{"", token} {
						want := []string{"404", "", ""}
						dots, readsAsProtected := readPath(test.path)
						switch {
						case test.route == "400", dots && name == "container":
							want[0] = "400"
						case test.route == "":
						case who == "" && protected[test.route]:
							want[0] = "401"
						case dots:
							want[0] = "400"
						case readsAsProtected && !protected[test.route] && (who == "" || name != "container"):
							want[0] = "401" // a gateway vouches for nobody on a public route
						default:
							want = []string{"200", test.route, asInJSON(test.value)}
						}
						got := at.askPath(t, host+test.path, who)
						if diff := cmp.Diff(want, got); diff != "" {
							t.Errorf("%s: %s%.60s, token %v (-want +got):\n%.500s", test.name, host, test.path, who != "", diff)
						}
					}
				}
			}
		})
	}
}

// askPath sends a GET and returns the status, the handler that ran, and its x.
func (g *target) askPath(t *testing.T, target, headers string) []string {
	t.Helper()
	conn := connect(t, g.address)
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: y\r\n%sConnection: close\r\n\r\n", target, headers)
	resp, body, err := answerOf(bufio.NewReader(conn), "GET")
	if err != nil {
		t.Fatalf("GET %.60q: %v", target, err)
	}
	var saw struct{ Values map[string]string }
	if ran := resp.Header.Get("X-Ran"); ran != "" {
		if err := json.Unmarshal([]byte(body), &saw); err != nil {
			t.Fatal(err)
		}
	}
	return []string{fmt.Sprint(resp.StatusCode), resp.Header.Get("X-Ran"), saw.Values["x"]}
}
