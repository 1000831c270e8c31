package route_test

import (
	"fmt"
	"os"

	"github.com/routegate/routegate/framework/route"
)

func ExampleLoad() {
	const file = `version: 1
routes:
  - path: /v1/users/{id}
    method: GET
    handler: get_usr
  - path: /v1/{kind}/me
    method: GET
    handler: whoami
`
	_, report := route.Load("routes.yaml", []byte(file), []string{"get_user", "whoami"})
	report.Print(os.Stdout)
	// Output:
	// routes.yaml:5:14: error: unknown handler "get_usr", did you mean "get_user"? [unknown-handler]
	//     5 |     handler: get_usr
	//       |              ^^^^^^^
	// routes.yaml:6:11: error: "GET /v1/{kind}/me" and "GET /v1/users/{id}" on line 3 both match "GET /v1/users/me", and API Gateway does not say which is first [route-conflict]
	//     6 |   - path: /v1/{kind}/me
	//       |           ^^^^^^^^^^^^^
	// routes.yaml:3:11: note: the other one
	//     3 |   - path: /v1/users/{id}
	//       |           ^^^^^^^^^^^^^^
}

func ExampleTable_Test() {
	const file = `version: 1
routes:
  - {path: /v1/health, method: GET, handler: health_check, public: true}
  - {path: "/v1/users/{id}", method: GET, handler: get_user, groups: [ADMINS]}
tests:
  - name: users see each other
    as: {groups: [USERS]}
    allow: [GET /v1/users/42]
  - name: nobody sees a user
    deny: [GET /v1/users/42]
`
	table, _ := route.Load("routes.yaml", []byte(file), nil)
	for _, d := range table.Test() {
		fmt.Printf("line %d: %s\n", d.Line, d.Message)
	}
	// Output:
	// line 8: test "users see each other" fails: "GET /v1/users/42" is refused by "GET /v1/users/{id}" on line 4: missing_group
}
