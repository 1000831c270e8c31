package openapi

// Two parties refuse requests, and each in its own form: API Gateway with the
// message that its developer guide shows, and the function with problem details
// (RFC 9457). A client must be ready for both.
var responses = object{
	"Unauthorized": refusal("Unauthorized",
		"The token is missing or not valid (the gateway), or nobody vouched for the caller in the way that the route asks (the function).",
		401, "no_principal", "a verified token or signature is needed"),
	"Forbidden": refusal("Forbidden",
		"The token has none of the route's scopes (the gateway, and the function), or the caller is in none of its groups (the function).",
		403, "missing_group", "the caller is in no group that this route asks for"),
	"NotFound": refusal("Not Found",
		"No route matches the method and the path (the gateway, and the function), or the handler does not have what was asked for.",
		404, "no_route", "no route matches the method and the path"),
	"InternalServerError": refusal("Internal Server Error",
		"The function could not be run (the gateway), or its handler failed (the function).",
		500, "internal_error", "the service failed; the request's id finds the cause in its log"),
}

func refusal(title, description string, status int, code, detail string) object {
	return object{
		"description": description,
		"content": object{
			"application/json": object{
				"schema":  reference{"#/components/schemas/GatewayMessage"},
				"example": object{"message": title},
			},
			"application/problem+json": object{
				"schema": reference{"#/components/schemas/Problem"},
				"example": object{
					"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, "request_id": "JKJaXmPLvHcESHA=",
				},
			},
		},
	}
}

var schemas = object{
	"GatewayMessage": object{
		"description": "What API Gateway answers itself.",
		"type":        "object",
		"required":    []string{"message"},
		"properties":  object{"message": object{"type": "string"}},
	},
	"Problem": object{
		"description": "What the function answers in place of a handler: problem details (RFC 9457).",
		"type":        "object",
		"required":    []string{"type", "title", "status", "detail", "code"},
		"properties": object{
			"type":       object{"type": "string", "format": "uri-reference"},
			"title":      object{"type": "string"},
			"status":     object{"type": "integer"},
			"detail":     object{"type": "string"},
			"code":       object{"type": "string", "description": "Why, as one of a few fixed words."},
			"request_id": object{"type": "string", "description": "Finds the request in the logs."},
		},
	},
}
