package openapi

import (
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// A Gateway is what API Gateway must know of a deployment.
type Gateway struct {
	Title     string   // the API's name
	Function  string   // ARN of the function, or of its alias
	Issuer    string   // of the tokens, exactly as in them; needed where a route asks for tokens
	Audiences []string // likewise
}

// anyMethod is API Gateway's own method of a path item (developer guide,
// "x-amazon-apigateway-any-method object").
const anyMethod = "x-amazon-apigateway-any-method"

// Import returns the table as a document that makes an HTTP API of it:
//
//	aws apigatewayv2 import-api --body file://openapi.json
//
// Each route has an integration of its own, as in AWS SAM's documents, with
// payload format 2.0: 300 is as many as an API can have. What the import does not
// do: permit the API to invoke the function, and make a stage.
//
// The document has nothing in it that API Gateway does not use, such as groups.
func Import(t *route.Table, g Gateway) []byte {
	d := document{
		OpenAPI:    "3.0.1", // as in AWS's own exports
		Info:       info{Title: g.Title, Version: version(t)},
		Paths:      make(map[string]pathItem),
		Components: components{SecuritySchemes: object{}},
	}
	for r := range t.All() {
		path, method := r.Pattern.String(), strings.ToLower(r.Method)
		if r.Method == route.AnyMethod {
			method = anyMethod
		}
		o := operation{
			OperationID: r.Name,
			Summary:     r.Summary,
			Security:    requirements(r.Access),
			Parameters:  parameters(strings.Split(path[1:], "/"), r.Pattern.IsGreedy()),
			Responses:   object{"default": object{"description": "What the function answers."}},
			Integration: &integration{Type: "aws_proxy", Method: "POST", URI: g.Function, Payload: "2.0"},
		}
		switch r.Access.Auth {
		case route.JWT:
			// In one requirement, which API Gateway takes as any one of them.
			o.Security = []map[string][]string{{jwtScheme: append([]string{}, r.Access.Scopes...)}}
			d.Components.SecuritySchemes[jwtScheme] = jwtAuthorizer(g)
		case route.IAM:
			// Said twice, since a route where it is missed would be public: the
			// developer guide has the first, and AWS SAM writes the second for HTTP
			// APIs (aws/serverless-application-model, model/apigatewayv2.py).
			o.Auth = &auth{"AWS_IAM"}
			signed := signature()
			signed["x-amazon-apigateway-authtype"] = "awsSigv4"
			d.Components.SecuritySchemes[iamScheme] = signed
		}
		if d.Paths[path] == nil {
			d.Paths[path] = make(pathItem)
		}
		d.Paths[path][method] = o
	}
	return encode(d)
}

// integration is the x-amazon-apigateway-integration object. Its method is that
// of the function's invocation.
type integration struct {
	Type    string `json:"type"`
	Method  string `json:"httpMethod"`
	URI     string `json:"uri"`
	Payload string `json:"payloadFormatVersion"`
}

// auth is the x-amazon-apigateway-auth object.
type auth struct {
	Type string `json:"type"`
}

// jwtAuthorizer is the scheme as in the developer guide,
// "x-amazon-apigateway-authorizer examples for HTTP APIs", with the flows that
// OpenAPI asks for.
func jwtAuthorizer(g Gateway) object {
	return object{
		"type":  "oauth2",
		"flows": object{},
		"x-amazon-apigateway-authorizer": object{
			"type":             "jwt",
			"jwtConfiguration": object{"issuer": g.Issuer, "audience": g.Audiences},
			"identitySource":   "$request.header.Authorization",
		},
	}
}
