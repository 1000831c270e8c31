package manifest_test

import (
	"fmt"
	"os"

	"github.com/routegate/routegate/framework/manifest"
)

func ExampleParse() {
	const file = `version: 1
routes:
  - path: /v1/users/{id}
    metod: GET
    handler: get_user
    public: yes
`
	_, report := manifest.Parse("routes.yaml", []byte(file))
	report.Print(os.Stdout)
	// Output:
	// routes.yaml:4:5: error: unknown key "metod", did you mean "method"? [unknown-key]
	//     4 |     metod: GET
	//       |     ^^^^^
	// routes.yaml:6:13: error: "public" must be true or false, got "yes": write true [wrong-type]
	//     6 |     public: yes
	//       |             ^^^
}

func ExampleSuggest() {
	fmt.Println("unknown method" + manifest.Suggest("DELET", []string{"GET", "PUT", "DELETE"}))
	// Output: unknown method, did you mean "DELETE"?
}
