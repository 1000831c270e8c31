package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
)

// maxRequest is how long a request's body may be.
const maxRequest = 16 << 10

// readRequest reads the parameters of a token request, from a form, as OAuth has
// it (RFC 6749, section 3.2), or from a JSON object of strings. A parameter
// without a value counts as left out, and none may come twice in a form. Those of
// the URL are not looked at: addresses end up in logs.
func readRequest(w http.ResponseWriter, r *http.Request) (url.Values, *failure) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return nil, &failure{status: http.StatusRequestEntityTooLarge, code: invalidRequest, description: "the body is too long"}
	}
	if err != nil {
		return nil, invalid("the body cannot be read")
	}
	params := make(url.Values)
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch mediaType {
	case "application/x-www-form-urlencoded":
		if params, err = url.ParseQuery(string(body)); err != nil {
			return nil, invalid("the body is not a form")
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
		return nil, invalid("the body must be application/x-www-form-urlencoded or application/json")
	}
	for name, values := range params {
		switch {
		case len(values) > 1:
			return nil, invalid("a parameter comes twice")
		case values[0] == "":
			delete(params, name)
		}
	}
	return params, nil
}
