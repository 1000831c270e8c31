package openapi

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// Options say what a table does not.
type Options struct {
	// Title is the name of the API.
	Title string

	// Server is the URL of the API: absolute, or relative to that of the document,
	// without a slash at its end. "" leaves it out, which means "/".
	Server string

	// TokenHandler is the name of the handler that gives tokens by OAuth's
	// password grant. Where a route has it, that is where the document says that
	// tokens are had; elsewhere it asks for a token and does not say where from.
	TokenHandler string
}

// Document returns the table as an OpenAPI 3.1 document.
func Document(t *route.Table, opts Options) []byte {
	d := document{
		OpenAPI: "3.1.1",
		Info:    info{Title: opts.Title, Version: version(t)},
		Paths:   place(t),
		Components: components{
			Schemas:         schemas,
			Responses:       responses,
			SecuritySchemes: securitySchemes(t, opts),
		},
	}
	if opts.Server != "" {
		d.Servers = []server{{opts.Server}}
	}
	return encode(d)
}

// A document is the part of OpenAPI that is used here, in the order in which a
// person reads it. encoding/json sorts the keys of the maps.
type document struct {
	OpenAPI    string              `json:"openapi"`
	Info       info                `json:"info"`
	Servers    []server            `json:"servers,omitempty"`
	Paths      map[string]pathItem `json:"paths"`
	Components components          `json:"components"`
}

type info struct {
	Title   string `json:"title"`
	Version string `json:"version"`
}

type server struct {
	URL string `json:"url"`
}

// A pathItem has the operations of a path by their methods in lower case.
type pathItem map[string]operation

type operation struct {
	OperationID string                `json:"operationId"`
	Summary     string                `json:"summary"`
	Description string                `json:"description,omitempty"`
	Tags        []string              `json:"tags,omitempty"`
	Deprecated  bool                  `json:"deprecated,omitempty"`
	Groups      []string              `json:"x-groups,omitempty"`
	Security    []map[string][]string `json:"security"` // empty is public; it must not be left out
	Parameters  []parameter           `json:"parameters,omitempty"`
	RequestBody *requestBody          `json:"requestBody,omitempty"`
	Responses   object                `json:"responses"`

	Auth        *auth        `json:"x-amazon-apigateway-auth,omitempty"`
	Integration *integration `json:"x-amazon-apigateway-integration,omitempty"`
}

type parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Required    bool   `json:"required"`
	Description string `json:"description,omitempty"`
	Schema      object `json:"schema"`
}

type requestBody struct {
	Description string `json:"description"`
	Content     object `json:"content"`
}

type components struct {
	Schemas         object `json:"schemas,omitempty"`
	Responses       object `json:"responses,omitempty"`
	SecuritySchemes object `json:"securitySchemes,omitempty"`
}

type reference struct {
	Ref string `json:"$ref"`
}

// Swagger UI shows the flows in their order.
type flows struct {
	Password          flow `json:"password"`
	ClientCredentials flow `json:"clientCredentials"`
}

type flow struct {
	TokenURL string `json:"tokenUrl"`
	Scopes   object `json:"scopes"`
}

type object = map[string]any

// version tells documents of different tables apart. It is the beginning of the
// digest that the function logs.
func version(t *route.Table) string { return t.Digest()[:12] }

// describe returns the operation of a route for one method.
func describe(r *route.Route, id, method string, parameters []parameter) operation {
	o := operation{
		OperationID: id,
		Summary:     r.Summary,
		Description: "Who may call: " + r.Access.String() + ".",
		Tags:        r.Tags,
		Deprecated:  r.Deprecated,
		Groups:      r.Access.Groups,
		Security:    requirements(r.Access),
		Parameters:  parameters,
		Responses: object{
			"404":     reference{"#/components/responses/NotFound"},
			"500":     reference{"#/components/responses/InternalServerError"},
			"default": object{"description": "What the handler answers."},
		},
	}
	if r.Description != "" {
		o.Description = r.Description + "\n\n" + o.Description
	}
	if r.Access.Auth != route.Public {
		o.Responses["401"] = reference{"#/components/responses/Unauthorized"}
		o.Responses["403"] = reference{"#/components/responses/Forbidden"}
	}
	switch method {
	case "POST", "PUT", "PATCH":
		o.RequestBody = &requestBody{
			Description: "The manifest does not say what the handler takes.",
			Content:     object{"application/json": object{"schema": object{}}},
		}
	}
	return o
}

// The names of the security schemes.
const (
	jwtScheme = "jwt"
	iamScheme = "sigv4"
)

// requirements returns what a route asks of its caller: any one of them is
// enough, and none at all is public. It panics for an access that no table has,
// since every way out would call the route public.
func requirements(a route.Access) []map[string][]string {
	switch {
	case a.Auth == route.Public:
		return []map[string][]string{}
	case a.Auth == route.IAM:
		return []map[string][]string{{iamScheme: {}}}
	case a.Auth != route.JWT:
		panic("openapi: no security requirement for access " + a.Auth.String())
	case len(a.Scopes) == 0:
		return []map[string][]string{{jwtScheme: {}}}
	}
	var list []map[string][]string
	for _, scope := range a.Scopes {
		list = append(list, map[string][]string{jwtScheme: {scope}})
	}
	return list
}

// securitySchemes returns the schemes that the table's routes ask for.
func securitySchemes(t *route.Table, opts Options) object {
	schemes := object{}
	for r := range t.All() {
		switch r.Access.Auth {
		case route.JWT:
			schemes[jwtScheme] = bearer(t, opts)
		case route.IAM:
			schemes[iamScheme] = signature()
		}
	}
	return schemes
}

// bearer is the scheme of the token that API Gateway's JWT authorizer takes.
func bearer(t *route.Table, opts Options) object {
	const description = "A JSON Web Token, which the gateway verifies."
	token := ""
	for r := range t.All() {
		if r.Handler == opts.TokenHandler && r.Method == "POST" && len(r.Pattern.Variables()) == 0 {
			token = r.Pattern.String()
			break
		}
	}
	if token == "" {
		return object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description}
	}
	// A relative address of a flow counts from the server's (OpenAPI 3.1, section
	// 4.6), which a path with a slash in front would leave.
	switch {
	case strings.Contains(opts.Server, "://"):
		token = opts.Server + token
	case opts.Server != "":
		token = token[1:]
	}
	scopes := object{}
	for _, scope := range t.Scopes() {
		scopes[scope] = ""
	}
	for _, scope := range t.DeclaredScopes() {
		scopes[scope.Name] = scope.Meaning
	}
	f := flow{token, scopes}
	return object{"type": "oauth2", "description": description, "flows": flows{f, f}}
}

// signature is the scheme of requests that are signed with AWS credentials.
// OpenAPI has no type for it, so that it is an API key in the header that holds
// the signature, as API Gateway has it.
func signature() object {
	return object{"type": "apiKey", "in": "header", "name": "Authorization", "description": "AWS Signature Version 4, service execute-api."}
}

func encode(d document) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		panic("openapi: " + err.Error()) // strings, bools, lists and maps of them always encode
	}
	return b.Bytes()
}
