package route

import (
	"net/url"
	"strings"
	"testing"
)

func TestEncodedPath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url  url.URL
		want string
	}{
		{url.URL{}, "/"},
		{url.URL{Path: "/a b"}, "/a%20b"},
		{url.URL{Path: "/a/b", RawPath: "/a%2Fb"}, "/a%2Fb"},
		{url.URL{Path: "/a/b ", RawPath: "/a%2Fb "}, "/a%2Fb "}, // with which package url finds fault
		{url.URL{RawPath: "/a"}, "/a"},
	}
	for _, test := range tests {
		if got := EncodedPath(&test.url); got != test.want {
			t.Errorf("%+v has the path %q, want %q", test.url, got, test.want)
		}
	}
}

func TestMatchEncoded(t *testing.T) {
	t.Parallel()
	table, report := Load("routes.yaml", []byte(`
version: 1
routes:
  - {path: /, method: GET, handler: a, name: root, public: true}
  - {path: '/files/{name}', method: GET, handler: a, name: file, public: true}
  - {path: '/files/{dir}/{name}', method: GET, handler: a, name: nested}
  - {path: '/rest/{p+}', method: GET, handler: a, name: rest}
  - {path: '/a:b/x_y-z.w', method: GET, handler: a, name: literal}
`), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{"/files/a", "file a"},
		{"/files/a%2Fb", "file a/b"},
		{"/files/a%2fb", "file a/b"},
		{"/files/a%252Fb", "file a%2Fb"},
		{"/files/a/b", "nested a|b"},
		{"/files/%2F", "file /"},
		{"/files/a%3Fb%23c%25d", "file a?b#c%d"},
		{"/files/a+b%2B%20", "file a+b+ "},
		{"/files/%00%ff", "file \x00\xff"},
		{"/files/:a%3A", "file :a:"},
		{"/files/%zz%", "file %zz%"},
		{"/files/%4g%g4%4", "file %4g%g4%4"}, // no escapes
		{"/files/%7a%7A%4Z%aZ%Az", "file zz%4Z%aZ%Az"},
		{"/files/gr%C3%B6%c3%9Fe", "file größe"},
		{"/files/größe", "file größe"},
		{"/%66iles/%61", "file a"},
		{"/files%2Fa", ""},
		{"%2Ffiles/a", ""},
		{"//files///a/", "file a"},
		{"/files/a/b%2F..%2f", "nested a|b/../"},
		{"/rest/a%2F/b//c/", "rest a//b//c/"},
		{"/rest/", "rest "},
		{"/rest%2F", ""},
		{"/a:b/x_y-z.w", "literal "},
		{"/a%3Ab/x%5Fy%2Dz%2ew", "literal "},
		{"/a\x00b/x_y-z.w", ""},
		{"/a%00b/x_y-z.w", ""},
		{"/", "root "},
		{"//", "root "},
		{"/%2F", ""},
		{"", ""},
		{"*", ""},
	}
	for _, prefix := range []string{"", "mvp"} {
		router := NewRouter(table, prefix)
		for _, test := range tests {
			path := test.path
			if prefix != "" && strings.HasPrefix(path, "/") {
				path = "/m%76p" + path
			}
			rt, values := router.MatchEncoded("GET", path)
			got := ""
			if rt != nil {
				got = rt.Name + " " + strings.Join(values, "|")
			}
			if got != test.want {
				t.Errorf("%s: got %q, want %q", path, got, test.want)
			}
		}
	}
	// The decision goes by the encoded path if the gateway chose no route of the table.
	for _, key := range []string{"", "$default", "ANY /{proxy+}"} {
		d := NewRouter(table, "").Decide(Request{Method: "GET", Path: "/files/a/b", EncodedPath: "/files/x%2Fb/", RouteKey: key})
		if d.Route == nil || d.Route.Name != "file" || d.Values[0] != "x/b" {
			t.Errorf("route key %q: decision %+v", key, d)
		}
	}
}
