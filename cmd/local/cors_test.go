package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/gateway"
)

func TestParseCORS(t *testing.T) {
	t.Parallel()
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	tests := []struct {
		name, text string
		want       *gateway.CORS
		wantErr    string
	}{
		{"the defaults of var.cors", `{"allow_origins": ["http://localhost:3000"]}`,
			&gateway.CORS{AllowOrigins: []string{"http://localhost:3000"}, AllowMethods: methods, AllowHeaders: []string{"authorization", "content-type"}, MaxAge: 3600}, ""},
		{"every field", `{"allow_origins": ["https://a.example", "http://*"], "allow_methods": ["GET"], "allow_headers": ["x-a"], "expose_headers": ["x-b"], "allow_credentials": true, "max_age": -1}`,
			&gateway.CORS{AllowOrigins: []string{"https://a.example", "http://*"}, AllowMethods: []string{"GET"}, AllowHeaders: []string{"x-a"}, ExposeHeaders: []string{"x-b"}, AllowCredentials: true, MaxAge: -1}, ""},
		{"null is the default", `{"allow_origins": ["*"], "allow_methods": null, "max_age": null}`,
			&gateway.CORS{AllowOrigins: []string{"*"}, AllowMethods: methods, AllowHeaders: []string{"authorization", "content-type"}, MaxAge: 3600}, ""},
		{"empty lists", `{"allow_origins": ["*"], "allow_methods": [], "allow_headers": []}`,
			&gateway.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{}, AllowHeaders: []string{}, MaxAge: 3600}, ""},
		{"the old flag", `false`, nil, `want a JSON object such as {"allow_origins": ["http://localhost:3000"]}`},
		{"a file", `cors.json`, nil, "want a JSON object"},
		{"a list", `[]`, nil, "want a JSON object"},
		{"null", `null`, nil, "want a JSON object"},
		{"nothing", ``, nil, "want a JSON object"},
		{"two objects", `{"allow_origins": ["*"]} {}`, nil, "want a JSON object"},
		{"no origin", `{}`, nil, "allow_origins is missing or empty"},
		{"empty origins", `{"allow_origins": []}`, nil, "allow_origins is missing or empty"},
		{"a field of another name", `{"allow_origin": ["*"]}`, nil, `unknown field "allow_origin", did you mean "allow_origins"?`},
		{"a field in another case", `{"Allow_Origins": ["*"]}`, nil, `unknown field "Allow_Origins"`},
		{"a field of another type", `{"allow_origins": "*"}`, nil, "allow_origins is not a list of strings"},
		{"credentials of another type", `{"allow_origins": ["*"], "allow_credentials": "yes"}`, nil, "allow_credentials is not true or false"},
		{"a fraction of a second", `{"allow_origins": ["*"], "max_age": 0.5}`, nil, "max_age is not a whole number"},
		{"credentials for any origin", `{"allow_origins": ["*"], "allow_credentials": true}`, nil, "allow-credentials is not supported if 'allow-origin' is *"},
		{"a subdomain wildcard", `{"allow_origins": ["https://*.example.com"]}`, nil, `CORS origin "https://*.example.com"`},
		{"a slash at the end", `{"allow_origins": ["https://example.com/"]}`, nil, `CORS origin "https://example.com/"`},
		{"a long time", `{"allow_origins": ["*"], "max_age": 86401}`, nil, "CORS max age 86401"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseCORS(test.text)
			if (err != nil) != (test.wantErr != "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Fatalf("error %v, want %q", err, test.wantErr)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// mustCORS parses a CORS configuration. "" is none.
func mustCORS(t *testing.T, text string) *gateway.CORS {
	t.Helper()
	if text == "" {
		return nil
	}
	c, err := parseCORS(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The flag has the fields and the defaults of Terraform's variable.
func TestCORSIsTerraforms(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../deploy/terraform/variables.tf")
	if err != nil {
		t.Fatal(err)
	}
	_, variable, _ := strings.Cut(string(source), `variable "cors" {`)
	object, _, ok := strings.Cut(variable, "})\n")
	if !ok {
		t.Fatal("variables.tf has no variable cors of an object type")
	}
	fields := []string{`"allow_origins": ["*"]`}
	for _, m := range regexp.MustCompile(`(?m)^ +(\w+) += optional\(\S+, (.+)\)$`).FindAllStringSubmatch(object, -1) {
		fields = append(fields, `"`+m[1]+`": `+m[2])
	}
	all, few := mustCORS(t, "{"+strings.Join(fields, ", ")+"}"), mustCORS(t, "{"+fields[0]+"}")
	if all.ExposeHeaders = nil; len(fields) != 6 { // an empty list and none are the same
		t.Errorf("variables.tf has %d fields, want 6: %q", len(fields), fields)
	}
	if diff := cmp.Diff(few, all); diff != "" {
		t.Errorf("the defaults (-of the flag +of Terraform):\n%s", diff)
	}
}
