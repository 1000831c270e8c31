package apigw

import (
	"strings"
	"testing"
)

// A client can choose the request id of a REST API, and only a UUID passes. What AWS
// chooses passes if it looks like an id.
func TestRequestID(t *testing.T) {
	const uuid, extended = "7c2af7db-31f3-42b5-8a6d-9ffc74e3b9e0", "JCJmXjUAPHcEP4w="
	for _, tt := range []struct {
		event              string
		id, extended, want any
	}{
		{"rest-iam", uuid, extended, uuid},
		{"rest-iam", strings.ToUpper(uuid), extended, strings.ToUpper(uuid)},
		{"rest-iam", "secret", extended, extended},
		{"rest-iam", uuid + "0", extended, extended},
		{"rest-iam", uuid[:35], extended, extended},
		{"rest-iam", uuid[:35] + "g", extended, extended},
		{"rest-iam", strings.ReplaceAll(uuid, "-", "0"), extended, extended},
		{"rest-iam", "7c2af7db31f3-42b5-8a6d-9ffc-74e3b9e0", extended, extended},
		{"rest-iam", uuid + "_REPLACED_INVALID_REQUEST_ID", extended, extended}, // in the access log it is
		{"rest-iam", strings.Repeat("x", 1<<20), extended, extended},
		{"rest-iam", "", extended, extended},
		{"rest-iam", nil, extended, extended},
		{"rest-iam", "secret", nil, ""},
		{"rest-iam", "secret", "not an id", ""},
		{"rest-iam", "secret", strings.Repeat("x", 129), ""},
		{"httpapi-jwt", extended, nil, extended},
		{"httpapi-jwt", strings.Repeat("x", 128), nil, strings.Repeat("x", 128)},
		{"httpapi-jwt", strings.Repeat("x", 129), nil, ""},
		{"httpapi-jwt", "a b", nil, ""},
		{"httpapi-jwt", "a\n{}", nil, ""},
		{"httpapi-jwt", "größe", nil, ""},
		{"httpapiv1-jwt", extended, extended, extended},
		{"httpapiv1-jwt", "a b", extended, ""},
		{"functionurl", uuid, nil, uuid},
		{"functionurl", "a b", nil, ""},
	} {
		e := decode(t, edit(t, tt.event, "requestContext.requestId", tt.id, "requestContext.extendedRequestId", tt.extended))
		if e.RequestID != tt.want {
			t.Errorf("%s, requestId %.100q, extendedRequestId %.100q: %.200q, want %.200q", tt.event, tt.id, tt.extended, e.RequestID, tt.want)
		}
	}
}
