package review_test

import (
	"fmt"
	"os"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

const before = `
version: 1
routes:
  - path: /v1/users/{id}
    method: GET
    handler: get_user
    groups: [ADMINS]
`

const after = `
version: 1
routes:
  - path: /v1/users/{id}
    method: GET
    handler: get_user
  - path: /v1/users/root
    method: GET
    handler: get_user
    name: get_root
    groups: [ADMINS]
`

func Example() {
	old, _ := route.Load("before.yaml", []byte(before), nil)
	new, _ := route.Load("after.yaml", []byte(after), nil)
	names := review.Names{Old: "before.yaml", New: "after.yaml"}

	review.Compare(old, new).Text(os.Stdout, names)
	fmt.Println()
	// While the gateway does not know /v1/users/root yet, it hands these requests
	// on as those of /v1/users/{id}. The new function asks for what both routes ask.
	review.PlanOrder(old, new, review.RootModule).Text(os.Stdout, names)
	// Output:
	// 0 routes newly public, 1 wider, 0 narrower, 0 moved, 1 neutral
	//
	// WIDER     GET /v1/users/{id} may be called by any valid token now, and by group ADMINS before [access-wider]
	//           before.yaml:7 -> after.yaml:4
	//           GET /v1/users/x as a token: 403 missing_group before, runs "get_user" now
	//
	// NEUTRAL   GET /v1/users/root is added: all its requests were answered in the same way before [route-key]
	//           after.yaml:7
	//
	// deploy the function or the gateway first: both are safe
	//
	// either first    GET /v1/users/root, which takes requests that were answered by "GET /v1/users/{id}", may be called by group ADMINS now, and by group ADMINS before
	//                 before.yaml:4 -> after.yaml:7
	//
	// either first    GET /v1/users/{id} may be called by any valid token now, and by group ADMINS before
	//                 before.yaml:7 -> after.yaml:4
}
