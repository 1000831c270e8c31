package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
)

// maxRequest is how long a request's body may be, in bytes.
const maxRequest = 16 << 10

// readRequest reads the parameters of a token request. The body is a form, as
// OAuth has it (RFC 6749, section 3.2), a multipart form, or a JSON object of
// strings. A parameter without a value counts as left out, and none may come twice
// in a form. The query is ignored, because URLs end up in logs.
//
// A request without a grant_type asks for the password grant. The clients of the
// Flask starter obytes/lambda-flask-api send only username and password, in a
// multipart form (README of obytes/terraform-aws-lambda-api, "Demo").
func readRequest(w http.ResponseWriter, r *http.Request) (url.Values, *failure) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return nil, &failure{status: http.StatusRequestEntityTooLarge, code: invalidRequest, description: "the body is too long"}
	}
	if err != nil {
		return nil, invalid("the body cannot be read")
	}
	params := make(url.Values)
	mediaType, attributes, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch mediaType {
	case "application/x-www-form-urlencoded":
		if params, err = url.ParseQuery(string(body)); err != nil {
			return nil, invalid("the body is not a form")
		}
	case "multipart/form-data":
		if params, err = parseMultipart(body, attributes["boundary"]); err != nil {
			return nil, invalid("the body is not a multipart form without files")
		}
	case "application/json":
		var object map[string]string
		if json.Unmarshal(body, &object) != nil || object == nil {
			return nil, invalid("the body is not a JSON object of strings")
		}
		for name, value := range object {
			params.Set(name, value)
		}
	default:
		return nil, invalid("the body must be application/x-www-form-urlencoded, multipart/form-data or application/json")
	}
	for name, values := range params {
		switch {
		case len(values) > 1:
			return nil, invalid("a parameter comes twice")
		case values[0] == "":
			delete(params, name)
		}
	}
	if !params.Has("grant_type") {
		params.Set("grant_type", "password")
	}
	return params, nil
}

// parseMultipart reads a multipart form (RFC 7578), of which no part may be a
// file. The caller must have limited the length of the body.
func parseMultipart(body []byte, boundary string) (url.Values, error) {
	if boundary == "" {
		return nil, errors.New("no boundary")
	}
	params := make(url.Values)
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return params, nil
		}
		if err != nil {
			return nil, err
		}
		if part.FormName() == "" || part.FileName() != "" {
			return nil, errors.New("a part has no name, or is a file")
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		params.Add(part.FormName(), string(value))
	}
}
