package apigw

// gatewayID returns the id that AWS gave a request if it looks like one: at most 128
// letters, digits, and characters of "+/=_-". It returns "" for anything else, so that
// no other text reaches the log.
func gatewayID(id string) string {
	if len(id) > 128 {
		return ""
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '+', c == '/', c == '=', c == '_', c == '-':
		default:
			return ""
		}
	}
	return id
}

// isUUID reports whether s has the form of a UUID (RFC 9562, section 4).
func isUUID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
		isHex(s[:8]) && isHex(s[9:13]) && isHex(s[14:18]) && isHex(s[19:23]) && isHex(s[24:])
}
