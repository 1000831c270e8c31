package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/routegate/routegate/framework/route"
)

// A Deployment is what a gateway is, or is about to be: its routes and its
// authorizers. ReadPlan, ReadState and ReadRoutes make one of files.
type Deployment struct {
	Routes      []DeployedRoute
	Authorizers []Authorizer
	// Complete tells that Authorizers are all that the gateway has, so that a
	// route whose authorizer is not among them is a contradiction. Otherwise an
	// authorizer that is not among them is only not known.
	Complete bool
}

// A DeployedRoute is one route of a gateway.
type DeployedRoute struct {
	Key string // the route key to the letter: "GET /v1/users/{id}", "$default"
	// Access is what the gateway asks of callers. It has no groups, of which the
	// gateway knows nothing, and it is the zero Access if Lambda is true.
	Access     route.Access
	Lambda     bool   // a Lambda authorizer decides, nobody here knows how
	Authorizer string // id; "" for none and for one that is not known yet
	Target     string // the integration; "" where none is named
	Where      string // where to find it: an address in Terraform, or the route's id
}

// An Authorizer is what verifies tokens for a gateway.
type Authorizer struct {
	ID       string // "" for one that is not made yet
	Name     string
	JWT      bool // otherwise it is a Lambda authorizer, of which nothing else is known
	Issuer   string
	Audience []string
	Unknown  bool // issuer or audience are known only after terraform apply
	Where    string

	// IdentitySources are where the token is read from, as AWS writes it; nil
	// where that is not known.
	IdentitySources []string
}

// NewDeployedRoute returns a route as API Gateway's own words say it, in which
// Terraform and AWS agree. No authorization type at all means NONE, as it does
// for both. Scopes count for JWT only (API reference, CreateRoute: "used with
// a JWT authorizer").
func NewDeployedRoute(key, authorizationType string, scopes []string) (DeployedRoute, error) {
	d := DeployedRoute{Key: key}
	switch strings.ToUpper(authorizationType) {
	case "", "NONE":
		d.Access.Auth = route.Public
	case "AWS_IAM":
		d.Access.Auth = route.IAM
	case "CUSTOM":
		d.Lambda = true
	case "JWT":
		d.Access.Auth = route.JWT
		d.Access.Scopes = slices.Compact(slices.Sorted(slices.Values(scopes)))
	default:
		return d, fmt.Errorf("route %q has the unknown authorization type %q: want NONE, AWS_IAM, CUSTOM or JWT", key, authorizationType)
	}
	return d, nil
}

// ReadRoutes reads what "aws apigatewayv2 get-routes" prints, and, unless it is
// nil, what "aws apigatewayv2 get-authorizers" prints, or "get-authorizer".
func ReadRoutes(routes, authorizers []byte) (*Deployment, error) {
	items, err := readItems[struct {
		RouteKey, AuthorizationType, AuthorizerId, AuthorizerType, RouteId, Target string
		AuthorizationScopes                                                        []string
	}](routes, "get-routes")
	if err != nil {
		return nil, err
	}
	d := &Deployment{}
	for i, item := range items {
		if item.RouteKey == "" {
			hint := ""
			if item.AuthorizerType != "" {
				hint = ": is it what get-authorizers prints?"
			}
			return nil, fmt.Errorf("item %d has no RouteKey%s", i+1, hint)
		}
		r, err := NewDeployedRoute(item.RouteKey, item.AuthorizationType, item.AuthorizationScopes)
		if err != nil {
			return nil, err
		}
		r.Authorizer, r.Target, r.Where = item.AuthorizerId, item.Target, item.RouteId
		d.Routes = append(d.Routes, r)
	}
	if authorizers == nil {
		return d, nil
	}
	if err := d.readAuthorizers(authorizers); err != nil {
		return nil, fmt.Errorf("authorizers: %w", err)
	}
	return d, nil
}

// An awsAuthorizer is an authorizer as the aws command line prints it.
type awsAuthorizer struct {
	AuthorizerId, AuthorizerType, Name, RouteKey string
	IdentitySource                               []string
	JwtConfiguration                             struct {
		Audience []string
		Issuer   string
	}
}

// readAuthorizers reads what get-authorizers prints, or, of one of them,
// get-authorizer.
func (d *Deployment) readAuthorizers(data []byte) error {
	var one awsAuthorizer
	if err := readJSON(data, &one); err != nil {
		return err
	}
	list := []awsAuthorizer{one}
	if one.AuthorizerId == "" {
		var err error
		if list, err = readItems[awsAuthorizer](data, "get-authorizers"); err != nil {
			return err
		}
		d.Complete = true
	}
	for i, item := range list {
		if item.AuthorizerId == "" || item.AuthorizerType == "" {
			hint := ""
			if item.RouteKey != "" {
				hint = ": is it what get-routes prints?"
			}
			return fmt.Errorf("item %d has no AuthorizerId or no AuthorizerType%s", i+1, hint)
		}
		d.Authorizers = append(d.Authorizers, Authorizer{
			ID: item.AuthorizerId, Name: item.Name, JWT: item.AuthorizerType == "JWT",
			Issuer: item.JwtConfiguration.Issuer, Audience: item.JwtConfiguration.Audience, Where: item.AuthorizerId,
			IdentitySources: item.IdentitySource,
		})
	}
	return nil
}

// readItems reads one answer of the aws command line that lists things. One
// that says that there are more is not the whole list.
func readItems[T any](data []byte, command string) ([]T, error) {
	var answer struct {
		Items     *[]T
		NextToken string
	}
	if err := readJSON(data, &answer); err != nil {
		return nil, err
	}
	switch {
	case answer.Items == nil:
		return nil, fmt.Errorf(`no "Items": is it what aws apigatewayv2 %s prints?`, command)
	case answer.NextToken != "":
		return nil, fmt.Errorf("it is one page of several (it has a NextToken): run aws apigatewayv2 %s without --no-paginate and --max-items", command)
	}
	return *answer.Items, nil
}

// readJSON reads one JSON object and nothing else into v. An object that has
// a key twice means one thing to one reader and another to the next, so it is
// refused.
func readJSON(data []byte, v any) error {
	data, err := plainText(data)
	if err != nil {
		return err
	}
	if err := checkKeys(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return fmt.Errorf("%q is a %s, want another type", wrong.Field, wrong.Value)
		}
		return fmt.Errorf("not the right JSON: %w", err)
	}
	return nil
}

// plainText returns data without a byte order mark, and says of what people
// often give in place of JSON what it is.
func plainText(data []byte) ([]byte, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	start := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(start) == 0:
		return nil, errors.New("it is empty")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return nil, errors.New("it is UTF-16, as a redirection of older PowerShell writes it: want UTF-8")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil, errors.New("it is a saved plan itself: want what terraform show -json prints of it")
	case !utf8.Valid(data):
		return nil, errors.New("it is not text in UTF-8")
	case start[0] != '{':
		return nil, fmt.Errorf("it is not a JSON object: it starts with %.12q", start)
	}
	return data, nil
}

// maxDepth is how deeply JSON may be nested. Nothing that is read here comes
// near it.
const maxDepth = 1000

// checkKeys reports text that is no single JSON object, and an object with the
// same key twice.
func checkKeys(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var objects []map[string]bool // the keys so far of each open object; nil for an array
	isKey := false
	for {
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("the JSON ends too early: it is not whole")
		case err != nil:
			return fmt.Errorf("not JSON: %w, at byte %d", err, dec.InputOffset())
		}
		if len(objects) > maxDepth {
			return errors.New("the JSON is nested too deeply")
		}
		switch token {
		case json.Delim('{'):
			objects, isKey = append(objects, make(map[string]bool)), true
			continue
		case json.Delim('['):
			objects, isKey = append(objects, nil), false
			continue
		case json.Delim('}'), json.Delim(']'):
			objects = objects[:len(objects)-1]
		default:
			if isKey {
				keys, key := objects[len(objects)-1], token.(string)
				if keys[key] {
					return fmt.Errorf("an object has the key %q twice, at byte %d", key, dec.InputOffset())
				}
				keys[key], isKey = true, false
				continue
			}
		}
		if len(objects) == 0 {
			break
		}
		isKey = objects[len(objects)-1] != nil
	}
	if rest := bytes.TrimSpace(data[dec.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("there is more behind the JSON object, from byte %d on", dec.InputOffset())
	}
	return nil
}
