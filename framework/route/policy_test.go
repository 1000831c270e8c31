package route_test

import (
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/route"
)

// A test's request is written as a client sends it: what is encoded in its path is
// decoded, segment by segment, before a route is found.
func TestRequestsOfTestsAreEncoded(t *testing.T) {
	t.Parallel()
	table, report := route.Load("routes.yaml", []byte(`
version: 1
groups: {ADMINS: x}
routes:
  - {path: /admin, method: GET, handler: a, groups: [ADMINS]}
  - {path: '/{x}', method: GET, handler: b, public: true}
tests:
  - name: an encoded letter is that letter
    allow: [GET /%61dmin]
  - name: an encoded slash is none
    allow: [GET /admin%2Fx]
    deny: [GET /admin, GET /%61%64%6D%69%6E]
`), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, d := range table.Test() {
		failed = append(failed, d.Message)
	}
	if len(failed) != 1 || !strings.Contains(failed[0], `"GET /%61dmin" is refused by "GET /admin"`) {
		t.Errorf("failed: %q", failed)
	}
}
